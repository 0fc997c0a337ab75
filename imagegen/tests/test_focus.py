"""What stands for a picture before it is loaded, and the point that a crop keeps."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagegen.imaging.focus import find_focus
from imagegen.imaging.placeholder import LONGEST, placeholder
from imagegen.tests import pictures as made

START = "data:image/webp;base64,"


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(START))))


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    shape = (size[1], size[0], 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 2, shape, np.uint8) * 255)


def spot(x: float, y: float, ground: str = "#c8c8d4", ink: str = "#a33000") -> Image.Image:
    """A disc on plain ground, its middle at shares of the sides."""
    picture = Image.new("RGB", (300, 200), ground)
    middle = (x * 300, y * 200)
    ImageDraw.Draw(picture).circle(middle, 22, fill=ink)
    return picture


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (16, 16)])
def test_placeholder_is_a_tiny_webp_of_the_same_shape(size):
    tiny = opened(placeholder(made.scene(size)))
    assert (tiny.format, max(tiny.size)) == ("WEBP", 16)
    assert tiny.width / tiny.height == pytest.approx(size[0] / size[1], rel=0.08)


def test_placeholder_has_the_colours_of_the_picture():
    tiny = opened(placeholder(Image.new("RGB", (90, 60), "#336699"))).convert("RGB")
    assert np.allclose(tiny.getpixel((8, 5)), (0x33, 0x66, 0x99), atol=6)


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (1, 1), (900, 1)])
def test_placeholder_of_the_worst_picture_fits_its_column(size):
    assert len(placeholder(noise(size))) <= LONGEST


@pytest.mark.parametrize("at", [(0.75, 0.3), (0.12, 0.15), (0.5, 0.5), (0.3, 0.8)])
@pytest.mark.parametrize(("ground", "ink"), [("#c8c8d4", "#a33000"), ("#888", "#333")])
def test_focus_lies_on_what_stands_out(at, ground, ink):
    assert find_focus(spot(*at, ground, ink)) == pytest.approx(at, abs=0.03)


def test_focus_prefers_the_middle_of_equal_finds():
    picture = spot(0.45, 0.5)
    picture.paste(spot(0.95, 0.5).crop((255, 0, 300, 200)), (255, 0))
    assert find_focus(picture)[0] < 0.6


PLAIN = {
    "one colour": Image.new("RGB", (90, 60), "#336699"),
    "soft light": Image.linear_gradient("L").convert("RGB"),
    "faint grain": Image.effect_noise((300, 200), 3).convert("RGB"),
    "a dot": Image.new("RGB", (1, 1)),
    "a line": Image.new("RGB", (900, 2), "red"),
}


@pytest.mark.parametrize("picture", PLAIN.values(), ids=PLAIN.keys())
def test_focus_of_a_plain_picture_is_its_centre(picture):
    assert find_focus(picture) == (0.5, 0.5)


def test_focus_of_a_texture_is_near_its_centre():
    assert find_focus(noise((300, 200))) == pytest.approx((0.5, 0.5), abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_focus_lies_in_the_picture_and_fits_json(seed):
    x, y = find_focus(made.scene((200, 130), seed))
    assert type(x) is type(y) is float
    assert 0 <= x <= 1
    assert 0 <= y <= 1
