"""Stored originals, the files derived from them, and who decided what about them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from imagegen.models.jobs import MONEY
from imagegen.states import Moves


class ImageOutput(models.Model):
    """One stored original, immutable: its file, where it came from, its review state."""

    class Kind(models.TextChoices):
        GENERATED = "generated", "Generated"
        UPLOADED = "uploaded", "Uploaded"
        EDITED = "edited", "Edited"

    class State(models.TextChoices):
        CANDIDATE = "candidate", "To review"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    class RejectReason(models.TextChoices):
        SUBJECT = "subject", "wrong subject"
        TEXT = "text", "garbled text"
        ANATOMY = "anatomy", "anatomy"
        STYLE = "style", "off style"
        CREDIBLE = "credible", "not credible"
        ALIKE = "alike", "too like another"
        QUALITY = "quality", "poor quality"
        OTHER = "other", "other"

    MOVES: Moves = {
        State.CANDIDATE: frozenset({State.APPROVED, State.REJECTED}),
        State.APPROVED: frozenset({State.CANDIDATE}),
        State.REJECTED: frozenset({State.CANDIDATE}),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.CANDIDATE)
    reject_reason = models.CharField(max_length=16, choices=RejectReason.choices, blank=True)
    slot = models.ForeignKey(
        "imagegen.ImageSlot",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="outputs",
    )
    post = models.ForeignKey(
        "blog.Post", null=True, blank=True, on_delete=models.SET_NULL, related_name="outputs"
    )
    post_title = models.CharField(max_length=500, blank=True)
    role = models.CharField(max_length=16, blank=True)
    attempt = models.ForeignKey(
        "imagegen.Attempt",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="outputs",
    )
    number = models.PositiveSmallIntegerField(
        default=0, help_text="Which image of the attempt's answer, from 0."
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    path = models.CharField(max_length=300, unique=True, help_text="In the private storage.")
    preview_path = models.CharField(max_length=300, blank=True)
    preview_width = models.PositiveIntegerField(default=0)
    preview_height = models.PositiveIntegerField(default=0)
    format = models.CharField(max_length=8)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    byte_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    dhash = models.BigIntegerField(help_text="64-bit difference hash, as a signed integer.")
    colour = models.CharField(max_length=7, help_text="Mean colour, #rrggbb.")
    description = models.CharField(
        max_length=500, blank=True, help_text="What the provider says it drew: an alt draft."
    )
    digital_source_type = models.CharField(
        max_length=60, blank=True, help_text="IPTC DigitalSourceType term."
    )
    prompt = models.ForeignKey(
        "prompts.ImagePrompt", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    prompt_text = models.TextField(blank=True, help_text="Copied from the prompt, for search.")
    connection_name = models.CharField(max_length=100, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    style_name = models.CharField(max_length=120, blank=True)
    style_version = models.PositiveIntegerField(null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    cost = models.DecimalField(**MONEY, null=True, blank=True)
    duration = models.FloatField(null=True, blank=True, help_text="Seconds of the call.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        verbose_name = "image"
        ordering = ["-pk"]
        permissions = [
            ("generate", "Can generate images"),
            ("spend", "Can spend above the threshold and settle doubtful calls"),
            ("approve", "Can approve and reject images"),
            ("override", "Can replace images by uploads"),
            ("configure", "Can configure generation"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "number"],
                condition=Q(attempt__isnull=False),
                name="one_output_per_attempt_and_number",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["candidate", "approved", "rejected"]),
                name="output_state_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="output_by_state"),
            models.Index(fields=["connection_name", "-id"], name="output_by_connection"),
            models.Index(fields=["style_name", "-id"], name="output_by_style"),
            models.Index(fields=["created_at"], name="output_by_time"),
            models.Index(fields=["post", "state"], name="output_by_post_state"),
            models.Index(fields=["slot", "state"], name="output_by_slot_state"),
        ]

    def __str__(self) -> str:
        return f"Image {self.pk} ({self.get_state_display().lower()})"


class RenditionQuerySet(models.QuerySet):
    """Reads of public copies."""

    def live(self) -> "RenditionQuerySet":
        """Copies in service: one for each place and purpose."""
        return self.filter(live=True)

    def public(self) -> "RenditionQuerySet":
        """Live copies of approved images in public posts: what readers may get now."""
        return self.live().filter(
            output__state=ImageOutput.State.APPROVED, slot__post__status="published"
        )


class Rendition(models.Model):
    """A derived file: recipe and original. Made again at will; public while it is live.

    The row is there before its file and until after its file, so that no public file is ever
    without a row that says whether it may be served.
    """

    class Purpose(models.TextChoices):
        WEB = "web", "On the page"
        SOCIAL = "social", "Social card"

    output = models.ForeignKey(ImageOutput, on_delete=models.CASCADE, related_name="renditions")
    slot = models.ForeignKey(
        "imagegen.ImageSlot", on_delete=models.CASCADE, related_name="renditions"
    )
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    live = models.BooleanField(
        default=False, help_text="Served. If not: being made, or about to be removed."
    )
    recipe = models.JSONField()
    recipe_hash = models.CharField(max_length=64)
    path = models.CharField(max_length=200, help_text="In the public storage, content-hashed.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    byte_size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = RenditionQuerySet.as_manager()

    class Meta:
        verbose_name = "public copy"
        verbose_name_plural = "public copies"
        constraints = [
            models.UniqueConstraint(
                fields=["slot", "purpose"],
                condition=Q(live=True),
                name="one_live_copy_per_slot_purpose",
            )
        ]
        indexes = [
            models.Index(fields=["path"], name="rendition_by_path"),
            models.Index(
                fields=["changed_at"], condition=Q(live=False), name="rendition_to_remove"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} of image {self.output_id}"


class ReviewEvent(models.Model):
    """Who did what to an image or a place, when and why. Never changed, never deleted."""

    class Action(models.TextChoices):
        APPROVE = "approve", "approved"
        REJECT = "reject", "rejected"
        UNDO = "undo", "took back"
        CHOOSE = "choose", "chose"
        UNCHOOSE = "unchoose", "withdrew the choice of"
        REGENERATE = "regenerate", "asked for another"
        OVERRIDE = "override", "uploaded"
        COMMENT = "comment", "commented on"
        WANT = "want", "wanted a picture for"
        UNWANT = "unwant", "wanted no picture for"
        ATTACH = "attach", "attached"
        DETACH = "detach", "detached"

    action = models.CharField(max_length=16, choices=Action.choices)
    output = models.ForeignKey(
        ImageOutput, null=True, blank=True, on_delete=models.SET_NULL, related_name="events"
    )
    slot = models.ForeignKey(
        "imagegen.ImageSlot",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="events",
    )
    post_title = models.CharField(max_length=500, blank=True)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=16, blank=True)
    text_hash = models.CharField(
        max_length=64, blank=True, help_text="Fingerprint of the place's text at that time."
    )
    note = models.TextField(blank=True)
    previous_choice = models.ForeignKey(
        ImageOutput, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    made_by_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "review event"
        ordering = ["-pk"]

    def __str__(self) -> str:
        what = f"image {self.output_id}" if self.output_id else str(self.slot or "a place")
        return f"{self.made_by_name or 'The system'} {self.get_action_display()} {what}"
