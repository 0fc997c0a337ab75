"""What the checks at arrival notice, and what they let be."""

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from imagegen.imaging.checks import notice
from imagegen.tests import pictures as made
from providers.backends.studio.colour import DEFAULT_PALETTES
from providers.backends.studio.draw import StudioSpec, draw
from providers.backends.studio.options import FAMILIES

SIZE = (768, 512)


def busy(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture with edges everywhere: soft shapes and many small boxes."""
    image = made.scene(size, seed)
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(seed)
    for x, y, r, g, b in rng.integers(0, 256, (120, 5)):
        left, top = int(x) * size[0] // 256, int(y) * size[1] // 256
        draw.rectangle((left, top, left + 60, top + 40), fill=(int(r), int(g), int(b)))
    return image


def half(colour: str, share: float = 0.5) -> Image.Image:
    image = busy()
    height = round(SIZE[1] * share)
    image.paste(colour, (0, SIZE[1] - height, *SIZE))
    return image


def noisy_grey() -> Image.Image:
    noise = np.random.default_rng(1).normal(128, 12, (*SIZE[::-1], 3))
    return Image.fromarray(noise.clip(0, 255).astype("uint8"))


def faint() -> Image.Image:
    return Image.eval(busy().convert("L"), lambda value: 118 + value // 16).convert("RGB")


def notice_card() -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(image).text((300, 240), "Your request was held back by our policy.", "black")
    ImageDraw.Draw(image).rectangle((200, 200, 320, 230), "black")
    return image


def codes(image: Image.Image, **facts) -> list[str]:
    return [hint["code"] for hint in notice(image, **facts)]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (Image.new("RGB", SIZE, "white"), "blank"),
        (Image.new("RGB", SIZE, "teal"), "blank"),
        (noisy_grey(), "blank"),
        (Image.new("RGB", SIZE, "black"), "black"),
        (Image.new("RGB", SIZE, (9, 8, 7)), "black"),
        (faint(), "faint"),
        (half("#808080"), "half"),
        (half("black"), "half"),
        (half("#808080", 0.25), "half"),
        (notice_card(), "one-colour"),
        (busy().filter(ImageFilter.GaussianBlur(40)), "detail"),
        (Image.new("RGB", (1, 1), "red"), "blank"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_is_noticed(image, code):
    assert codes(image) == [code]


@pytest.mark.parametrize("seed", range(8))
def test_good_picture_gives_no_hint(seed):
    assert notice(busy(seed), wanted_size=SIZE) == []


def test_good_picture_with_a_plain_strip_gives_no_hint():
    assert notice(half("#808080", 0.15)) == []


@pytest.mark.parametrize("image", [half("#808080"), notice_card(), made.scene(SIZE, 3)])
def test_what_a_program_drew_may_be_plain(image):
    assert notice(image, drawn_by_program=True) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_own_patterns_give_no_hint(family):
    spec = StudioSpec(768, 512, palette=DEFAULT_PALETTES[1], seed=4, family=family)
    assert notice(draw(spec).image, wanted_size=SIZE, drawn_by_program=True) == []


def test_what_a_program_drew_may_not_be_blank():
    assert codes(Image.new("RGB", SIZE, "teal"), drawn_by_program=True) == ["blank"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, []),
        ((0, 0), []),
        ((768, 512), []),
        ((780, 520), []),
        ((760, 516), []),
        ((1536, 1024), ["size"]),
        ((384, 256), ["size"]),
        ((768, 768), ["shape"]),
        ((512, 768), ["shape"]),
        ((768, 540), ["shape"]),
    ],
)
def test_size_is_compared_with_what_was_asked_for(wanted, found):
    assert codes(busy(), wanted_size=wanted) == found


def test_hints_are_sentences_with_figures():
    hints = notice(half("black"), wanted_size=(1024, 1024))
    assert all(hint["text"][0].isupper() and hint["text"][-1] in ".?" for hint in hints)
    assert "768×512" in hints[-1]["text"] and "50 %" in hints[0]["text"]


@pytest.mark.parametrize("size", [(30000, 1), (1, 30000), (2, 2), (3, 300)])
def test_odd_shapes_are_looked_at_without_trouble(size):
    assert len(notice(Image.new("RGB", size))) == 1


def test_checks_are_quick():
    """3 ms on the machine they were made on; the limit leaves room for a busy one."""
    image = made.scene((1536, 1024))
    times = []
    for _ in range(5):
        started = time.process_time()
        notice(image, wanted_size=(1536, 1024))
        times.append(time.process_time() - started)
    assert min(times) < 0.015
