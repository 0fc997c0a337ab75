"""Renditions without a database: picture and recipe in, marked file out."""

import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageCms

from imagegen.errors import Undecodable
from imagegen.imaging import renditions, xmp
from imagegen.imaging.crops import cut
from imagegen.imaging.renditions import render
from imagegen.tests import pictures as made

FORMATS = ["AVIF", "JPEG", "WEBP", "PNG"]
FACTS = {
    "digital_source_type": "trainedAlgorithmicMedia",
    "alt": 'Ein <Korb> & "Bienen"\nam Fluß',
    "language": "de",
    "creator": "Ann Example",
    "credit": "The Magazine",
    "model": "painter-1",
}


@pytest.fixture
def make(tmp_path):
    """Renders one recipe of a picture; gives the facts and the file opened again."""

    def make(data: bytes | None = None, **recipe) -> tuple[dict, Image.Image]:
        path, out = tmp_path / "original", tmp_path / "out"
        path.write_bytes(data or made.png(size=(240, 160)))
        recipe = {"width": 120, "format": "PNG", "facts": FACTS} | recipe
        (facts,) = render(str(path), [(recipe, str(out))])
        return facts, Image.open(out)

    return make


def error(image: Image.Image, wanted: Image.Image) -> float:
    """Mean difference of the pixels, in levels."""
    one, other = (np.asarray(each.convert("RGB"), dtype=int) for each in (image, wanted))
    return abs(one - other).mean()


@pytest.mark.parametrize("format", FORMATS)
def test_rendition_is_what_was_asked_for(make, tmp_path, format):
    facts, image = make(format=format)
    assert (image.format, image.size) == (format, (120, 80))
    data = (tmp_path / "out").read_bytes()
    assert facts == {
        "width": 120,
        "height": 80,
        "byte_size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "format": format,
    }


@pytest.mark.parametrize("format", FORMATS)
def test_rendition_looks_like_its_original(make, format):
    assert error(make(format=format)[1], made.scene((120, 80))) < 4


