"""What readers are told of AI in a picture: the mark, the label, and changes of both.

The mark (IPTC DigitalSourceType) goes into every file and into the page's data, whatever the
policy. The policy decides about the visible label alone, and a picture that could be taken
for a photograph of something real has one under any policy.
"""

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from imagegen.errors import ImagegenError, Refused
from imagegen.imaging.xmp import GENERATED, PARTLY_GENERATED, SOURCE_TYPES, TERM_ADDRESS
from imagegen.models import ImageOutput, ImageSlot, ReviewEvent, StyleTreatment
from imagegen.services.access import require
from imagegen.services.choices import record_event
from imagegen.services.disclosure_words import WordList, with_model
from imagegen.services.due import mark_due

logger = logging.getLogger("imagegen")

AiContent, Label = ImageOutput.AiContent, StyleTreatment.Label
RANKS = {AiContent.NONE.value: 0, AiContent.MODIFIED.value: 1, AiContent.GENERATED.value: 2}
# As of November 2026; https://schema.org/IPTCDigitalSourceEnumeration
SCHEMA_NAMES = {
    **{
        term: term[0].upper() + term[1:]
        for term in (
            "algorithmicMedia",
            "algorithmicallyEnhanced",
            "composite",
            "compositeCapture",
            "compositeSynthetic",
            "compositeWithTrainedAlgorithmicMedia",
            "dataDrivenMedia",
            "digitalCapture",
            "minorHumanEdits",
            "negativeFilm",
            "positiveFilm",
            "print",
            "screenCapture",
            "trainedAlgorithmicMedia",
            "virtualRecording",
        )
    },
    "computationalCapture": "MultiFrameComputationalCapture",
    "digitalCreation": "DigitalArt",
}
QUESTION = "Could it be taken for a photograph of real people, places or events?"
User = AbstractBaseUser | None


# --- What a file is ---------------------------------------------------------------------


def ai_content_of(digital_source_type: str) -> str:
    """What an AI model had to do with a picture of this IPTC term."""
    if digital_source_type == GENERATED:
        return AiContent.GENERATED
    if digital_source_type == PARTLY_GENERATED:
        return AiContent.MODIFIED
    return AiContent.NONE


def marks_at_arrival(said: str, found: str = "") -> dict[str, str]:
    """The columns of a new image: `said` by who brings it, `found` in its own file.

    What the file itself says of an AI model is not talked away.
    """
    unsaid = ai_content_of(said) == AiContent.NONE != ai_content_of(found)
    term = found if unsaid or not said else said
    return {"digital_source_type": term, "ai_content": ai_content_of(term)}


# --- What readers are told --------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What is to be told of one picture, in `language`. Not `shown`: no label is due."""

    ai_content: str = AiContent.NONE.value
    label: str = ""
    sentence: str = ""
    language: str = ""
    shown: bool = False


def policy_for(style_label: str = "") -> str:
    """The policy that holds for pictures of a style: always, real or never."""
    return settings.AI_LABEL if style_label in ("", Label.SITE) else style_label


def is_label_due(*, ai_content: str, could_be_real: bool | None, style_label: str = "") -> bool:
    """Whether readers must see a label. A question that nobody answered counts as a yes."""
    if ai_content == AiContent.NONE:
        return False
    policy = policy_for(style_label)
    if could_be_real or policy == Label.ALWAYS:
        return True
    return policy == Label.REAL and could_be_real is None


def disclose(
    *,
    words: WordList,
    language: str,
    ai_content: str,
    could_be_real: bool | None,
    kind: str,
    model_name: str,
    style_label: str | None = "",
    **others: Any,
) -> Disclosure:
    """What readers of `language` are told, from the columns of an image."""
    if not is_label_due(
        ai_content=ai_content, could_be_real=could_be_real, style_label=style_label or ""
    ):
        return Disclosure(ai_content=ai_content)
    model = "" if kind == ImageOutput.Kind.UPLOADED else model_name
    found = words.find(ai_content=ai_content, language=language)
    return Disclosure(
        ai_content=ai_content,
        label=found.label,
        sentence=with_model(found.sentence, model),
        language=found.language,
        shown=True,
    )


def disclosure_of(
    output: ImageOutput, *, language: str, treatment: StyleTreatment | None = None
) -> Disclosure:
    """What readers of `language` are told of an image whose style has this treatment."""
    return disclose(
        words=WordList([language]),
        language=language,
        ai_content=output.ai_content,
        could_be_real=output.could_be_real,
        kind=output.kind,
        model_name=output.model_name,
        style_label=treatment.label if treatment else "",
    )


def schema_facts(
    told: Disclosure,
    *,
    digital_source_type: str,
    kind: str,
    alt: str,
    caption: str,
    **others: Any,
) -> dict[str, Any]:
    """The same for machines: properties of a schema.org ImageObject."""
    facts: dict[str, Any] = {
        "digitalSourceType": schema_term(digital_source_type),
        "creditText": settings.SITE_NAME,
        "description": alt,
        "caption": " ".join(filter(None, [caption, told.sentence or told.label])),
    }
    if kind != ImageOutput.Kind.UPLOADED:
        facts["creator"] = {"@type": "Organization", "name": settings.SITE_NAME}
    return {name: value for name, value in facts.items() if value}


def schema_term(digital_source_type: str) -> str:
    """The address of an IPTC term at schema.org, which has names of its own for most of them."""
    if digital_source_type in SCHEMA_NAMES:
        return f"https://schema.org/{SCHEMA_NAMES[digital_source_type]}DigitalSource"
    return TERM_ADDRESS + digital_source_type if digital_source_type else ""


def style_label(style_name: OuterRef) -> Coalesce:
    """The label rule of the style that has the name, or had it once, for a queryset."""
    return Coalesce(*(Subquery(labels[:1]) for labels in _labels(style_name)))


