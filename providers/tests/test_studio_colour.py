"""The studio's colours: conversion, mixing without mud, palettes of any kind."""

import numpy as np
import pytest

from providers.backends.studio.colour import (
    DEFAULT_PALETTES,
    MIN_LIGHTNESS_RANGE,
    MIN_SWATCHES,
    Palette,
    chroma,
    contrast,
    luminance,
    mix,
    planes_to_bytes,
    to_bytes,
    to_oklab,
)
from providers.backends.studio.describe import colour_name
from providers.backends.studio.options import parse_hex

STRANGE = [
    ("#3366cc",),
    ("#ffffff", "#ffffff"),
    ("#000000", "#000000"),
    ("#ff0000", "#00ff00", "#0000ff"),
    ("#fdf6f0", "#fbe9f2", "#eef6ff"),
    ("#101418", "#181420", "#0c1a14"),
    ("#777", "#787878", "#797979"),
    ("#ffe600", "#2200ff"),
]


def lab(colour):
    return to_oklab(np.array(parse_hex(colour), dtype=np.uint8))


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#d8263c", "#00ff00", "#0000ff", "#abc"])
def test_a_colour_survives_the_way_through_oklab(colour):
    given = np.array(parse_hex(colour), dtype=int)
    assert np.abs(to_bytes(lab(colour)).astype(int) - given).max() <= 1


def test_planes_give_the_same_bytes_as_rows():
    colours = to_oklab(np.random.RandomState(1).randint(0, 256, (4, 5, 3), dtype=np.uint8))
    by_rows, by_planes = to_bytes(colours), planes_to_bytes(colours.transpose(2, 0, 1))
    assert np.abs(by_rows.astype(int) - by_planes.astype(int)).max() <= 1


def test_contrast_of_white_and_black_is_21():
    black, white = luminance(np.array([[0, 0, 0], [255, 255, 255]], dtype=np.uint8))
    assert contrast(black, white) == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize(
    ("one", "other"), [("#1f5aa8", "#f2b230"), ("#d8263c", "#2f6b43"), ("#7a43dd", "#86a95a")]
)
def test_two_vivid_colours_do_not_mix_to_mud(one, other):
    middle = mix(lab(one), lab(other), 0.5)
    assert chroma(middle) > 0.75 * min(chroma(lab(one)), chroma(lab(other)))


def test_a_grey_mixes_straight():
    grey, red = lab("#808080"), lab("#d8263c")
    assert mix(grey, red, 0.5) == pytest.approx((grey + red) / 2, abs=1e-3)


@pytest.mark.parametrize("colours", [*DEFAULT_PALETTES, *STRANGE])
def test_a_palette_is_wide_enough_and_runs_from_dark_to_light(colours):
    swatches = Palette.from_hex(colours).swatches
    assert len(swatches) >= MIN_SWATCHES
    assert (np.diff(swatches[:, 0]) > -1e-4).all()
    assert swatches[-1, 0] - swatches[0, 0] > MIN_LIGHTNESS_RANGE - 0.13


def test_a_palette_keeps_the_colours_it_was_given():
    given = DEFAULT_PALETTES[3]
    assert set(Palette.from_hex(given).colours) == set(given)


def test_a_ramp_has_no_jumps():
    ramp = Palette.from_hex(DEFAULT_PALETTES[3]).ramp(400)
    assert np.linalg.norm(np.diff(ramp, axis=0), axis=1).max() < 0.02


@pytest.mark.parametrize("wrong", ["", "red", "#12", "#12345g", None, 7])
def test_a_wrong_colour_is_named(wrong):
    with pytest.raises(ValueError, match="is not a colour"):
        Palette.from_hex([wrong])


def test_an_empty_palette_is_refused_in_words():
    with pytest.raises(ValueError, match="at least one colour"):
        Palette.from_hex([])


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#000000", "near-black"),
        ("#ffffff", "white"),
        ("#808080", "grey"),
        ("#d8263c", "red"),
        ("#1f5aa8", "blue"),
        ("#17396d", "navy"),
        ("#f5a23c", "orange"),
        ("#2f6b43", "green"),
        ("#7a43dd", "purple"),
        ("#fdefd8", "cream"),
    ],
)
def test_colours_have_everyday_names(colour, name):
    assert colour_name(lab(colour)) == name