@pytest.mark.parametrize("format", FORMATS)
def test_rendition_carries_its_facts(make, tmp_path, format):
    make(format=format)
    assert xmp.read_packet(tmp_path / "out") == FACTS


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_else_of_the_original_is_carried_over(make, tmp_path, format):
    exif = Image.Exif()
    exif[0x010F] = "A camera with a serial number"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = made.encoded(format="JPEG", exif=exif.tobytes(), icc_profile=profile)
    image = make(data, format=format)[1]
    assert "icc_profile" not in image.info
    assert b"serial number" not in (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_equal_recipes_make_equal_files_whatever_is_made_beside_them(make, tmp_path, format):
    alone = make(format=format, width=50)[0]
    recipe = {"format": format, "facts": FACTS}
    jobs = [(recipe | {"width": width}, str(tmp_path / f"{width}")) for width in (240, 120, 50)]
    assert render(str(tmp_path / "original"), jobs)[2] == alone


def test_width_is_never_above_the_source(make):
    assert make(width=999)[1].size == (240, 160)


def test_full_size_png_is_the_original_to_the_pixel(make):
    assert error(make(width=240)[1], made.scene((240, 160))) == 0


def test_jpeg_is_progressive_with_halved_colour(make):
    image = make(format="JPEG")[1]
    assert image.info.get("progressive")
    assert image.layer[0][1:3] == (2, 2)


@pytest.mark.parametrize(
    ("ratio", "width", "wanted"),
    [
        ([16, 9], 160, (160, 90)),
        ([1, 1], 100, (100, 100)),
        ([4, 5], 1000, (128, 160)),
        ([1200, 630], 1200, (240, 126)),
        ([50, 1], 240, (240, 5)),
        ([1, 400], 240, (1, 160)),
    ],
)
def test_crop_has_its_ratio_and_is_never_enlarged(make, ratio, width, wanted):
    assert make(crop=ratio, width=width)[1].size == wanted


@pytest.mark.parametrize(
    ("focal", "box"),
    [
        (None, (30, 0, 90, 60)),
        ([0.5, 0.1], (30, 0, 90, 60)),
        ([0.6, 0.5], (42, 0, 102, 60)),
        ([0, 0], (0, 0, 60, 60)),
        ([1, 1], (60, 0, 120, 60)),
        ([7, -3], (60, 0, 120, 60)),
    ],
)
def test_crop_lies_around_the_focal_point_and_inside(focal, box):
    assert cut((120, 60), [1, 1], focal) == box


def test_crop_shows_what_lies_at_the_focal_point(make):
    picture = Image.new("RGB", (300, 100), "white")
    picture.paste("red", (200, 0, 300, 100))
    image = make(made.encoded(picture), crop=[1, 1], focal=[1.0, 0.5], width=50)[1]
    assert image.getpixel((25, 25)) == (255, 0, 0)


def test_colours_of_a_profile_become_srgb(make):
    """A picture in a profile with swapped channels looks swapped when it was heeded."""
    profile = wide_profile()
    image = make(made.encoded(Image.new("RGB", (80, 80), (0, 200, 0)), icc_profile=profile))[1]
    assert image.getpixel((5, 5)) != (0, 200, 0)


def wide_profile() -> bytes:
    """sRGB whose red and green primaries are exchanged."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")


@pytest.mark.parametrize("profile", [b"garbage" * 30, made.lab_profile()], ids=["junk", "unfit"])
def test_broken_profile_does_no_harm(make, profile):
    data = made.encoded(made.scene((240, 160)), icc_profile=profile)
    assert error(make(data)[1], made.scene((120, 80))) < 3


def test_turned_photograph_is_upright(make):
    assert make(made.turned_jpeg(), width=32)[1].size == (32, 48)


def test_transparency_stays_in_a_png(make):
    clear = made.encoded(Image.new("RGBA", (80, 80), (10, 20, 30, 90)))
    assert make(clear, width=80)[1].getpixel((5, 5)) == (10, 20, 30, 90)


@pytest.mark.parametrize("format", ["AVIF", "JPEG", "WEBP"])
def test_transparency_is_white_elsewhere(make, format):
    clear = made.encoded(Image.new("RGBA", (80, 80), (0, 0, 0, 0)))
    image = make(clear, width=40, format=format)[1]
    assert (image.mode, image.getpixel((5, 5))) == ("RGB", (255, 255, 255))


WATERMARK = {
    "kind": "text",
    "text": "Example",
    "position": "bottom-right",
    "margin": 0.03,
    "size": 0.1,
    "opacity": 0.9,
}


@pytest.mark.parametrize("format", FORMATS)
def test_watermark_is_set_on_the_reduced_picture_alone(make, format):
    data = made.encoded(Image.new("RGB", (400, 400), "#303030"))
    image = make(data, width=200, format=format, watermark=WATERMARK)[1].convert("L")
    assert image.crop((100, 150, 200, 200)).getextrema()[1] > 150
    assert image.crop((0, 0, 200, 100)).getextrema()[1] < 60


def test_logo_of_a_watermark_is_taken_from_its_file(tmp_path):
    original, logo, out = (str(tmp_path / name) for name in ("original", "logo", "out"))
    Image.new("RGB", (300, 300), "white").save(original, "PNG")
    Image.new("RGBA", (60, 30), (200, 0, 0, 255)).save(logo, "PNG")
    spec = WATERMARK | {"kind": "logo", "size": 0.2}
    recipe = {"width": 200, "format": "PNG", "watermark": spec}
    render(original, [(recipe, out)], logo_path=logo)
    assert max(Image.open(out).getpixel((180, 185))) < 128


CARD = {"title": "A winter of walls", "site": "Field Notes", "palette": []}


@pytest.mark.parametrize("size", [(240, 160), (70, 200)])
def test_card_has_its_full_size_from_any_picture(make, size):
    image = make(made.png(size=size), card=CARD, width=1200, crop=[1200, 630], focal=[0.9, 0.1])[1]
    assert image.size == (1200, 630)


def test_card_without_a_palette_takes_the_colours_of_the_picture(make):
    image = make(made.encoded(Image.new("RGB", (80, 80), "#0a5")), card=CARD, width=1200)[1]
    assert np.asarray(image, dtype=int).mean((0, 1)).argmax() == 1


def test_card_takes_the_palette_that_it_is_given(make):
    picture = made.encoded(Image.new("RGB", (80, 80), "#777"))
    image = make(picture, card=CARD | {"palette": ["#400000", "#c00000"]}, width=1200)[1]
    red, green, _ = np.asarray(image, dtype=int).mean((0, 1))
    assert red > green + 10


def test_card_in_a_script_without_type_is_the_picture_itself(make):
    image = make(card=CARD | {"title": "養蜂"}, width=1200, crop=[1200, 630])[1]
    assert image.size == (240, 126)


@pytest.mark.parametrize("title", ["Ünïcödé 🐝", "word " * 90, "x" * 300])
def test_card_takes_any_title(make, title):
    assert make(card=CARD | {"title": title}, width=1200)[1].size == (1200, 630)


def test_card_of_a_black_picture_is_legible(make):
    image = make(made.encoded(Image.new("RGB", (80, 80))), card=CARD, width=1200)[1]
    low, high = image.convert("L").getextrema()
    assert high - low > 120


def test_card_as_avif_keeps_the_colour_of_its_type(make, tmp_path):
    make(card=CARD, width=1200, format="AVIF")
    assert subsampling(tmp_path / "out") == "4:4:4"
    make(width=120, format="AVIF")
    assert subsampling(tmp_path / "out") == "4:2:0"


def subsampling(path) -> str:
    """As the file's av1C box says it (AV1 Codec ISO Media File Format Binding, 2.3)."""
    data = path.read_bytes()
    flags = data[data.index(b"av1C") + 6]
    return {0: "4:4:4", 0b11: "4:2:0"}[flags >> 2 & 0b11]


def test_original_that_is_no_picture_is_refused(make):
    with pytest.raises(Undecodable):
        make(made.HTML)


@pytest.mark.parametrize("format", FORMATS)
def test_file_without_its_mark_is_not_left(make, tmp_path, monkeypatch, format):
    monkeypatch.setattr(renditions, "packet", lambda **_: xmp.packet(alt=FACTS["alt"]))
    with pytest.raises(ValueError, match="digital_source_type, language, creator"):
        make(format=format)
    assert not (tmp_path / "out").exists()


def test_recipe_without_facts_is_made(make, tmp_path):
    make(facts={})
    assert xmp.read_packet(tmp_path / "out") == {}


def test_facts_lose_only_what_xml_cannot_hold(make, tmp_path):
    make(facts={"alt": "a\x00b\r\n\u2028\U0001f41d ", "credit": " \t'&<\"", "language": 'x"'})
    found = xmp.read_packet(tmp_path / "out")
    assert found == {"alt": "ab\r\n\u2028\U0001f41d ", "credit": " \t'&<\"", "language": 'x"'}


def test_packet_of_another_writer_is_read():
    text = xmp.packet(**FACTS).decode()
    attribute = f' photoshop:Credit="{FACTS["credit"]}"'
    element = f"<photoshop:Credit>{FACTS['credit']}</photoshop:Credit>"
    other = text.replace(attribute, "").replace(
        "</rdf:Description>", f"{element}</rdf:Description>"
    )
    assert xmp.parse_packet(other.encode() + b"\x00 ") == FACTS


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        "<!DOCTYPE x><x/>".encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE x+AD4-<x/>',
        b"<x>&a;</x>",
        b"<x>",
        b"<x>" + b" " * xmp.LARGEST_PACKET + b"</x>",
        b"\xff",
    ],
)
def test_hostile_packet_is_refused(data):
    with pytest.raises(ValueError, match="The XMP"):
        xmp.parse_packet(data)


