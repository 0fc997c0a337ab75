"""What is made from originals: renditions and public copies against their files, both ways."""

from collections.abc import Iterator
from functools import partial

from django.core.files.storage import Storage
from django.db.models import Model, Q

from blog.models import Post
from imagegen.models import ImageSlot, PublicCopy, Rendition
from imagegen.services import renditions
from imagegen.services.copies import is_public, key_of, remove_retired, wanted_copies
from imagegen.services.doctor.files import fault_of, walk
from imagegen.services.doctor.problems import LEFT_BEHIND, ON_ITS_WAY, Problem, is_older
from imagegen.services.holdings import batches
from imagegen.services.publishing import publish_pictures
from imagegen.services.watermarks import read_treatments
from imagegen.storage import PART_SUFFIX, originals, published


def check_renditions() -> Iterator[Problem]:
    """Every rendition that was made: its file, whole."""
    made = Rendition.objects.exclude(made_at=None)
    for row in made.order_by("pk").iterator(500):
        if fault := fault_of(originals(), row.path, row.sha256):
            kind, what = fault
            yield Problem(
                kind=f"rendition-{kind}",
                subject=row.path,
                message=f"{row} {what}; it can be made again.",
                remedy=partial(_render_again, row),
            )


def _render_again(row: Rendition) -> bool:
    """Make the file of a rendition that places serve again; others may go."""
    same = Rendition.objects.filter(path=row.path)
    originals().delete(row.path)
    served = [one for one in same.select_related("output") if one.copies.exists()]
    same.filter(copies__isnull=True).delete()
    renditions.unmake(Rendition.objects.filter(pk__in=[one.pk for one in served]))
    for one in served:
        renditions.ensure_renditions(one.output, [one.recipe])
    return True


def check_copies() -> Iterator[Problem]:
    """Every live copy: its file, whole."""
    for row in PublicCopy.objects.live().select_related("slot").order_by("pk").iterator(500):
        if fault := fault_of(published(), row.path, row.sha256):
            kind, what = fault
            yield Problem(
                kind=f"copy-{kind}",
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
    treatments = read_treatments()
    for post in Post.objects.filter(concerned).distinct().order_by("pk").iterator(200):
        wanted = wanted_copies(post, treatments)
        rows = PublicCopy.objects.live().filter(slot__post=post)
        live = {key_of(row): row for row in rows}
        lacking = sum(not copy.is_served_by(live.get(key)) for key, copy in wanted.items())
        surplus = sum(key not in wanted for key in live)
        if lacking or surplus:
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
    yield from _strays(
        published(), "pictures", PublicCopy, kind="public-orphan",
        sentence="The public file {} belongs to no picture. A repair removes it.",
    )  # fmt: skip


def check_rendition_files() -> Iterator[Problem]:
    """Every file of renditions: whether a row speaks of it."""
    yield from _strays(
        originals(), "renditions", Rendition, kind="rendition-orphan",
        sentence="The file {} belongs to no rendition. A repair removes it.",
    )  # fmt: skip


def _strays(
    storage: Storage, folder: str, model: type[Model], *, kind: str, sentence: str
) -> Iterator[Problem]:
    """Files of the folder that no row of the model names in its `path`."""
    rows = model._default_manager
    for names in batches(walk(storage, folder)):
        known = set(rows.filter(path__in=names).values_list("path", flat=True))
        for name in names:
            age = LEFT_BEHIND if name.endswith(PART_SUFFIX) else ON_ITS_WAY
            if name not in known and is_older(storage, name, age):
                yield Problem(
                    kind=kind,
                    subject=name,
                    message=sentence.format(name),
                    remedy=partial(_remove, storage, model, name),
                )


def _remove(storage: Storage, model: type[Model], name: str) -> bool:
    if not model._default_manager.filter(path=name).exists():
        storage.delete(name)
    return True
