import io

import pytest
from PIL import Image

from providers.measuring import picture_size
from providers.tests.fakes import pictures


def size_of(content, folder):
    path = folder / "picture"
    path.write_bytes(content)
    return picture_size(str(path))


def saved(kind, mode="RGB", **options):
    target = io.BytesIO()
    Image.new(mode, (300, 200), "teal").save(target, kind, **options)
    return target.getvalue()


@pytest.mark.parametrize("draw", [pictures.png, pictures.jpeg, pictures.webp])
def test_size_is_read_from_the_head(draw, tmp_path):
    assert size_of(draw(312, 200), tmp_path) == (312, 200)


@pytest.mark.parametrize(
    "content",
    [
        saved("WEBP", lossless=True),
        saved("WEBP", "RGBA", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
        saved("JPEG", progressive=True),
        saved("JPEG", comment=b"x" * 60_000),
    ],
)
def test_every_shape_of_a_format_is_read(content, tmp_path):
    assert size_of(content, tmp_path) == (300, 200)


def test_fill_bytes_between_segments_are_passed_over(tmp_path):
    jpeg = saved("JPEG")
    assert size_of(jpeg[:2] + b"\xff\xff" + jpeg[2:], tmp_path) == (300, 200)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", pictures.gif(20, 20), saved("JPEG")[:40], saved("PNG")[:20], b"\xff\xd8\xff" * 20],
)
def test_what_does_not_tell_has_no_size(content, tmp_path):
    assert size_of(content, tmp_path) is None