@pytest.mark.parametrize(
    "text", [xmp.TERM_ADDRESS + "print", "]]><!-- ?> \"'", "a\x01\ufffe\r\n b"]
)
def test_whatever_a_person_writes_comes_back(text):
    facts = {"alt": text, "creator": text, "credit": text, "model": text}
    assert xmp.parse_packet(xmp.packet(**facts)) == dict.fromkeys(facts, xmp.clean(text))


def test_packet_of_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(made.HTML)
    with pytest.raises(ValueError, match="no PNG"):
        xmp.read_packet(tmp_path / "a")


def test_picture_without_a_packet_says_nothing(tmp_path):
    (tmp_path / "a").write_bytes(made.png())
    assert xmp.read_packet(tmp_path / "a") == {}


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="ExifTool is not installed")
def test_exiftool_reads_the_mark_and_the_alt_text_from_every_format(make, tmp_path):
    make()
    facts = FACTS | {"alt": 'Ein <Korb> & "Bienen"'}
    paths = [str(tmp_path / f"of.{format.lower()}") for format in FORMATS]
    jobs = [
        ({"width": 40, "format": format, "facts": facts}, path)
        for format, path in zip(FORMATS, paths, strict=True)
    ]
    render(str(tmp_path / "original"), jobs)
    wanted = ["-XMP:DigitalSourceType", "-XMP:AltTextAccessibility"]
    told = subprocess.run(["exiftool", "-j", "-n", *wanted, *paths], capture_output=True).stdout
    found = [(each["DigitalSourceType"], each["AltTextAccessibility"]) for each in json.loads(told)]
    assert found == [(xmp.TERM_ADDRESS + facts["digital_source_type"], facts["alt"])] * 4
