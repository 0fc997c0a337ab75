"""Watermarks: which one a picture is shown with, and changing that for one picture or many.

An original never bears a mark. A watermark is part of the recipe of what readers get, so that
a change makes new files from the original, and taking it off serves unmarked ones again.
Every change marks the places that show the pictures as due in its own transaction. Watermarks
themselves are saved and removed in `watermark_profiles`.

What counts, in this order: the picture's own choice, the treatment of its style, the site's
own watermark. A watermark that is switched off counts as not chosen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from imagegen.errors import InvalidTransition, Refused
from imagegen.models import (
    ImageOutput,
    ImageSlot,
    ReviewEvent,
    StyleTreatment,
    WatermarkProfile,
)
from imagegen.services.access import require
from imagegen.services.choices import record_event
from imagegen.services.due import mark_due
from prompts.models import StyleVersion

User = AbstractBaseUser | None
Spec = dict[str, Any]
Watermarking = ImageOutput.Watermarking
CHUNK = 200  # pictures that are changed in one transaction


# --- Which one counts -------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Treatments:
    """The watermarks in use and what each style gets; read once for many pictures."""

    profiles: dict[int, WatermarkProfile]
    by_style: dict[str, StyleTreatment]

    @property
    def default(self) -> WatermarkProfile | None:
        """The site's own watermark."""
        return next((row for row in self.profiles.values() if row.is_default), None)

    def of(self, output: ImageOutput) -> StyleTreatment | None:
        """The treatment of the style that a picture was drawn in."""
        return self.by_style.get(output.style_name)


def read_treatments() -> Treatments:
    """The treatments as they are now, in at most three queries."""
    rows = {row.style_id: row for row in StyleTreatment.objects.select_related("style")}
    # A picture keeps the name that its style had then.
    versions = StyleVersion.objects.filter(style__in=rows).order_by("version") if rows else ()
    by_style = {version.name: rows[version.style_id] for version in versions}
    by_style |= {row.style.name: row for row in rows.values()}
    profiles = {row.pk: row for row in WatermarkProfile.objects.filter(is_active=True)}
    return Treatments(profiles=profiles, by_style=by_style)


def watermark_for(output: ImageOutput, treatments: Treatments) -> Spec | None:
    """How the picture is marked where readers see it; None for not at all. No query."""
    profile = profile_for(output, treatments)
    return spec_of(profile) if profile else None


def profile_for(output: ImageOutput, treatments: Treatments) -> WatermarkProfile | None:
    """The watermark that readers see on the picture. No query."""
    return resolve(treatments, output.watermarking, output.watermark_id, output.style_name)


def resolve(
    treatments: Treatments, watermarking: str, chosen: int | None, style_name: str
) -> WatermarkProfile | None:
    """The watermark by the columns of a picture. No query."""
    return _decide(treatments, watermarking, chosen, style_name)[0]


def decided_by(output: ImageOutput, treatments: Treatments) -> str:
    """Who decides about a picture's watermark, in words."""
    return _decide(treatments, output.watermarking, output.watermark_id, output.style_name)[1]


def _decide(
    treatments: Treatments, watermarking: str, chosen: int | None, style_name: str
) -> tuple[WatermarkProfile | None, str]:
    if watermarking == Watermarking.NONE:
        return None, "chosen for this image"
    if watermarking == Watermarking.PROFILE and chosen in treatments.profiles:
        return treatments.profiles[chosen], "chosen for this image"
    treatment = treatments.by_style.get(style_name)
    if treatment and treatment.without_watermark:
        return None, "as its style says"
    if treatment and treatment.watermark_id in treatments.profiles:
        return treatments.profiles[treatment.watermark_id], "as its style says"
    return treatments.default, "as the site says"


def spec_of(profile: WatermarkProfile) -> Spec:
    """All that a mark's look depends on, as `imagegen.imaging.watermark.mark` takes it.

    A logo's file is at `logo_path` in the private storage.
    """
    is_logo = profile.kind == WatermarkProfile.Kind.LOGO
    return {
        "slug": profile.slug,
        "version": profile.version,
        "kind": str(profile.kind),
        "text": "" if is_logo else profile.text,
        "logo_sha256": profile.logo_sha256 if is_logo else "",
        "logo_path": profile.logo_path if is_logo else "",
        "position": str(profile.position),
        "margin": profile.margin,
        "size": profile.size,
        "opacity": profile.opacity,
    }


