"""Pages of the console with more than fits: many pictures of a place, and very long names."""

import re

import pytest
from django.urls import reverse

from imagegen.admin import slots
from imagegen.models import ImageSlot
from imagegen.services import review
from imagegen.services.batches import create_batch, plan_batch
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_choice, make_output

pytestmark = pytest.mark.django_db
IMAGES = reverse("admin:imagegen_imageoutput_changelist")


def page_of(client, slot):
    return client.get(reverse("admin:imagegen_imageslot_change", args=[slot.pk]))


def test_chosen_picture_comes_first_then_what_waits(console, slot):
    chosen, waiting = make_choice(slot), make_output(slot)
    rejected = make_output(slot)
    review.reject_output(output=rejected, user=None, reason="text")
    assert list(page_of(console, slot).context["outputs"]) == [chosen, waiting, rejected]


def test_place_with_many_pictures_leads_to_all_of_them(console, slot, monkeypatch):
    monkeypatch.setattr(slots, "SHOWN_CARDS", 2)
    for _ in range(3):
        make_output(slot)
    assert f'href="{IMAGES}?slot__id={slot.pk}"' in page_of(console, slot).text
    make_output(hero_of(make_post(title="Another")))
    answer = console.get(IMAGES, {"slot__id": slot.pk})
    assert len(answer.context["cl"].result_list) == 3


def test_place_says_so_only_when_there_are_more(console, slot):
    make_output(slot)
    assert "?slot__id=" not in page_of(console, slot).text


def test_place_of_a_post_with_a_very_long_title_is_still_named():
    slot = ImageSlot(post_title="Stones " * 60, role="section", section_heading="Why no mortar")
    assert str(slot).endswith("…: Why no mortar")
    assert len(str(slot)) <= 200


@pytest.mark.parametrize("name", ["imageslot", "imageoutput", "generationjob"])
def test_lists_shorten_long_titles(console, name):
    slot = hero_of(make_post(title="Wall" * 60))
    make_output(slot)
    plan = plan_batch(slots=[slot])
    create_batch(plan=plan, user=None, door="admin", kind="post", title="One")
    answer = console.get(reverse(f"admin:imagegen_{name}_changelist")).text
    assert "…" in answer
    assert max(len(run) for run in re.findall("(?:Wall)+", answer)) <= 100
