"""The studio's patterns: every family, any size, deterministic, and never twice the same."""

import itertools

import numpy as np
import pytest
from PIL import Image

from providers.backends.studio.colour import DEFAULT_PALETTES
from providers.backends.studio.draw import StudioSpec, draw
from providers.backends.studio.options import FAMILIES
from providers.backends.studio.rendering import render_to_file

SIZES = [(256, 256), (399, 301), (1024, 256), (256, 1024)]
STRANGE = [("#3366cc",), ("#fff", "#fff"), ("#f00", "#0f0", "#00f"), ("#101418", "#181420")]


def every_other(others):
    """Each family with every other of `others`; the rest of all with all only on demand."""
    return [
        pytest.param(family, other, marks=[] if (i + j) % 2 else [pytest.mark.exhaustive])
        for i, family in enumerate(FAMILIES)
        for j, other in enumerate(others)
    ]


def dhash(image):
    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX)).astype(int)
    return np.packbits(grey[:, 1:] > grey[:, :-1])


def distance(one, other):
    return int(np.unpackbits(one ^ other).sum())


def nearest(hashes):
    return min(distance(a, b) for a, b in itertools.combinations(hashes, 2))


@pytest.mark.parametrize(("family", "size"), every_other(SIZES))
def test_every_family_fills_any_size(family, size):
    drawing = draw(StudioSpec(*size, seed=3, prompt="A wall", family=family))
    assert (drawing.image.size, drawing.image.mode) == (size, "RGB")
    assert np.asarray(drawing.image.convert("L")).std() > 6


@pytest.mark.parametrize(("family", "palette"), every_other(STRANGE))
def test_every_family_shows_something_in_a_strange_palette(family, palette):
    drawing = draw(StudioSpec(256, 256, palette=palette, family=family))
    assert np.asarray(drawing.image.convert("L")).std() > 5


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_request_gives_the_same_pixels(family):
    spec = StudioSpec(320, 256, seed=11, prompt="A wall", family=family)
    assert draw(spec).image.tobytes() == draw(spec).image.tobytes()


@pytest.mark.parametrize("seeds", [8, pytest.param(16, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_two_seeds_of_a_family_look_alike(family, seeds):
    palette = DEFAULT_PALETTES[0]
    hashes = [
        dhash(draw(StudioSpec(256, 256, palette=palette, seed=s, family=family)).image)
        for s in range(seeds)
    ]
    assert nearest(hashes) > 4


@pytest.mark.parametrize("sections", [12, pytest.param(30, marks=pytest.mark.exhaustive)])
def test_the_sections_of_a_post_do_not_look_alike(sections):
    specs = [
        StudioSpec(384, 256, palette=DEFAULT_PALETTES[3], seed=81231, prompt=f"Section {i}")
        for i in range(sections)
    ]
    assert nearest([dhash(draw(s).image) for s in specs]) > 4


@pytest.mark.parametrize("other", [{"seed": 2}, {"prompt": "B"}, {"palette": DEFAULT_PALETTES[2]}])
def test_seed_prompt_and_palette_each_change_the_picture(other):
    facts = {"seed": 1, "prompt": "A", "palette": DEFAULT_PALETTES[0], "family": "contour"}
    one, two = (draw(StudioSpec(256, 256, **f)).image for f in (facts, facts | other))
    assert one.tobytes() != two.tobytes()


def test_all_families_are_chosen_when_none_is_asked_for():
    chosen = {draw(StudioSpec(256, 256, seed=s)).family for s in range(24)}
    assert chosen == set(FAMILIES)


def test_without_a_title_there_is_no_layout():
    assert draw(StudioSpec(256, 256, layout="poster", kicker="Notes")).layout == ""


@pytest.mark.parametrize("size", [(255, 400), (400, 2049), (2048, 400), (256, 1025)])
def test_an_impossible_size_is_refused_in_words(size):
    with pytest.raises(ValueError, match="pixels|four times"):
        draw(StudioSpec(*size))


def test_an_unknown_family_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="'cubism': choose one of ribbons, paper-cut"):
        draw(StudioSpec(256, 256, family="cubism"))


def test_an_unknown_layout_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="'brochure': choose one of split, poster"):
        draw(StudioSpec(256, 256, layout="brochure"))


def test_the_description_names_the_subject_and_its_colours():
    spec = StudioSpec(256, 256, palette=DEFAULT_PALETTES[3], family="bauhaus", seed=1)
    text = draw(spec).description
    assert text.startswith("Bauhaus grid of ")
    assert any(name in text for name in ("red", "blue", "yellow", "near-black"))


@pytest.mark.parametrize(("file_format", "kind"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_a_file_is_written_without_metadata(tmp_path, file_format, kind):
    path = tmp_path / "picture"
    facts = render_to_file({"width": 256, "height": 256, "prompt": "SECRET"}, path, file_format)
    with Image.open(path) as image:
        assert (image.format, image.size) == (kind, (facts["width"], facts["height"]))
        assert not getattr(image, "text", {})
    assert b"SECRET" not in path.read_bytes()


def test_another_file_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="writes png and jpeg, not 'gif'"):
        render_to_file({"width": 256, "height": 256}, tmp_path / "x", "gif")
