"""Near duplicates: found by the index, counted exactly, told at arrival."""

import random

import pytest
from django.db import connection

from imagegen.imaging.hashes import bands, distance
from imagegen.models import ImageOutput
from imagegen.services import alike, uploads
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_output
from imagegen.tests.stored import in_this_process  # noqa: F401

pytestmark = pytest.mark.django_db

HASH = 0x7A31_90C4_0F5E_D2B8


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def flipped(value: int, *places: int) -> int:
    """The signed hash with the bits of these places turned over."""
    for place in places:
        value ^= 1 << place
    return signed(value & (1 << 64) - 1)


def make(dhash: int, slot=None, **fields) -> ImageOutput:
    columns = {f"band{number}": band for number, band in enumerate(bands(dhash))}
    return make_output(slot, dhash=dhash, **columns, **fields)


def found(dhash: int, **options) -> set[int]:
    return {output.pk for output in alike.near(dhash, **options)}


@pytest.mark.parametrize("places", [(), (0,), (63,), (15, 16), (3, 20, 40), (61, 62, 63)])
def test_up_to_three_bits_are_found_wherever_they_lie(places):
    output = make(flipped(HASH, *places))
    assert found(HASH) == {output.pk}


def test_four_bits_are_too_many():
    make(flipped(HASH, 1, 17, 33, 49))
    make(flipped(HASH, 1, 2, 3, 4))
    assert found(HASH) == set()


@pytest.mark.parametrize("places", [(1, 17, 33, 49), (0, 1, 16, 17, 32, 33, 48), (8, 9, 10, 11)])
def test_wider_look_is_exact_to_seven_bits(places):
    output = make(flipped(HASH, *places))
    assert found(HASH, distance=7) == {output.pk}
    assert found(HASH, distance=len(places) - 1) == set()


def test_wider_than_the_bands_reach_is_an_error():
    with pytest.raises(ValueError, match="7 bits"):
        alike.near(HASH, distance=8)


def test_nearest_and_then_newest_come_first():
    far, old, new = (make(flipped(HASH, *places)) for places in [(1, 2), (5,), (6,)])
    rows = alike.near(HASH)
    assert [row.pk for row in rows] == [new.pk, old.pk, far.pk]
    assert [row.bits_apart for row in rows] == [1, 1, 2]


@pytest.mark.parametrize(
    "wanted", [HASH, HASH & (1 << 48) - 1, HASH | (1 << 32) - 1, HASH & 0xFFFF, 0]
)
def test_finds_what_a_look_at_every_row_finds(wanted):
    """Against brute force, with hashes that crowd round one another, and plain bands."""
    chance = random.Random(7)  # noqa: S311 - no secret
    values = [flipped(wanted, *chance.sample(range(64), chance.randrange(9))) for _ in range(150)]
    rows = {make(value).pk: value for value in values}
    every = ImageOutput.objects.all()
    for most in (3, 7):
        near = {key for key, value in rows.items() if distance(value, wanted) <= most}
        assert set(alike._bits_apart(alike.candidates(every, wanted, most), wanted, most)) == near


def test_plain_band_is_not_asked_where_the_others_find_all():
    make(0x0000_5555_AAAA_3333)
    assert not alike.candidates(ImageOutput.objects.all(), HASH & (1 << 48) - 1).exists()


@pytest.mark.parametrize("bits", [3, 7])
def test_every_band_is_looked_up_in_its_index(bits):
    if connection.vendor == "postgresql":  # a small table is read whole otherwise
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = alike.candidates(ImageOutput.objects.all(), HASH, bits).explain()
    assert all(f"output_by_band{number}" in plan for number in range(4))


def test_looking_takes_two_queries(django_assert_num_queries):
    make(HASH)
    with django_assert_num_queries(2):
        assert len(alike.near(HASH)) == 1


# --- At arrival -------------------------------------------------------------------------


def fields(**more) -> dict:
    return {"dhash": HASH, "sha256": "f" * 64, "hints": [], **more}


