"""Hashes, the look at a received file, and the copies made of it."""

import hashlib
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from imagegen.errors import Undecodable
from imagegen.imaging import encode, xmp
from imagegen.imaging.examine import examine
from imagegen.imaging.hashes import bands, dhash, distance
from imagegen.services.alike import SAME
from imagegen.tests import pictures as made

FACTS = {
    "digital_source_type": "trainedAlgorithmicMedia",
    "alt": 'A <hive> & "bees" \x00',
    "language": "en",
    "credit": "The Magazine",
    "model": "painter-1",
}


@pytest.fixture
def original(tmp_path):
    """Writes a picture to a file and gives its path."""

    def write(size=(800, 500), data: bytes | None = None) -> str:
        path = tmp_path / "original"
        path.write_bytes(data or made.png(size=size))
        return str(path)

    return write


def test_distance_counts_bits_of_signed_hashes():
    assert distance(-1, 0) == 64
    assert distance(5, 4) == 1


@pytest.mark.parametrize("seed", range(6))
def test_hash_survives_scaling_and_compression(seed, tmp_path):
    image = made.scene((960, 640), seed)
    path = tmp_path / "small.jpg"
    image.resize((320, 213)).save(path, quality=40)
    assert distance(dhash(image), dhash(Image.open(path))) <= SAME


def test_hash_tells_pictures_apart_and_fits_a_bigint():
    one, other = dhash(made.scene(seed=1)), dhash(made.scene(seed=4))
    assert distance(one, other) > SAME
    assert all(-(2**63) <= value < 2**63 for value in (one, other))


def test_examine_measures_and_makes_a_preview(original, tmp_path):
    path, preview = original(), str(tmp_path / "preview")
    facts = examine(path, preview)
    assert (facts["format"], facts["width"], facts["height"]) == ("PNG", 800, 500)
    assert facts["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert (
        Image.open(preview).size
        == (640, 400)
        == (
            facts["preview_width"],
            facts["preview_height"],
        )
    )


def test_examine_gives_the_mean_colour(original, tmp_path):
    data = made.encoded(Image.new("RGB", (80, 80), "#336699"))
    assert examine(original(data=data), str(tmp_path / "p"))["colour"] == "#336699"


def test_preview_is_never_larger_than_the_picture(original, tmp_path):
    assert examine(original((100, 70)), str(tmp_path / "p"))["preview_width"] == 100


def test_refused_file_leaves_no_preview(original, tmp_path):
    with pytest.raises(Undecodable):
        examine(original(data=made.HTML), str(tmp_path / "preview"))
    assert not (tmp_path / "preview").exists()


@pytest.mark.parametrize("term", ["trainedAlgorithmicMedia", "digitalCapture"])
def test_mark_inside_a_file_is_found(original, tmp_path, term):
    facts = examine(original(data=made.marked_png(term)), str(tmp_path / "p"))
    assert facts["digital_source_type"] == term


def test_unknown_mark_is_not_taken():
    assert xmp.find_source_type(b"http://cv.iptc.org/newscodes/digitalsourcetype/magic") == ""


def description(data: bytes) -> ElementTree.Element:
    start, end = data.index(b"<x:xmpmeta"), data.index(b"<?xpacket end")
    return ElementTree.fromstring(data[start:end])[0][0]  # noqa: S314 - our own packet


def test_packet_is_xml_with_all_its_facts():
    found = description(xmp.packet(**FACTS))
    iptc = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    assert found.get(f"{iptc}DigitalSourceType").endswith("/trainedAlgorithmicMedia")
    assert found.get(f"{iptc}AISystemUsed") == "painter-1"
    assert 'A <hive> & "bees" ' in "".join(found.itertext())


def test_body_copy_loses_metadata_and_keeps_the_mark(original, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "A camera with a serial number"
    data = made.encoded(made.scene(), "JPEG", exif=exif.tobytes(), xmp=xmp.packet(**FACTS))
    facts = encode.body_copy(original(data=data), str(tmp_path / "b"))
    copy = (tmp_path / "b").read_bytes()
    assert facts["format"] == "JPEG"
    assert b"serial number" not in copy
    assert xmp.find_source_type(copy) == "trainedAlgorithmicMedia"


def test_body_copy_is_at_most_as_wide_as_asked(original, tmp_path):
    facts = encode.body_copy(original((800, 500)), str(tmp_path / "b"), 400)
    assert (facts["width"], facts["height"]) == (400, 250)


def test_body_copy_keeps_png_and_transparency(original, tmp_path):
    data = made.encoded(Image.new("RGBA", (40, 40), (9, 9, 9, 90)))
    assert encode.body_copy(original(data=data), str(tmp_path / "b"))["format"] == "PNG"
    assert Image.open(tmp_path / "b").getpixel((3, 3)) == (9, 9, 9, 90)


def test_child_functions_need_no_django():
    """They run in spawned processes that must start fast and stay small."""
    code = "import sys, imagegen.imaging.renditions, imagegen.imaging.examine as e; "
    code += "sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63), -987654321])
def test_bands_are_the_unsigned_parts_of_the_signed_hash(value):
    parts = bands(value)
    assert all(0 <= part < 1 << 16 for part in parts)
    joined = int.from_bytes(b"".join(part.to_bytes(2) for part in parts), signed=True)
    assert joined == value


def test_examine_gives_placeholder_and_focal_point(original, tmp_path):
    image = Image.new("RGB", (400, 300), "white")
    image.paste("red", (300, 40, 360, 100))
    facts = examine(original(data=made.encoded(image)), str(tmp_path / "p"))
    assert facts["placeholder"].startswith("data:image/webp;base64,")
    assert facts["focal"] == pytest.approx((0.82, 0.23), abs=0.1)


def test_examine_gives_the_hints_of_the_checks(original, tmp_path):
    path = original(data=made.encoded(Image.new("RGB", (300, 200), "teal")))
    facts = examine(path, str(tmp_path / "p"), False, (900, 300))
    assert [hint["code"] for hint in facts["hints"]] == ["blank", "shape"]