# --- One picture or many ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What one call of `set_watermark` did."""

    changed: int
    unchanged: int


def set_watermark(
    *,
    outputs: Iterable[ImageOutput],
    watermarking: str,
    profile: WatermarkProfile | None = None,
    user: User,
) -> Setting:
    """Have pictures shown with `profile`, with none, or as their style or the site says.

    Some hundreds at a time, each time all or none of them. Places that show a picture are due.
    Raises Refused, NotPermitted.
    """
    require(user, "approve")
    _check_choice(watermarking, profile)
    chosen = profile if watermarking == Watermarking.PROFILE else None
    rows = list(outputs)
    changed = sum(
        _set(rows[start : start + CHUNK], watermarking, chosen, user)
        for start in range(0, len(rows), CHUNK)
    )
    return Setting(changed=changed, unchanged=len(rows) - changed)


def _check_choice(watermarking: str, profile: WatermarkProfile | None) -> None:
    if watermarking not in Watermarking.values:
        raise Refused(f"Say how pictures are marked: {', '.join(Watermarking.values)}.")
    if watermarking == Watermarking.PROFILE and profile is None:
        raise Refused("Say which watermark.")
    if profile is not None and not profile.is_active:
        raise Refused(f"The watermark “{profile}” is switched off. Switch it on, or take another.")


def _set(
    outputs: list[ImageOutput],
    watermarking: str,
    profile: WatermarkProfile | None,
    user: User,
    note: str = "",
) -> int:
    """Set the choice of these pictures; returns how many it was not so before."""
    wanted = (watermarking, profile and profile.pk)
    with transaction.atomic():
        rows = ImageOutput.objects.filter(pk__in=[output.pk for output in outputs])
        locked = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
        changing = [
            row
            for row in locked.select_related("watermark", "slot").defer("prompt_text")
            if (row.watermarking, row.watermark_id) != wanted
        ]
        keys = [row.pk for row in changing]
        rows.filter(pk__in=keys).update(watermarking=watermarking, watermark=profile)
        for row in changing:
            _record(row, watermarking, profile, user, note)
        mark_due(slots=ImageSlot.objects.filter(choice__in=keys))
    for output in outputs:
        output.watermarking, output.watermark = watermarking, profile
    return len(changing)


def _record(
    before: ImageOutput,
    watermarking: str,
    profile: WatermarkProfile | None,
    user: User,
    note: str,
) -> None:
    was, now = in_words(before.watermarking, before.watermark), in_words(watermarking, profile)
    record_event(
        action=ReviewEvent.Action.WATERMARK,
        user=user,
        output=before,
        slot=before.slot,
        from_state=_code(before.watermarking, before.watermark_id),
        to_state=_code(watermarking, profile.pk if profile else None),
        note=note or f"{was} → {now}",
    )


def in_words(watermarking: str, profile: WatermarkProfile | None) -> str:
    """A picture's own choice in words."""
    if watermarking == Watermarking.PROFILE and profile is not None:
        return f"“{profile}”"
    if watermarking == Watermarking.NONE:
        return "none"
    return "what the style or the site says"


def _code(watermarking: str, profile_id: int | None) -> str:
    """The same for the books: `inherit`, `none` or `profile:7`."""
    is_own = watermarking == Watermarking.PROFILE and profile_id
    return f"{watermarking}:{profile_id}" if is_own else str(watermarking)


def choice_before(output: ImageOutput) -> tuple[str, WatermarkProfile | None] | None:
    """What a picture's choice was before its last change; None if it never changed.

    A watermark that has been removed since counts as what the style or the site says.
    """
    changes = ReviewEvent.objects.filter(output=output, action=ReviewEvent.Action.WATERMARK)
    event = changes.first()
    if event is None:
        return None
    watermarking, _, key = event.from_state.partition(":")
    profile = WatermarkProfile.objects.filter(pk=int(key)).first() if key else None
    if watermarking == Watermarking.PROFILE and profile is None:
        return Watermarking.INHERIT, None
    return watermarking, profile


def undo_watermark(*, output: ImageOutput, user: User) -> ImageOutput:
    """Set a picture's choice back to what it was before the last change."""
    require(user, "approve")
    before = choice_before(output)
    if before is None or not _set([output], *before, user, note="Taken back."):
        raise InvalidTransition("There is no change of its watermark to take back.")
    return output
