"""Places follow the post; what a person decided about them stays."""

import pytest

from blog.models import Section
from blog.services import save_post
from imagegen.errors import NotPermitted, Refused
from imagegen.models import ImageSlot, ReviewEvent
from imagegen.services import review, slots, writing
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_choice, make_output

pytestmark = pytest.mark.django_db

LONG = "".join(f"## Part {number}\n\nText {number}.\n\n" for number in range(60))


def section_slots(post) -> list[ImageSlot]:
    return list(ImageSlot.objects.filter(post=post, role="section").order_by("section__position"))


def edit(post, old: str, new: str):
    post.refresh_from_db()
    post.body = post.body.replace(old, new)
    return save_post(post=post)


def test_new_post_has_a_hero_a_card_and_a_place_per_section():
    roles = [slot.role for slot in slots.ensure_slots(post=make_post())]
    assert roles == ["hero", "social", "section", "section"]


def test_card_is_made_from_the_hero():
    card = make_post().slots.get(role="social")
    assert (card.wanted, card.from_hero, card.state) == (True, True, "from_hero")


def test_places_are_made_once():
    post = make_post()
    first = [slot.pk for slot in slots.ensure_slots(post=post)]
    assert [slot.pk for slot in slots.ensure_slots(post=post)] == first


def test_nothing_new_costs_two_reads_however_long_the_post(django_assert_max_num_queries):
    post = make_post(body=LONG)
    with django_assert_max_num_queries(4):
        slots.ensure_slots(post=post)


def test_long_post_takes_few_statements(django_assert_max_num_queries):
    post = make_post(body="")
    Section.objects.bulk_create(
        Section(post=post, position=n, level=2, heading=f"Part {n}", anchor=f"p{n}", text_hash="")
        for n in range(600)
    )
    with django_assert_max_num_queries(18):
        assert len(slots.ensure_slots(post=post)) == 602


def test_place_follows_its_section_heading():
    post = make_post()
    edit(post, "## Tools", "## Tools and hands")
    assert section_slots(post)[1].section_heading == "Tools and hands"


def test_changed_text_makes_the_choice_stale():
    post = make_post()
    slot = section_slots(post)[1]
    make_choice(slot)
    edit(post, "A hammer", "A heavy hammer")
    slot.refresh_from_db()
    assert slot.state == "stale"


def test_changed_white_space_is_no_change():
    assert slots.text_fingerprint("a  b\n") == slots.text_fingerprint("a b")


def test_keeping_the_choice_ends_staleness():
    post = make_post()
    slot = section_slots(post)[1]
    make_choice(slot)
    edit(post, "A hammer", "A heavy hammer")
    assert review.keep_choice(slot=slot, user=None).state == "chosen"


def test_only_the_first_sections_are_wanted_by_rule(settings):
    settings.SECTION_PICTURES = 1
    assert [slot.wanted for slot in section_slots(make_post())] == [True, False]


def test_section_with_a_picture_is_not_wanted_until_it_has_none():
    post = make_post(body="## A\n\n![x](x.jpg)\n\n## B\n\nText")
    assert section_slots(post)[0].wanted is False
    edit(post, "![x](x.jpg)", "Words")
    assert section_slots(post)[0].wanted is True


def test_rule_never_takes_a_chosen_picture_away(settings):
    post = make_post()
    make_choice(section_slots(post)[1])
    settings.SECTION_PICTURES = 1
    slots.ensure_slots(post=post)
    assert section_slots(post)[1].wanted is True


def test_choice_by_hand_is_stronger_than_the_rule(settings):
    post = make_post()
    slots.set_wanted(slot=section_slots(post)[0], wanted=False, user=None)
    slots.ensure_slots(post=post)
    assert section_slots(post)[0].wanted is False


def test_removed_section_leaves_a_detached_place_with_its_pictures():
    post = make_post()
    slot = section_slots(post)[1]
    output = make_choice(slot)
    edit(post, "## Tools\n\nA hammer, a string, patience.", "")
    slot.refresh_from_db()
    assert (slot.section, slot.section_heading, slot.choice) == (None, "Tools", output)