def texts(post=None, **more) -> list[str]:
    return [hint["text"] for hint in alike.with_likeness(fields(**more), post=post)]


def test_like_an_image_of_the_same_post():
    slot = hero_of(make_post())
    other = make(flipped(HASH, 4), slot)
    assert texts(slot.post) == [f"Very like image {other.pk} of this post."]


def test_like_an_image_of_another_post():
    other = make(HASH, hero_of(make_post(title="Walls")))
    assert texts(make_post(title="Bees")) == [f"Very like image {other.pk} of “Walls”."]


def test_same_file_is_called_so():
    other = make(HASH, sha256="f" * 64)
    assert texts() == [f"The same file as image {other.pk} of a test."]


def test_only_the_last_stored_are_looked_at(monkeypatch):
    monkeypatch.setattr(alike, "LAST_STORED", 1)
    make(HASH)
    make(flipped(HASH, *range(30)))
    assert texts() == []


def test_blank_picture_is_not_called_alike_too():
    make(HASH)
    hints = [{"code": "blank", "text": "The picture is blank."}]
    assert alike.with_likeness(fields(hints=hints), post=None) == hints


@pytest.mark.usefixtures("in_this_process")
def test_upload_of_a_known_picture_is_told():
    slot = hero_of(make_post())
    first, again = (
        uploads.store_upload(slot=slot, file=uploaded(data), user=None)
        for data in (made.png(size=(384, 256)), made.encoded(made.scene((192, 128)), "JPEG"))
    )
    assert "alike" not in {hint["code"] for hint in first.hints}
    assert again.hints[-1] == {"code": "alike", "text": f"Very like image {first.pk} of this post."}


def uploaded(data: bytes):
    from django.core.files.base import ContentFile

    return ContentFile(data)


# --- In review --------------------------------------------------------------------------

HINT = {"code": "blank", "text": "The picture is blank: one shade from edge to edge."}


@pytest.fixture
def console(client, editor):
    client.force_login(editor)
    return client


def page(console, output: ImageOutput) -> str:
    return console.get(f"/admin/imagegen/imageoutput/{output.pk}/change/").content.decode()


def test_page_tells_the_hints_and_what_is_alike(console):
    output = make(HASH, hero_of(make_post()), hints=[HINT])
    other = make(flipped(HASH, 1, 2, 3, 4), hero_of(make_post(title="Bees")))
    text = page(console, output)
    assert HINT["text"] in text and "Alike" in text
    assert f"/admin/imagegen/imageoutput/{other.pk}/change/" in text


def test_page_without_hints_says_nothing_of_them(console):
    text = page(console, make(HASH))
    assert "Worth a look" not in text and "Alike" not in text


def test_hints_are_escaped(console):
    hints = [{"code": "alike", "text": "Very like image 1 of “<script>”."}]
    output = make(HASH, hints=hints)
    for text in (page(console, output), console.get(IMAGES).content.decode()):
        assert "&lt;script&gt;" in text and "“<script>" not in text


IMAGES = "/admin/imagegen/imageoutput/"


@pytest.mark.parametrize(("value", "listed"), [("yes", ["A"]), ("no", ["B"]), ("", ["A", "B"])])
def test_list_is_narrowed_to_images_with_hints(console, value, listed):
    make(HASH, hero_of(make_post(title="A")), hints=[HINT])
    make(HASH, hero_of(make_post(title="B")))
    rows = console.get(IMAGES, {"hints": value} if value else {}).context["cl"].result_list
    assert sorted(row.post_title for row in rows) == listed


def test_list_and_card_show_how_many_hints(console):
    slot = hero_of(make_post())
    make(HASH, slot, hints=[HINT, HINT])
    for address in (IMAGES, f"/admin/imagegen/imageslot/{slot.pk}/change/"):
        assert "2 hints" in console.get(address).content.decode()


def test_hint_never_blocks_approval():
    from imagegen.services import review

    output = make(HASH, hero_of(make_post()), hints=[HINT])
    assert review.approve_output(output=output, user=None).state == "approved"
