"""The studio's type: what the fonts show, how titles break, fit and are cut."""

import pytest

from providers.backends.studio.breaking import fit
from providers.backends.studio.type import GROTESQUE, LABEL, SERIF, coverage, font, settable

LATIN = [*range(0xA1, 0x250), *range(0x1E00, 0x1F00), *range(0x20, 0x7F)]
UNUSUAL = {0xAD, 0x149, 0x1C4, 0x1E9C}  # soft hyphen and letters that Unicode gave up
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitän"


@pytest.mark.parametrize("face", [GROTESQUE, LABEL])
def test_inter_shows_all_latin_letters(face):
    assert {c for c in LATIN if c not in coverage(face)} <= UNUSUAL


@pytest.mark.parametrize("char", "€“”‘’–—…→←•−″")
def test_inter_shows_signs_of_print(char):
    assert ord(char) in coverage(GROTESQUE)


@pytest.mark.parametrize("text", ["Übergröße", "Żółć", "Đặng", "Ştefan’s naïve façade — 20 €"])
def test_fraunces_sets_what_it_has(text):
    assert settable(text, SERIF).face == SERIF


@pytest.mark.parametrize("text", ["C++ → Rust", "Ǎƙ", "Ọ̀ṣun"])
def test_a_title_that_fraunces_lacks_is_set_in_inter_whole(text):
    found = settable(text, SERIF)
    assert (found.face, found.dropped) == (GROTESQUE, 0)


def test_decomposed_letters_are_composed():
    assert settable("Zu\u0308rich", SERIF).text == "Zürich"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ship it 🚀 on Friday", "Ship it on Friday"),
        ("👩‍👩‍👧 Family, 家族", "Family"),
        ("Hello (世界)!", "Hello!"),
        ("ﬁne ŉ ²", "fine ʼn ²"),
        ("A\u0000B\u202ec\td", "ABc d"),
    ],
)
def test_what_cannot_be_shown_is_left_out_tidily(text, shown):
    assert settable(text, GROTESQUE).text == shown


@pytest.mark.parametrize("text", ["مرحبا بالعالم", "日本語のタイトル", "🚀🎉", "…!?", "", " \n"])
def test_nothing_is_left_of_a_title_without_a_letter(text):
    assert settable(text, SERIF).text == ""


def test_dropped_characters_are_counted():
    assert settable("Rust 日本", GROTESQUE).dropped == 2


@pytest.mark.parametrize("text", ["Rust", "A field guide to wild mushrooms", LONG_WORD])
@pytest.mark.parametrize("box", [(900, 400), (400, 300), (300, 700)])
def test_a_title_stays_in_its_box(text, box):
    block = fit(text, GROTESQUE, box, 160, 20)
    real = font(block.face, block.size)
    assert max(real.getlength(line) for line in block.lines) <= box[0]
    assert block.height <= box[1]


def test_a_short_title_is_set_at_the_largest_size():
    assert fit("Rust", SERIF, (900, 400), 120, 20).size == 120


def test_lines_are_balanced():
    block = fit("On the quiet pleasures of a well kept hedge", SERIF, (800, 300), 90, 20)
    widths = [font(SERIF, block.size).getlength(line) for line in block.lines]
    assert min(widths) > 0.6 * max(widths)


def test_no_line_ends_with_a_lone_letter():
    block = fit("The case for a smaller database and a quieter life", SERIF, (500, 400), 80, 20)
    assert all(len(line.split()[-1]) > 1 for line in block.lines)


def test_a_dash_does_not_begin_a_line():
    block = fit("Żółć, naïve façade — Ştefan’s Übergröße, Đặng", GROTESQUE, (800, 400), 120, 20)
    assert not any(line.startswith("—") for line in block.lines)


def test_a_long_word_is_broken_with_a_hyphen():
    block = fit(LONG_WORD, GROTESQUE, (900, 400), 160, 34)
    assert block.lines == ("Donaudampfschifffahrts-", "gesellschaftskapitän")


def test_words_stay_whole_where_there_is_room():
    assert fit("Supercalifragilistic", SERIF, (1200, 300), 90, 20).lines == (
        "Supercalifragilistic",
    )


def test_a_title_of_500_characters_ends_in_an_ellipsis():
    text = "The long road to reproducible builds " * 14
    block = fit(text, GROTESQUE, (500, 300), 120, 32)
    assert block.truncated
    assert block.size == 32
    assert block.lines[-1].endswith("…")


def test_a_word_without_end_is_cut():
    block = fit("a" * 3000, GROTESQUE, (300, 200), 120, 34)
    assert block.truncated
    assert block.height <= 200
