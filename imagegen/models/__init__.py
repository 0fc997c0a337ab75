"""The models of illustration, by subject."""

from imagegen.models.access import InstalledGrant
from imagegen.models.jobs import Attempt, GenerationBatch, GenerationJob
from imagegen.models.outputs import ImageOutput, Rendition, ReviewEvent
from imagegen.models.slots import IllustrationPlan, ImageSlot, PlanChoice, SlotAlt
from imagegen.models.workers import NamedLease, WorkerProcess

__all__ = [
    "Attempt",
    "GenerationBatch",
    "GenerationJob",
    "IllustrationPlan",
    "ImageOutput",
    "ImageSlot",
    "InstalledGrant",
    "NamedLease",
    "PlanChoice",
    "Rendition",
    "ReviewEvent",
    "SlotAlt",
    "WorkerProcess",
]
