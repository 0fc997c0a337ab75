"""The models of illustration, by subject."""

from imagegen.models.access import InstalledGrant
from imagegen.models.jobs import Attempt, ConnectionMonth, GenerationBatch, GenerationJob
from imagegen.models.outputs import ImageOutput, ReviewEvent
from imagegen.models.renditions import (
    DisclosureText,
    PublicCopy,
    Rendition,
    StorageRole,
    StyleTreatment,
    WatermarkProfile,
)
from imagegen.models.slots import (
    LONGEST_ALT,
    AltDraft,
    IllustrationPlan,
    ImageSlot,
    PlanChoice,
    PromptDraft,
    SlotAlt,
)
from imagegen.models.workers import NamedLease, WorkerProcess

__all__ = [
    "LONGEST_ALT",
    "AltDraft",
    "Attempt",
    "ConnectionMonth",
    "DisclosureText",
    "GenerationBatch",
    "GenerationJob",
    "IllustrationPlan",
    "ImageOutput",
    "ImageSlot",
    "InstalledGrant",
    "NamedLease",
    "PlanChoice",
    "PromptDraft",
    "PublicCopy",
    "Rendition",
    "ReviewEvent",
    "SlotAlt",
    "StorageRole",
    "StyleTreatment",
    "WatermarkProfile",
    "WorkerProcess",
]
