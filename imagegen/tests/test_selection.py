"""Which places are meant: the numbers that a large blog brings."""

import pytest

from imagegen.admin.generation import fetch_for_planning
from imagegen.models import ImageSlot
from imagegen.services.selection import select_slots
from imagegen.tests.factories import make_post

pytestmark = pytest.mark.django_db

SECTIONS = 1100  # more than SQLite takes in one expression


@pytest.fixture
def long_post():
    parts = [f"## Part {number}\n\nText.\n" for number in range(SECTIONS)]
    return make_post(body="\n".join(parts))


def test_post_with_many_sections_is_selected_in_reading_order(long_post):
    slots = select_slots(posts=[long_post], only_missing=True)
    assert [slot.section.position for slot in slots[1:]] == list(range(SECTIONS))


def test_many_places_are_fetched_for_planning(long_post):
    assert len(fetch_for_planning(ImageSlot.objects.filter(role="section"))) == SECTIONS
