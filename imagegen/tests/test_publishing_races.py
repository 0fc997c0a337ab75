"""Many hands at once: whatever they did, what readers get matches what is approved."""

import contextlib
import os
import random
import threading

import pytest
from django.core.files.storage import storages
from django.db import connections

from blog.errors import BlogError
from blog.models import Post
from imagegen.errors import ImagegenError
from imagegen.models import ImageOutput, PublicCopy, Rendition
from imagegen.services import publishing, review
from imagegen.services.doctor import find_problems
from imagegen.tests.factories import make_post
from imagegen.tests.stored import in_this_process, put_output  # noqa: F401

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("in_this_process"),
]
HANDS, ACTS = 5, 10
CHECKS = ["renditions", "rendition files", "public copies", "public files", "publication"]


def act(chance: random.Random, output_id: int, post_id: int) -> None:
    """One thing that a person or a worker may do, on fresh rows."""
    output, post = ImageOutput.objects.get(pk=output_id), Post.objects.get(pk=post_id)
    acts = [
        lambda: review.approve_output(output=output, user=None),
        lambda: review.undo_review(output=output, user=None),
        lambda: publishing.publish_pictures(post_id=post_id),
        lambda: publishing.publish_due(),
        lambda: publishing.withdraw_post(post=post),
        lambda: publishing.publish_post(post=post),
    ]
    with contextlib.suppress(ImagegenError, BlogError):  # somebody else was quicker
        chance.choice(acts)()


def files(storage: str, below: str = "") -> list[str]:
    root = storages[storage].location
    top = os.path.join(root, below)
    found = [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]
    return sorted(os.path.relpath(path, root) for path in found)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in (1, 2))]
)
def test_many_hands_end_in_order(seed):
    posts = [make_post(title="Same", slug=f"p{number}", published=True) for number in range(2)]
    slots = [slot for post in posts for slot in post.slots.exclude(role="social")]
    outputs = [put_output(slot, seed=number % 3) for number, slot in enumerate(slots * 2)]
    faults: list[Exception] = []

    def hand(number: int) -> None:
        chance = random.Random(seed * 100 + number)
        try:
            for _ in range(ACTS):
                act(chance, chance.choice(outputs).pk, chance.choice(posts).pk)
        except Exception as fault:  # noqa: BLE001 - shown by the test
            faults.append(fault)
        finally:
            connections.close_all()

    hands = [threading.Thread(target=hand, args=(number,)) for number in range(HANDS)]
    for thread in hands:
        thread.start()
    for thread in hands:
        thread.join()
    assert faults == []
    settle()
    served = set(PublicCopy.objects.live().values_list("path", flat=True))
    assert files("published") == sorted(served)
    made = set(Rendition.objects.exclude(made_at=None).values_list("path", flat=True))
    assert files("originals", "renditions") == sorted(made)
    assert [p.message for p in find_problems(CHECKS)] == []


def settle() -> None:
    """What the sweeper does within its next rounds."""
    publishing._failures.clear()
    for _ in range(3):
        publishing.publish_due()
        publishing.remove_retired(publishing.Q())
