"""The models of illustration, by subject."""

from imagegen.models.access import InstalledGrant
from imagegen.models.jobs import Attempt, ConnectionMonth, GenerationBatch, GenerationJob
from imagegen.models.outputs import ImageOutput, Rendition, ReviewEvent
from imagegen.models.slots import (
    IllustrationPlan,
    ImageSlot,
    PlanChoice,
    PromptDraft,
    SlotAlt,
)
from imagegen.models.workers import NamedLease, WorkerProcess

__all__ = [
    "Attempt",
    "ConnectionMonth",
    "GenerationBatch",
    "GenerationJob",
    "IllustrationPlan",
    "ImageOutput",
    "ImageSlot",
    "InstalledGrant",
    "NamedLease",
    "PlanChoice",
    "PromptDraft",
    "Rendition",
    "ReviewEvent",
    "SlotAlt",
    "WorkerProcess",
]