def _labels(style_name: OuterRef | str) -> list[QuerySet[StyleTreatment, str]]:
    rules = StyleTreatment.objects.values_list("label", flat=True)
    return [
        rules.filter(style__name=style_name),
        rules.filter(style__versions__name=style_name),
    ]


def must_be_asked(output: ImageOutput) -> bool:
    """Whether an approval needs an answer to `QUESTION` first."""
    if output.ai_content == AiContent.NONE or output.could_be_real is not None:
        return False
    found = (labels.order_by("pk").first() for labels in _labels(output.style_name))
    return policy_for(next(filter(None, found), "")) == Label.REAL


# --- Changing it ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What a person may change of an image's disclosure."""

    ai_content: str
    digital_source_type: str
    could_be_real: bool | None

    @classmethod
    def of(cls, output: ImageOutput) -> "Marks":
        return cls(
            ai_content=output.ai_content,
            digital_source_type=output.digital_source_type,
            could_be_real=output.could_be_real,
        )

    def says_less_than(self, other: "Marks") -> bool:
        return (
            RANKS[self.ai_content] < RANKS[other.ai_content]
            or RANKS[ai_content_of(self.digital_source_type)]
            < RANKS[ai_content_of(other.digital_source_type)]
            or (bool(other.could_be_real) and not self.could_be_real)
        )


def change_disclosure(
    *,
    output: ImageOutput,
    user: User,
    ai_content: str,
    digital_source_type: str,
    could_be_real: bool | None,
    note: str = "",
) -> ImageOutput:
    """Say anew where an image comes from and what AI had to do with it.

    Of source and AI content the one that was changed leads and the other follows. Saying less
    than before needs a reason in `note`. Needs the permission "override". What readers get
    follows; the sidecar tells it. Raises Refused, NotPermitted.
    """
    require(user, "override")
    if ai_content not in AiContent.values:
        raise Refused(f"AI content is one of: {', '.join(AiContent.values)}.")
    if digital_source_type and digital_source_type not in SOURCE_TYPES:
        raise Refused(f"“{digital_source_type}” is no known kind of source.")
    wanted = Marks(
        ai_content=ai_content, digital_source_type=digital_source_type, could_be_real=could_be_real
    )
    with transaction.atomic():
        before = Marks.of(_locked(output))
        return _write_marks(output, user, before, _in_accord(wanted, before), note)


def answer_question(
    *, output: ImageOutput, user: User, could_be_real: bool, note: str = ""
) -> ImageOutput:
    """Answer `QUESTION`. Needs the permission "approve"; from yes to no also a reason."""
    require(user, "approve")
    with transaction.atomic():
        before = Marks.of(_locked(output))
        after = Marks(
            ai_content=before.ai_content,
            digital_source_type=before.digital_source_type,
            could_be_real=could_be_real,
        )
        return _write_marks(output, user, before, after, note)


def _locked(output: ImageOutput) -> ImageOutput:
    return ImageOutput.objects.select_for_update(no_key=True).get(pk=output.pk)


def _in_accord(wanted: Marks, before: Marks) -> Marks:
    """The wanted marks with source and AI content in accord. Raises Refused if they clash."""
    kind, term = wanted.ai_content, wanted.digital_source_type
    if term != before.digital_source_type and kind == before.ai_content:
        kind = ai_content_of(term)
    elif kind != before.ai_content and term == before.digital_source_type:
        term = {AiContent.GENERATED: GENERATED, AiContent.MODIFIED: PARTLY_GENERATED}.get(
            AiContent(kind), term
        )
    if (implied := ai_content_of(term)) != kind:
        raise Refused(
            "The source and the AI content do not go together. "
            f"“{SOURCE_TYPES.get(term, 'not said')}” means: {AiContent(implied).label}.",
            field="digital_source_type",
        )
    return Marks(ai_content=kind, digital_source_type=term, could_be_real=wanted.could_be_real)


def _write_marks(
    output: ImageOutput, user: User, before: Marks, after: Marks, note: str
) -> ImageOutput:
    """In the caller's transaction: the columns, the event, and what follows from them."""
    if after == before:
        return output
    if after.says_less_than(before) and not note.strip():
        raise Refused("This says less about AI than before. Write down why.", field="note")
    ImageOutput.objects.filter(pk=output.pk).update(**vars(after))
    for name, value in vars(after).items():
        setattr(output, name, value)
    told = " ".join(filter(None, [_told(before, after), note.strip()]))
    record_event(
        action=ReviewEvent.Action.DISCLOSE, user=user, output=output, slot=output.slot, note=told
    )
    mark_due(slots=ImageSlot.objects.filter(choice=output))
    transaction.on_commit(lambda: _tell_sidecar(output, after), robust=True)
    return output


def _told(before: Marks, after: Marks) -> str:
    """The change in words, for the history."""
    answers: dict[Any, str] = {None: "not answered", True: "yes", False: "no"}
    changes = [
        ("AI content", before.ai_content, after.ai_content),
        ("Source", before.digital_source_type, after.digital_source_type),
        (
            "Could be taken for real",
            answers[before.could_be_real],
            answers[after.could_be_real],
        ),
    ]
    return " ".join(
        f"{what}: {old or 'not said'} → {new or 'not said'}."
        for what, old, new in changes
        if old != new
    )


def _tell_sidecar(output: ImageOutput, marks: Marks) -> None:
    from imagegen.services.outputs import update_sidecar

    try:
        update_sidecar(output.path, vars(marks))
    except ImagegenError as error:
        # The row counts; `doctor` finds a sidecar that is missing or wrong.
        logger.error("The sidecar of image %s was not brought up to date: %s", output.pk, error)
