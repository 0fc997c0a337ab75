"""Stored originals, and who decided what about them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from imagegen.models.jobs import MONEY
from imagegen.models.slots import LONGEST_ALT
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

    class AiContent(models.TextChoices):
        NONE = "none", "None"
        GENERATED = "generated", "Generated"
        MODIFIED = "modified", "Modified"

    class Watermarking(models.TextChoices):
        INHERIT = "inherit", "As the style or the site says"
        NONE = "none", "None"
        PROFILE = "profile", "The one chosen here"

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
        max_length=LONGEST_ALT,
        blank=True,
        help_text="What the provider says it drew: an alt draft.",
    )
    digital_source_type = models.CharField(
        max_length=60, blank=True, help_text="IPTC DigitalSourceType term."
    )
    ai_content = models.CharField(
        "AI content",
        max_length=10,
        choices=AiContent,
        default=AiContent.NONE,
        help_text="What an AI model had to do with it; decides the label that readers see.",
    )
    could_be_real = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether it could be taken for a photograph of real people, places or events.",
    )
    focal_x = models.FloatField(default=0.5, help_text="From the left, 0 to 1.")
    focal_y = models.FloatField(default=0.5, help_text="From the top, 0 to 1.")
    focal_by_hand = models.BooleanField(default=False)
    placeholder = models.CharField(
        max_length=600, blank=True, help_text="A tiny picture as a data URI, shown while loading."
    )
    hints = models.JSONField(
        default=list, blank=True, help_text="What the checks at arrival noticed: code and text."
    )
    band0 = models.IntegerField(default=0, help_text="The hash in four parts of 16 bits.")
    band1 = models.IntegerField(default=0)
    band2 = models.IntegerField(default=0)
    band3 = models.IntegerField(default=0)
    c2pa = models.JSONField(
        "C2PA facts", default=dict, blank=True, help_text="What its own manifest says; no gate."
    )
    manifest_path = models.CharField(
        max_length=300, blank=True, help_text="The raw C2PA manifest, in the private storage."
    )
    watermark = models.ForeignKey(
        "imagegen.WatermarkProfile",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    watermarking = models.CharField(
        max_length=10,
        choices=Watermarking,
        default=Watermarking.INHERIT,
        help_text="Whether readers see it with a watermark, and with which.",
    )
    edit = models.JSONField(
        default=dict, blank=True, help_text="How it was made from its parent: crop or provider."
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
            models.CheckConstraint(
                condition=Q(focal_x__range=(0, 1), focal_y__range=(0, 1)),
                name="focal_point_lies_in_the_picture",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="output_by_state"),
            models.Index(fields=["connection_name", "-id"], name="output_by_connection"),
            models.Index(fields=["style_name", "-id"], name="output_by_style"),
            models.Index(fields=["created_at"], name="output_by_time"),
            models.Index(fields=["post", "state"], name="output_by_post_state"),
            models.Index(fields=["slot", "state"], name="output_by_slot_state"),
            models.Index(fields=["band0"], name="output_by_band0"),
            models.Index(fields=["band1"], name="output_by_band1"),
            models.Index(fields=["band2"], name="output_by_band2"),
            models.Index(fields=["band3"], name="output_by_band3"),
        ]

    def __str__(self) -> str:
        return f"Image {self.pk} ({self.get_state_display().lower()})"


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
        FOCUS = "focus", "set the focal point of"
        DISCLOSE = "disclose", "changed what is disclosed of"
        WATERMARK = "watermark", "changed the watermark of"
        EDIT = "edit", "edited"

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