def test_removed_section_without_pictures_leaves_nothing():
    post = make_post()
    edit(post, "## Tools\n\nA hammer, a string, patience.", "")
    assert not ImageSlot.objects.detached().exists()


def test_place_with_a_prompt_by_hand_outlives_its_section():
    post = make_post()
    writing.draft_by_hand(slot=section_slots(post)[1], text="A barn at dusk", user=None)
    edit(post, "## Tools\n\nA hammer, a string, patience.", "")
    assert ImageSlot.objects.detached().get().drafts.get().text == "A barn at dusk"


@pytest.fixture
def detached(db):
    """A place with a chosen picture whose section is gone."""
    post = make_post()
    slot = section_slots(post)[1]
    make_choice(slot)
    edit(post, "## Tools\n\nA hammer, a string, patience.", "")
    slot.refresh_from_db()
    return slot


def test_attached_place_shows_its_pictures_in_the_new_section(detached):
    target = section_slots(make_post(title="Another"))[0].section
    slot = slots.attach_slot(slot=detached, section=target, user=None)
    assert (slot.section, slot.choice) == (target, detached.choice)
    assert ImageSlot.objects.filter(section=target).count() == 1


def test_attaching_joins_the_pictures_and_keeps_what_readers_see(detached):
    present = section_slots(make_post(title="Another"))[0]
    shown = make_choice(present)
    slot = slots.attach_slot(slot=detached, section=present.section, user=None)
    assert slot.choice == shown
    assert slot.outputs.count() == 2


def test_attached_place_tells_that_the_text_is_another(detached):
    target = section_slots(make_post(title="Another"))[0].section
    assert slots.attach_slot(slot=detached, section=target, user=None).state == "stale"


def test_attached_place_takes_no_other(detached):
    present = section_slots(make_post(title="Another"))[0]
    with pytest.raises(Refused, match="only a detached one"):
        slots.attach_slot(slot=present, section=present.section, user=None)


def test_unwanted_place_shows_nothing_and_gets_its_picture_back():
    slot = hero_of(make_post())
    output = make_choice(slot)
    assert slots.set_wanted(slot=slot, wanted=False, user=None).choice is None
    assert slots.set_wanted(slot=slot, wanted=True, user=None).choice == output


def test_wanting_what_is_wanted_is_refused():
    with pytest.raises(Refused, match="wanted already"):
        slots.set_wanted(slot=hero_of(make_post()), wanted=True, user=None)


def test_card_may_want_a_picture_of_its_own():
    card = make_post().slots.get(role="social")
    card = slots.set_wanted(slot=card, wanted=True, user=None, own_social=True)
    assert (card.from_hero, card.state) == (False, "empty")


def test_card_goes_back_to_the_hero_and_gives_its_own_picture_up():
    card = make_post().slots.get(role="social")
    slots.set_wanted(slot=card, wanted=True, user=None, own_social=True)
    make_choice(card)
    card = slots.set_wanted(slot=card, wanted=True, user=None)
    assert (card.from_hero, card.choice) == (True, None)


def test_wishes_are_written_down(editor):
    slot = hero_of(make_post())
    slots.set_wanted(slot=slot, wanted=False, user=editor)
    event = ReviewEvent.objects.get()
    assert (event.action, event.slot, event.made_by_name) == ("unwant", slot, "alice")


def test_reviewer_may_not_decide_what_is_wanted(reviewer):
    with pytest.raises(NotPermitted):
        slots.set_wanted(slot=hero_of(make_post()), wanted=False, user=reviewer)


def test_candidate_of_a_gone_place_is_no_loss():
    post = make_post()
    slot = section_slots(post)[0]
    output = make_output(slot)
    post.delete()
    output.refresh_from_db()
    assert (output.slot, output.post, output.post_title) == (slot, None, "A winter of walls")
