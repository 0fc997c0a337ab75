"""Sections keep their identity."""

import random
import time
from types import SimpleNamespace

import pytest

from blog.matching import Candidate, likeness, match_sections

APPLES = "Apples are pressed in October, when the nights are cold and the wasps have gone away."
LADDERS = "A ladder with three legs stands on a slope where a ladder with four would fall over."
ROOFS = "Rain on a tin roof sounds like somebody pouring rice slowly into a very large bowl."
BREAD = (
    "The baker leaves the dough until he has read the newspaper, and on Sundays the paper twice."
)


def sections(*pairs):
    return [SimpleNamespace(heading=heading, body=body) for heading, body in pairs]


OLD = sections(("Apples", APPLES), ("Ladders", LADDERS), ("Roofs", ROOFS))


def test_same_sections_match_in_place():
    assert match_sections(OLD, OLD) == [0, 1, 2]


def test_reordered_sections_are_followed():
    assert match_sections(OLD, [OLD[2], OLD[0], OLD[1]]) == [2, 0, 1]


def test_section_put_in_between_is_new():
    new = [OLD[0], *sections(("Bread", BREAD)), *OLD[1:]]
    assert match_sections(OLD, new) == [0, None, 1, 2]


def test_removed_section_takes_no_neighbour_with_it():
    assert match_sections(OLD, [OLD[0], OLD[2]]) == [0, 2]


def test_text_rewritten_under_the_same_heading_matches():
    assert match_sections(OLD, sections(("Ladders", BREAD))) == [1]


def test_heading_case_and_space_do_not_count():
    assert match_sections(OLD, sections(("  LADDERS ", "New text altogether here."))) == [1]


def test_text_under_a_wholly_new_heading_matches():
    assert match_sections(OLD, sections(("What stands on three legs", LADDERS))) == [1]


def test_heading_renamed_a_little_and_text_edited_matches():
    text = LADDERS.replace("four would fall over", "four would only wobble") + " So they say."
    assert match_sections(OLD, sections(("On ladders", text), ("Roofs", ROOFS))) == [1, 2]


def test_heading_renamed_a_little_is_enough():
    old = sections(("Why no mortar", APPLES), ("Roofs", ROOFS))
    new = sections(("Roofs", ROOFS), ("Why no mortar?", BREAD))
    assert match_sections(old, new) == [1, 0]


def test_swapped_headings_follow_the_heading():
    assert match_sections(OLD[:2], sections(("Ladders", APPLES), ("Apples", LADDERS))) == [1, 0]


def test_equal_twins_match_in_order():
    twins = sections(("Note", "Same."), ("Note", "Same."), ("Note", "Same."))
    assert match_sections(twins, twins[:2]) == [0, 1]


def test_same_headings_are_told_apart_by_their_text():
    old = sections(("Example", APPLES), ("Example", LADDERS), ("Example", ROOFS))
    new = sections(("Example", ROOFS + " Or so."), ("Example", "And " + APPLES))
    assert match_sections(old, new) == [2, 0]


def test_replaced_section_is_removed_and_added():
    assert match_sections(OLD, [OLD[0], *sections(("Bread", BREAD)), OLD[2]]) == [0, None, 2]


def test_single_gap_with_shared_words_matches_by_place():
    old = [OLD[0], *sections(("Step", "Climb the ladder.")), OLD[2]]
    new = [OLD[0], *sections(("Next", "Go up the ladder at last.")), OLD[2]]
    assert match_sections(old, new) == [0, 1, 2]


def test_empty_section_renamed_in_place_matches():
    old = [OLD[0], *sections(("Plans", "")), OLD[2]]
    assert match_sections(old, [OLD[0], *sections(("Later", "")), OLD[2]]) == [0, 1, 2]


def test_two_leftovers_in_one_gap_are_not_guessed():
    old = [OLD[0], *sections(("Plans", ""), ("Hopes", "")), OLD[2]]
    new = [OLD[0], *sections(("Later", ""), ("Then", "")), OLD[2]]
    assert match_sections(old, new) == [0, None, None, 3]


def test_no_section_is_used_twice():
    found = match_sections(OLD, [OLD[0], OLD[0], OLD[1]])
    assert found == [0, None, 1]


@pytest.mark.parametrize(("old", "new"), [([], OLD), (OLD, []), ([], [])])
def test_nothing_on_one_side(old, new):
    assert match_sections(old, new) == [None] * len(new)


def test_text_without_spaces_between_words_is_compared():
    one = Candidate(0, "", "潮汐磨坊在满月时开始工作，磨坊主整夜不睡。")
    other = Candidate(0, "", "潮汐磨坊在满月时开始工作，磨坊主几乎整夜不睡。")
    assert likeness(one, other) > 0.7


@pytest.mark.parametrize("count", [500, pytest.param(2000, marks=pytest.mark.exhaustive)])
def test_very_many_edited_sections_are_matched_quickly(count):
    chance = random.Random(7)
    words = [f"word{number}" for number in range(2500)]
    old = sections(*((f"Part {n}", " ".join(chance.choices(words, k=80))) for n in range(count)))
    new = sections(*((f"Chapter {n} of it", s.body + " More.") for n, s in enumerate(old)))
    order = chance.sample(range(count), count)
    start = time.process_time()
    assert match_sections(old, [new[n] for n in order]) == order
    assert time.process_time() - start < count / 500
