"""The public storage against what readers should get, both ways."""

from collections.abc import Iterator
from functools import partial

from django.db.models import Q

from blog.models import Post
from imagegen.errors import ImagegenError
from imagegen.models import ImageSlot, PublicCopy
from imagegen.services.copies import is_public, wanted_copies
from imagegen.services.doctor.files import batches, walk
from imagegen.services.doctor.problems import LEFT_BEHIND, ON_ITS_WAY, Problem, is_older
from imagegen.services.publishing import publish_pictures, remove_retired
from imagegen.storage import PART_SUFFIX, hash_file, published


def check_copies() -> Iterator[Problem]:
    """Every live copy: its file, whole."""
    storage = published()
    for row in PublicCopy.objects.live().select_related("slot").order_by("pk").iterator(500):
        what = ""
        if not storage.exists(row.path):
            kind, what = "copy-missing", "is missing"
        else:
            try:
                if hash_file(storage, row.path) != row.sha256:
                    kind, what = "copy-changed", "has changed since it was made"
            except ImagegenError:
                kind, what = "copy-unreadable", "cannot be read"
        if what:
            yield Problem(
                kind=kind,
                subject=row.path,
                message=f"The public copy for “{row.slot}” {what}; it can be made again.",
                remedy=partial(_make_again, row),
            )


def _make_again(row: PublicCopy) -> bool:
    published().delete(row.path)
    if row.slot.post_id is None:
        return bool(remove_retired(Q(pk=row.pk)))
    return not publish_pictures(post_id=row.slot.post_id).problems


def check_drift() -> Iterator[Problem]:
    """Every post: whether its live copies are those that it should have now."""
    concerned = Q(slots__choice__isnull=False) | Q(slots__copies__live=True)
    for post in Post.objects.filter(concerned).distinct().order_by("pk").iterator(200):
        wanted = {key: copy.recipe_hash for key, copy in wanted_copies(post).items()}
        live = {
            (row.slot_id, row.purpose): row.recipe_hash
            for row in PublicCopy.objects.live().filter(slot__post=post)
        }
        if wanted != live:
            lacking = sum(1 for key in wanted if live.get(key) != wanted[key])
            surplus = sum(1 for key in live if key not in wanted)
            yield Problem(
                kind="copies-behind" if is_public(post) else "copies-public",
                subject=f"post {post.pk}",
                message=f"The public copies of “{post}” do not match what is approved: "
                f"{lacking} to make, {surplus} to remove.",
                remedy=partial(_publish, post.pk),
            )


def _publish(post_id: int) -> bool:
    report = publish_pictures(post_id=post_id)
    due = ImageSlot.objects.filter(post=post_id, publication_due=True)
    return not report.problems and not due.exists()


def check_public_files() -> Iterator[Problem]:
    """Every file that readers could fetch: whether a row speaks of it."""
    storage = published()
    for names in batches(walk(storage, "pictures")):
        known = set(PublicCopy.objects.filter(path__in=names).values_list("path", flat=True))
        for name in names:
            age = LEFT_BEHIND if name.endswith(PART_SUFFIX) else ON_ITS_WAY
            if name not in known and is_older(storage, name, age):
                yield Problem(
                    kind="public-orphan",
                    subject=name,
                    message=f"The public file {name} belongs to no picture. A repair removes it.",
                    remedy=partial(_remove, name),
                )


def _remove(name: str) -> bool:
    if not PublicCopy.objects.filter(path=name).exists():
        published().delete(name)
    return True
