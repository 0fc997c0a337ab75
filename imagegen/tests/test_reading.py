"""Files that come in: what is refused, with which words, and what is taken rightly."""

import numpy as np
import pytest
from PIL import Image

from imagegen.imaging.reading import BODY, RECEIVED, UPLOAD, Undecodable, as_shown, read_picture
from imagegen.imaging.sniffing import sniff
from imagegen.tests import pictures as made


@pytest.fixture
def read(tmp_path):
    """Writes the bytes to a file with a misleading name and reads the picture."""

    def read(data: bytes, rules=UPLOAD) -> Image.Image:
        path = tmp_path / "claims-to-be.png"
        path.write_bytes(data)
        return read_picture(path, rules)[0]

    return read


REFUSED = {
    "empty": (b"", "is empty"),
    "svg": (made.SVG, "an SVG"),
    "html": (made.HTML, "an HTML page"),
    "postscript": (made.EPS, "a PostScript"),
    "json error": (b'{"error": "billing"}', "JSON text"),
    "zip": (made.zipped(), "a ZIP"),
    "noise": (bytes(range(200, 256)) * 9, "not a picture"),
    "gif": (made.encoded(format="GIF"), "a GIF"),
    "tiff": (made.encoded(format="TIFF"), "a TIFF"),
    "bmp": (made.encoded(format="BMP"), "a BMP"),
    "icon": (made.encoded(format="ICO"), "an icon"),
    "jpeg 2000": (made.encoded(format="JPEG2000"), "a JPEG 2000"),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a HEIC"),
    "too few pixels": (made.encoded(Image.new("RGB", (1, 1))), "1 x 1 pixels"),
    "a line": (made.encoded(Image.new("L", (30000, 1))), "30000 x 1 pixels"),
    "a strip": (made.encoded(Image.new("L", (640, 100))), "4 times the short one"),
    "bomb": (made.png_claiming(8000, 8000), "40 million pixels"),
    "huge header": (made.png_claiming(65535, 65535), "40 million pixels"),
    "no pixels": (made.png_claiming(0, 0), "damaged"),
    "header only": (made.png()[:33], "cut off"),
    "only a start": (b"\xff\xd8\xff", "cut off"),
    "empty scan": (made.png_claiming(100, 100), "damaged"),
    "text bomb": (made.with_chunk(made.png(), b"zTXt", made.BOMB), "damaged"),
    "profile bomb": (made.with_chunk(made.png(), b"iCCP", made.BOMB), "damaged"),
    "bit turned in PNG": (made.flipped(made.png()), "damaged"),
    "animated PNG": (made.animated("PNG"), "animated"),
    "animated WebP": (made.animated("WEBP"), "animated"),
    "animated AVIF": (made.animated("AVIF"), "animated"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_upload_is_refused_with_a_sentence(read, data, words):
    with pytest.raises(Undecodable, match=words) as refusal:
        read(data)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_truncated_file_is_refused(read, format, share):
    data = made.encoded(format=format)
    with pytest.raises(Undecodable):
        read(data[: int(len(data) * share)], RECEIVED)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_file_without_its_last_byte_is_refused(read, format):
    with pytest.raises(Undecodable):
        read(made.encoded(format=format)[:-1], RECEIVED)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("tail", [made.zipped(), b"<script>", b"\x00" * 7 + b"x", made.png()])
def test_upload_with_a_tail_is_refused(read, format, tail):
    with pytest.raises(Undecodable, match="after the end"):
        read(made.encoded(format=format) + tail)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_tail_of_a_received_file_is_let_be(read, format):
    assert read(made.encoded(format=format) + b"tail", RECEIVED).size == made.SIZE


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_first_frame_of_a_received_animation_is_taken(read, format):
    assert read(made.animated(format), RECEIVED).size == made.SIZE


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_allowed_formats_are_taken_by_their_bytes(read, format):
    assert sniff(made.encoded(format=format)) == format
    assert as_shown(read(made.encoded(format=format))).mode == "RGB"


def test_phone_jpeg_with_a_second_picture_is_taken(read):
    assert read(made.phone_jpeg()).size == made.SIZE


def test_progressive_jpeg_is_taken(read):
    assert read(made.encoded(format="JPEG", progressive=True)).size == made.SIZE


def test_small_icon_in_a_body_is_taken(read):
    assert read(made.encoded(Image.new("RGB", (16, 16))), BODY).size == (16, 16)


def test_exif_orientation_is_applied(read):
    shown = as_shown(read(made.turned_jpeg()))
    assert shown.size == (made.SIZE[1], made.SIZE[0])
    assert "exif" not in shown.info


def test_cmyk_becomes_rgb(read):
    data = made.encoded(made.scene().convert("CMYK"), "JPEG", quality=95)
    shown = np.asarray(as_shown(read(data)), dtype=int)
    assert abs(shown - np.asarray(made.scene(), dtype=int)).mean() < 12


def test_sixteen_bits_are_scaled_not_clipped(read):
    assert as_shown(read(made.sixteen_bit_grey())).getextrema()[0] == (0, 255)


@pytest.mark.parametrize("profile", [b"garbage" * 30, made.lab_profile()], ids=["junk", "unfit"])
def test_broken_profile_is_dropped(read, profile):
    shown = as_shown(read(made.encoded(format="JPEG", icc_profile=profile, quality=95)))
    assert abs(np.asarray(shown, int) - np.asarray(made.scene(), int)).mean() < 6
    assert "icc_profile" not in shown.info


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(read, mode):
    image = Image.new("RGBA", made.SIZE, (200, 0, 0, 0)).convert("LA" if mode == "LA" else "RGBA")
    if mode == "PA":
        image = image.quantize(4)
    assert as_shown(read(made.encoded(image))).getpixel((5, 5)) == (255, 255, 255)


def test_transparency_can_be_kept(read):
    image = Image.new("RGBA", made.SIZE, (200, 0, 0, 60))
    assert as_shown(read(made.encoded(image)), keep_alpha=True).getpixel((5, 5))[3] == 60


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_mutated_file_is_read_or_refused(read, format, seed):
    """Nothing but `Undecodable` comes out of a damaged file."""
    rng = np.random.default_rng(seed)
    data = bytearray(made.encoded(format=format))
    for place in rng.integers(4, len(data), 6):
        data[place] = rng.integers(0, 256)
    try:
        as_shown(read(bytes(data)))
    except Undecodable as refusal:
        assert str(refusal).endswith(".")
