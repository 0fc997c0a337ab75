"""Files that are no picture we take, whatever their name says."""

import base64
import gzip
import struct

from PIL import Image

from imagegen.tests import pictures as made
from imagegen.tests.corpus.cases import Corpus

PLAIN = "not a picture"


def as_format(format: str, **options) -> bytes:
    return made.encoded(made.scene(), format, **options)


def add_other_pictures(corpus: Corpus) -> None:
    """Formats that Pillow would gladly open, some by way of other programs."""
    named = {
        "GIF": "a GIF",
        "TIFF": "a TIFF",
        "BMP": "a BMP",
        "ICO": "an icon",
        "JPEG2000": "a JPEG 2000",
        "EPS": "a PostScript",
        "PDF": "a PDF",
    }
    for format, words in named.items():
        corpus.add(f"{format} named PNG", lambda format=format: as_format(format), words)
    for format in ("PPM", "PCX", "TGA", "SGI", "DDS", "IM", "MSP", "XBM", "QOI", "SPIDER", "DIB"):
        mode = {"MSP": "1", "XBM": "1", "SPIDER": "F"}.get(format, "RGB")
        corpus.add(
            f"{format} named PNG",
            lambda format=format, mode=mode: made.encoded(made.scene().convert(mode), format),
            PLAIN,
        )
    corpus.add("ICNS named PNG", lambda: as_format("ICNS"), PLAIN)
    corpus.add("animated GIF", lambda: made.animated("GIF"), "a GIF")
    corpus.add("big-endian TIFF", b"MM\x00*\x00\x00\x00\x08" + bytes(200), "a TIFF")
    corpus.add("big TIFF", b"II+\x00\x08\x00\x00\x00" + bytes(200), PLAIN)
    corpus.add("JPEG 2000 codestream", b"\xff\x4f\xff\x51" + bytes(200), PLAIN)
    corpus.add("JPEG XL codestream", b"\xff\x0a" + bytes(200), "a JPEG XL")
    corpus.add("JPEG XL container", b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(99), "a JPEG XL")
    corpus.add("Photoshop", b"8BPS\x00\x01" + bytes(200), "a Photoshop")
    corpus.add("EPS with a preview", b"\xc5\xd0\xd3\xc6" + bytes(200), "a PostScript")
    corpus.add("Windows metafile", b"\xd7\xcd\xc6\x9a" + bytes(200), PLAIN)


def add_containers(corpus: Corpus) -> None:
    for brand in (b"heic", b"mif1", b"isom", b"qt  ", b"crx "):
        box = struct.pack(">I4s4sI4s4s", 24, b"ftyp", brand, 0, brand, b"mif1")
        corpus.add(f"container {brand.decode()}", box + bytes(100), "a HEIC or a video")
    corpus.add("WAV in RIFF", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), PLAIN)
    corpus.add("AVI in RIFF", b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(40), PLAIN)
    corpus.add("ZIP", made.zipped, "a ZIP")
    corpus.add("gzip of a PNG", lambda: gzip.compress(made.png(), mtime=0), "a gzip")
    corpus.add("gzip bomb", lambda: gzip.compress(bytes(20_000_000), mtime=0), "a gzip")
    corpus.add("ELF", b"\x7fELF\x02\x01\x01" + bytes(200), "a program")
    corpus.add("Windows program", b"MZ\x90\x00" + bytes(200), "a program")
    corpus.add("tar", b"picture.png" + bytes(500), PLAIN)


def add_texts(corpus: Corpus) -> None:
    texts = {
        "SVG": (made.SVG, "an SVG"),
        "bare SVG": (b"<svg onload='alert(1)'/>", "an SVG"),
        "SVG behind a byte order mark": (b"\xef\xbb\xbf" + made.SVG, "an SVG"),
        "SVG behind a comment": (b"<!-- hello --><svg/>", "an SVG"),
        "SVG with a document type": (b"<!DOCTYPE svg PUBLIC 'x' 'y'><svg/>", "an SVG"),
        "SVG in capitals": (b"<SVG/>", "an SVG"),
        "XML bomb": (b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "a">]><l>&a;</l>', "an XML"),
        "HTML": (made.HTML, "an HTML page"),
        "HTML without a document type": (b"\n\n  <HTML><body>", "an HTML page"),
        "HTML behind a comment": (b"<!-- x -->\n<html>", "an HTML page"),
        "script": (b"<script>alert(1)</script>", "an HTML page"),
        "HTML head": (b"<head><title>502</title></head>", "an HTML page"),
        "PHP": (b"<?php system($_GET[0]);", "a program"),
        "shell": (b"#!/bin/sh\nrm -rf /", "a program"),
        "JSON error": (b'{"error": {"code": "billing_hard_limit_reached"}}', "JSON text"),
        "JSON list": (b"\n[]", "JSON text"),
        "text": (b"The picture could not be made.", PLAIN),
        "UTF-16 text": ("<html>".encode("utf-16"), PLAIN),
        "XPM": (b"/* XPM */ static char *a[] = {", PLAIN),
        "base64 of a PNG": (base64.b64encode(made.png()), PLAIN),
        "data URI": (b"data:image/png;base64," + base64.b64encode(made.png()), PLAIN),
        "empty": (b"", "empty"),
        "one byte": (b"\x89", PLAIN),
        "zeros": (bytes(5000), PLAIN),
        "PNG behind a newline": (b"\n" + made.png(), PLAIN),
        "PNG sent as text": (made.png().replace(b"\r\n", b"\n"), PLAIN),
        "half a PNG mark": (b"\x89PNG", PLAIN),
        "only a PNG mark": (b"\x89PNG\r\n\x1a\n", "cut off"),
        "only a JPEG mark": (b"\xff\xd8\xff", "cut off"),
        "only a RIFF head": (b"RIFF\x00\x00\x00\x00WEBP", "WEBP"),
        "PHP behind a JPEG mark": (b"\xff\xd8\xff<?php system(1);", "cut off"),
    }
    for name, (data, words) in texts.items():
        corpus.add(name, data, words)


def add_all(corpus: Corpus) -> None:
    add_other_pictures(corpus)
    add_containers(corpus)
    add_texts(corpus)
    corpus.add("TIFF of 20000 by 20000", lambda: as_format("TIFF"), "a TIFF")
    corpus.add("CMYK TIFF", lambda: made.encoded(Image.new("CMYK", (90, 90)), "TIFF"), "a TIFF")
