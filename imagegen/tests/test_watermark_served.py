"""A watermark on its whole way: set, served, taken off again, the original untouched."""

import pytest
from PIL import Image, ImageChops

from imagegen.models import ImageOutput, PublicCopy
from imagegen.services.publishing import publish_pictures
from imagegen.services.watermark_files import store_logo
from imagegen.services.watermarks import set_watermark, undo_watermark
from imagegen.storage import hash_file, originals, published
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process  # noqa: F401
from imagegen.tests.test_watermark_pages import logo_file
from imagegen.tests.test_watermarks import in_this_process as marks_in_this_process  # noqa: F401
from imagegen.tests.test_watermarks import make_profile

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("in_this_process", "marks_in_this_process"),
]


@pytest.fixture
def output():
    """The published hero of a post, without a watermark."""
    post = make_post(published=True)
    output = choose(hero_of(post), data=made.png(5, (300, 200)))
    publish_pictures(post_id=post.pk)
    return output


def served(output: ImageOutput) -> dict[str, str]:
    """The files that readers get now, by variant."""
    rows = PublicCopy.objects.live().filter(slot=output.slot_id, purpose="web")
    return dict(rows.values_list("variant", "path"))


def publish(output: ImageOutput) -> dict[str, str]:
    assert publish_pictures(post_id=output.post_id).problems == []
    return served(output)


def seen(output: ImageOutput) -> Image.Image:
    """The JPEG as a reader sees it."""
    return Image.open(published().open(served(output)["300.jpg"])).convert("RGB")


def marked_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """Where two served pictures differ by more than compression does."""
    difference = ImageChops.difference(before, after).convert("L")
    return difference.point(lambda value: 255 if value > 24 else 0).getbbox()


def test_watermarked_picture_is_served_and_the_original_stays(output):
    before = served(output)
    make_profile(is_default=True)
    after = publish(output)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert hash_file(originals(), output.path) == output.sha256


def test_mark_is_in_the_corner_of_what_is_served(output):
    before = seen(output)
    make_profile(is_default=True)
    publish(output)
    left, top, right, bottom = marked_box(before, seen(output))
    assert left > 150 and top > 160 and right > 280 and bottom > 180


def test_taken_off_the_very_files_of_before_are_served(output):
    before = served(output)
    house = make_profile()
    set_watermark(outputs=[output], watermarking="profile", profile=house, user=None)
    assert publish(output) != before
    undo_watermark(output=output, user=None)
    assert publish(output) == before


def test_logo_is_fetched_for_the_rendering(output):
    before = seen(output)
    logo = store_logo(file=logo_file(), user=None)
    fields = {"logo_path": logo.path, "logo_sha256": logo.sha256}
    make_profile(kind="logo", size=0.3, is_default=True, **fields)
    publish(output)
    assert marked_box(before, seen(output))


def test_removed_logo_file_is_a_problem_that_stays_due(output):
    before = served(output)
    logo = store_logo(file=logo_file(), user=None)
    fields = {"logo_path": logo.path, "logo_sha256": logo.sha256}
    make_profile(kind="logo", is_default=True, **fields)
    originals().delete(logo.path)
    assert "watermarks/" in publish_pictures(post_id=output.post_id).problems[0]
    assert served(output) == before
