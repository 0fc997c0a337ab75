"""Marks on pictures: where they stand, in which colour, and that nothing else is touched."""

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from imagegen.imaging.stamps import text_stamp
from imagegen.imaging.watermark import PLACES, mark

SIZE = (480, 320)


def spec(**fields):
    return {
        "kind": "text",
        "text": "© Frontispiece",
        "position": "bottom-right",
        "margin": 0.03,
        "size": 0.05,
        "opacity": 0.72,
        **fields,
    }


def plain(colour="#404040", size=SIZE) -> Image.Image:
    return Image.new("RGB", size, colour)


def touched(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int] | None:
    """The box of all pixels that differ."""
    return ImageChops.difference(before, after).getbbox()


def drawn_logo(*colours: str) -> Image.Image:
    """Stripes of these colours with an empty edge around them."""
    logo = Image.new("RGBA", (100, 60))
    for number, colour in enumerate(colours):
        ImageDraw.Draw(logo).rectangle((10, 10 + number * 10, 89, 19 + number * 10), fill=colour)
    return logo


def lightest(image: Image.Image) -> int:
    return image.convert("L").getextrema()[1]


def darkest(image: Image.Image) -> int:
    return image.convert("L").getextrema()[0]


@pytest.mark.parametrize("position", PLACES)
def test_mark_stands_where_it_should(position):
    box = touched(plain(), mark(plain(), spec(position=position)))
    across, down = PLACES[position]
    left, right, top, bottom = box[0], SIZE[0] - box[2], box[1], SIZE[1] - box[3]
    assert np.sign(round((left - right) / 20)) == np.sign(across - 0.5)
    assert np.sign(round((top - bottom) / 20)) == np.sign(down - 0.5)


@pytest.mark.parametrize("position", PLACES)
def test_mark_and_its_halo_keep_off_the_edge(position):
    left, top, right, bottom = touched(plain(), mark(plain(), spec(position=position)))
    assert left > 2 and top > 2 and right < SIZE[0] - 2 and bottom < SIZE[1] - 2


def test_only_the_corner_is_touched():
    left, top, _, _ = touched(plain(), mark(plain(), spec()))
    assert left > SIZE[0] * 0.6 and top > SIZE[1] * 0.85


def test_given_picture_stays_as_it_was():
    picture = plain()
    mark(picture, spec())
    assert touched(picture, plain()) is None


def test_tiles_lie_in_all_quarters():
    tiled = mark(plain(), spec(position="tiled", opacity=0.22, size=0.04))
    changed = np.asarray(ImageChops.difference(plain(), tiled).convert("L")) > 0
    top, bottom = np.array_split(changed, 2)
    quarters = [*np.array_split(top, 2, axis=1), *np.array_split(bottom, 2, axis=1)]
    assert all(0.005 < quarter.mean() < 0.5 for quarter in quarters)


def test_light_ink_on_dark_ground():
    assert lightest(mark(plain("#202830"), spec())) > 170


def test_dark_ink_on_light_ground():
    assert darkest(mark(plain("#f4efe6"), spec())) < 90


def test_opacity_sets_how_much_the_ink_covers():
    faint, strong = (lightest(mark(plain(), spec(opacity=share))) for share in (0.2, 0.9))
    assert faint < 110 < 200 < strong


def test_plate_lies_where_light_and_dark_meet():
    ground = plain("black")
    for left in range(0, SIZE[0], 24):
        ground.paste("white", (left, 0, left + 12, SIZE[1]))
    marked = mark(ground, spec())
    rim = touched(ground, marked)
    row = np.asarray(marked.convert("L"))[rim[1] + 3, rim[0] + 12 : rim[2] - 12]
    # Above the letters the stripes shine through the plate, weakened.
    assert int(row.max()) - int(row.min()) < 170


@pytest.mark.parametrize("size", [(159, 800), (800, 159), (64, 64)])
def test_tiny_picture_gets_no_mark(size):
    assert touched(plain(size=size), mark(plain(size=size), spec())) is None


def test_smallest_marked_picture_has_type_that_can_be_read():
    size = (240, 160)
    box = touched(plain(size=size), mark(plain(size=size), spec(text="HHH", size=0.01)))
    assert box[3] - box[1] >= 8  # capitals of 11 pixels of type


@pytest.mark.parametrize("position", ["left", "top", "tiled"])
def test_long_text_is_made_smaller_and_cut(position):
    size = (200, 160)
    words = "An uncommonly long line of words that no small picture has any room for at all"
    marked = mark(plain(size=size), spec(text=words[:120], position=position, size=0.2))
    assert touched(plain(size=size), marked) is not None
    assert text_stamp(words, 32, 190, 150).shape.width <= 190


def test_text_that_nearly_fits_is_only_made_smaller():
    full, narrow = (text_stamp("Frontispiece", 40, width, 300).shape for width in (1000, 150))
    assert narrow.width <= 150
    assert narrow.height / narrow.width == pytest.approx(full.height / full.width, rel=0.1)


@pytest.mark.parametrize("text", ["Ærøskøbing", "Łódź · Ğöteborg", "Ếlan vũ", "ﬁn — Ａ"])
def test_latin_of_any_kind_is_set(text):
    assert text_stamp(text, 20, 400, 100).shape.width > 30


def test_text_without_any_known_letter_falls_back_to_a_sign():
    assert text_stamp("本", 20, 400, 100).shape.size == text_stamp("©", 20, 400, 100).shape.size


def test_coloured_logo_keeps_its_colours():
    marked = mark(
        plain("#f4efe6"),
        spec(kind="logo", size=0.3, opacity=1.0, position="centre"),
        drawn_logo("#d02020", "#2040c0"),
    )
    colours = {colour for _, colour in marked.getcolors(100_000)}
    assert (208, 32, 32) in colours and (32, 64, 192) in colours


def test_one_coloured_logo_takes_the_ink_of_its_ground():
    fields = spec(kind="logo", size=0.3, position="centre")
    assert lightest(mark(plain("#101418"), fields, drawn_logo("black", "black"))) > 170


def test_logo_is_as_wide_as_asked_without_its_empty_edge():
    fields = spec(kind="logo", size=0.25, opacity=1.0, position="centre")
    left, _, right, _ = touched(plain(), mark(plain(), fields, drawn_logo("black")))
    assert right - left == pytest.approx(80, abs=8)  # a quarter of 320, and a halo


def test_logo_that_is_too_tall_is_made_smaller():
    tall = Image.new("RGBA", (20, 400), "black")
    marked = mark(plain(), spec(kind="logo", size=1.0, position="left"), tall)
    box = touched(plain(), marked)
    assert 280 < box[3] - box[1] < SIZE[1]


def test_missing_logo_is_said():
    with pytest.raises(ValueError, match="logo is missing"):
        mark(plain(), spec(kind="logo"))


def test_picture_with_alpha_is_marked_where_it_is_clear():
    clear = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    assert mark(clear, spec()).getchannel("A").getextrema()[1] > 150


def test_equal_specs_make_equal_marks():
    assert mark(plain(), spec()).tobytes() == mark(plain(), spec()).tobytes()
