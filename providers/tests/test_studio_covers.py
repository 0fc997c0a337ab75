"""The studio's covers: contrast on the pixels, texts inside the margins, truthful alt text."""

import numpy as np
import pytest

from providers.backends.studio.colour import DEFAULT_PALETTES, contrast, luminance
from providers.backends.studio.draw import StudioSpec, draw
from providers.backends.studio.layouts import page
from providers.backends.studio.options import FAMILIES, LAYOUTS

TITLE = "Why your database index is slower than a full scan"
PALETTES = [DEFAULT_PALETTES[3], ("#f00", "#0f0", "#00f"), ("#777",), ("#fff", "#fefefe")]
SIZES = [(480, 320), (320, 500), (1024, 256), (256, 256)]
TITLES = ["A", "Żółć — Đặng", "word " * 100]


def mixed(some, others):
    """Each of `some` with each of `others`, and each of both with each layout, but no more."""
    layouts = list(LAYOUTS)
    return [
        (layouts[(i + j) % len(layouts)], one, other)
        for i, one in enumerate(some)
        for j, other in enumerate(others)
    ]


@pytest.fixture
def printed(monkeypatch):
    """What was printed: the ground just before, the mask and the colour of each text."""
    found, write = [], page.write

    def recording(image, mask, colour):
        found.append((np.asarray(image).copy(), np.asarray(mask), colour))
        write(image, mask, colour)

    monkeypatch.setattr(page, "write", recording)
    return found


def least_contrast(ground, mask, colour):
    ink = luminance(np.array(colour, dtype=np.uint8))
    return float(contrast(luminance(ground[mask > 0]), ink).min())


def cover(size=(330, 300), **facts):
    words = {"title": TITLE, "kicker": "Field notes", "footer": "example.org"}
    return draw(StudioSpec(*size, **{**words, **facts}))


@pytest.mark.parametrize(("layout", "family", "palette"), mixed(FAMILIES, PALETTES))
def test_every_text_has_contrast_on_the_pixels(printed, layout, family, palette):
    cover(layout=layout, family=family, palette=palette, seed=1)
    assert len(printed) == 3
    assert min(least_contrast(*text) for text in printed) >= 4.5


@pytest.mark.parametrize(("layout", "size", "title"), mixed(SIZES, TITLES))
def test_texts_keep_the_margins(printed, layout, size, title):
    cover(size, layout=layout, title=title, seed=5)
    edge = max(14, round(min(size) * 0.078)) - 3
    for _, mask, _ in printed:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert min(rows[0], columns[0]) >= edge
        assert rows[-1] < size[1] - edge
        assert columns[-1] < size[0] - edge


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_alt_text_begins_with_the_title(layout):
    text = cover(layout=layout, seed=4).description
    assert text.startswith(f"{TITLE}. Title card with ")


def test_the_alt_text_of_a_cut_title_tells_what_is_shown():
    drawing = cover((256, 256), layout="split", title="The long road to builds " * 25)
    shown = drawing.description.split(" Title card")[0]
    assert shown.endswith("…")
    assert len(shown) < 300


def test_characters_without_a_glyph_are_left_out_and_told():
    drawing = cover(title="Rust 🚀 for 日本", layout="split")
    assert drawing.description.startswith("Rust for")
    assert drawing.notes == ("3 characters of the title cannot be shown and were left out.",)


@pytest.mark.parametrize("title", ["مرحبا", "日本語", "🚀"])
def test_a_title_without_known_letters_gives_a_pattern(title):
    drawing = cover(title=title)
    assert drawing.layout == ""
    assert "pattern only" in drawing.notes[0]


def test_all_layouts_are_chosen_when_none_is_asked_for():
    assert {cover((256, 256), seed=s).layout for s in range(12)} == set(LAYOUTS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_cover_gives_the_same_pixels(layout):
    one, two = (cover(layout=layout, seed=9).image for _ in range(2))
    assert one.tobytes() == two.tobytes()
