"""Pictures that are nearly the same, found by the bands of their hashes.

Two hashes that differ in up to three bits share at least one band of 16 bits whole; up to
seven bits, one band but for a single bit. So an index on each band finds every candidate, and
the exact distance is counted here, for these few only.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet

from imagegen.imaging import hashes
from imagegen.models import ImageOutput

if TYPE_CHECKING:
    from blog.models import Post

SAME = 3  # bits: the same picture, scaled, marked or compressed
SIMILAR = 7  # bits: worth a look side by side
LAST_STORED = 2000  # how far back the look at arrival goes
SHOWN = 12
PLAIN_BANDS = frozenset({0, 0xFFFF})


def near(
    dhash: int, *, distance: int = SAME, rows: QuerySet[ImageOutput] | None = None
) -> list[ImageOutput]:
    """The images of `rows` whose hash differs in at most `distance` bits, nearest first.

    Exact up to 7 bits; `ValueError` beyond. Each image carries the attribute `bits_apart`.
    Of many that are near, the nearest and then the newest twelve are given.
    """
    if not 0 <= distance <= SIMILAR:
        raise ValueError(f"The bands find up to {SIMILAR} bits, not {distance}.")
    rows = ImageOutput.objects.all() if rows is None else rows
    bits = _bits_apart(candidates(rows, dhash, distance), dhash, distance)
    keys = sorted(bits, key=lambda key: (bits[key], -key))[:SHOWN]
    found = rows.in_bulk(keys)
    for key, output in found.items():
        output.bits_apart = bits[key]  # type: ignore[attr-defined]
    return [found[key] for key in keys if key in found]


def candidates(
    rows: QuerySet[ImageOutput], dhash: int, distance: int = SAME
) -> QuerySet[ImageOutput]:
    """The images that share a band with the hash, as near as `distance` needs it.

    Plain bands (a cloudless sky) are shared by very many images. Where the others alone can
    find all, by looking one or two bits further, only these are asked.
    """
    by_number = dict(enumerate(hashes.bands(dhash)))
    telling = {number: band for number, band in by_number.items() if band not in PLAIN_BANDS}
    if not telling or distance // len(telling) > 2:
        telling = by_number
    by_band = Q()
    for number, band in telling.items():
        by_band |= Q(**{f"band{number}__in": _within(band, distance // len(telling))})
    return rows.filter(by_band).order_by()


def _within(band: int, bits: int) -> list[int]:
    """The bands that differ from this one in at most so many bits."""
    found = [band]
    for count in range(1, bits + 1):
        for places in combinations(range(16), count):
            found.append(band ^ sum(1 << place for place in places))
    return found


def _bits_apart(rows: QuerySet[ImageOutput], dhash: int, most: int) -> dict[int, int]:
    """The exact distance of each candidate that is near, by its key."""
    counted = (
        (key, hashes.distance(value, dhash)) for key, value in rows.values_list("pk", "dhash")
    )
    return {key: bits for key, bits in counted if bits <= most}


def alike(output: ImageOutput) -> list[ImageOutput]:
    """Other images that look like this one, for its page."""
    return near(output.dhash, distance=SIMILAR, rows=ImageOutput.objects.exclude(pk=output.pk))


def with_likeness(fields: Mapping[str, Any], *, post: "Post | None") -> list[dict[str, str]]:
    """The hints of an image about to be booked, and one if it is like one of the last stored.

    `fields` are its columns as `output_fields` gives them.
    """
    hints = list(fields["hints"])
    if any(hint["code"] in {"blank", "black"} for hint in hints):
        return hints  # nothing is as like as two blank pictures; it has been said
    newest = ImageOutput.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    found = near(fields["dhash"], rows=ImageOutput.objects.filter(pk__gt=newest - LAST_STORED))
    if not found:
        return hints
    other = found[0]
    what = "The same file as" if other.sha256 == fields["sha256"] else "Very like"
    return [*hints, {"code": "alike", "text": f"{what} image {other.pk} {_of(other, post)}."}]


def _of(other: ImageOutput, post: "Post | None") -> str:
    if post is not None and other.post_id == post.pk:
        return "of this post"
    return f"of “{other.post_title}”" if other.post_title else "of a test"
