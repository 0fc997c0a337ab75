"""Batches, jobs and attempts: what was asked, what is wanted, what was tried and paid."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Round

from imagegen.states import Moves
from prompts.models import Role

MONEY = {"max_digits": 12, "decimal_places": 6}


class GenerationBatch(models.Model):
    """One act of asking. Its cap is reserved against before each call."""

    class Door(models.TextChoices):
        ADMIN = "admin", "Admin"
        COMMAND = "command", "Command"
        API = "api", "API"
        AUTOMATIC = "automatic", "Automatic"

    class Kind(models.TextChoices):
        POST = "post", "A post"
        BACKFILL = "backfill", "Several posts"
        REGENERATE = "regenerate", "Another try"
        PROMPT = "prompt", "Writing a prompt"
        ALT = "alt", "Describing pictures"
        EDIT = "edit", "An edit"
        TEST = "test", "A test"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    door = models.CharField(max_length=16, choices=Door.choices)
    title = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    asked_by_name = models.CharField(max_length=150, blank=True)
    idempotency_key = models.CharField(max_length=128, null=True, blank=True, unique=True)  # noqa: DJ001 - NULLs do not collide
    approve = models.BooleanField(default=False, help_text="Approve what arrives, unreviewed.")
    cap = models.DecimalField(
        **MONEY, null=True, blank=True, help_text="The most it may cost; empty: no cap."
    )
    reserved = models.DecimalField(**MONEY, default=0)
    spent = models.DecimalField(**MONEY, default=0)
    estimate_low = models.DecimalField(**MONEY, null=True, blank=True)
    estimate_high = models.DecimalField(**MONEY, null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "batch"
        verbose_name_plural = "batches"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cap__isnull=True)
                | Q(cap__gte=Round(F("spent") + F("reserved"), precision=6)),
                name="batch_stays_under_its_cap",
            ),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, spent__gte=0), name="batch_money_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"Batch {self.pk}"


class GenerationJob(models.Model):
    """One wanted image of a batch: one call with n = 1; the unit of queueing and retry.

    The rows are the queue. A worker holds a job by `owner`, `epoch` and `lease_until`; every
    write of a worker names its epoch, so that one that lost its lease can change nothing.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        CLAIMED = "claimed", "Taken"
        RUNNING = "running", "Drawing"
        STORED = "stored", "Stored"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Refused"
        UNKNOWN = "unknown", "Unknown"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        IMAGE = "image", "A picture"
        PROMPT = "prompt", "A prompt"
        ALT = "alt", "An alt text"

    MOVES: Moves = {
        State.QUEUED: frozenset({State.CLAIMED, State.CANCELLED, State.FAILED}),
        State.CLAIMED: frozenset(
            {State.RUNNING, State.QUEUED, State.FAILED, State.CANCELLED, State.UNKNOWN}
        ),
        State.RUNNING: frozenset(
            {
                State.STORED,
                State.FAILED,
                State.REFUSED,
                State.UNKNOWN,
                State.CANCELLED,
                State.QUEUED,
            }
        ),
        State.FAILED: frozenset({State.QUEUED}),
        State.UNKNOWN: frozenset({State.STORED, State.FAILED, State.QUEUED}),
    }
    OPEN_STATES = (State.QUEUED, State.CLAIMED, State.RUNNING)
    HELD_STATES = (State.CLAIMED, State.RUNNING)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.IMAGE)
    batch = models.ForeignKey(GenerationBatch, on_delete=models.PROTECT, related_name="jobs")
    position = models.PositiveIntegerField(
        help_text="Place in the batch. Workers take low numbers of all batches first."
    )
    priority = models.SmallIntegerField(default=0)
    slot = models.ForeignKey(
        "imagegen.ImageSlot", null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    connection = models.ForeignKey(
        "providers.Connection", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    connection_name = models.CharField(max_length=100)
    model = models.ForeignKey(
        "providers.ImageModel", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    model_name = models.CharField(max_length=200)
    prompt = models.ForeignKey(
        "prompts.ImagePrompt",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What the picture is asked for with; empty for a prompt that is to be written.",
    )
    parent = models.ForeignKey(
        "imagegen.ImageOutput",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The image that is to be edited.",
    )
    style_name = models.CharField(max_length=120, blank=True)
    style_version = models.PositiveIntegerField(null=True, blank=True)
    setting = models.ForeignKey(
        "prompts.ImageSetting", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    request = models.JSONField(help_text="The request as validated; what will be sent.")
    requested = models.JSONField(default=dict, help_text="What was asked before snapping.")
    notes = models.JSONField(default=list, help_text="What was snapped or is worth knowing.")
    language = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    run_after = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(
        default=0, help_text="How often a worker's lease on it ran out."
    )
    owner = models.CharField(max_length=100, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    estimate_low = models.DecimalField(**MONEY, null=True, blank=True)
    estimate_high = models.DecimalField(**MONEY, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "job"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="one_job_per_position"),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "queued",
                        "claimed",
                        "running",
                        "stored",
                        "failed",
                        "refused",
                        "unknown",
                        "cancelled",
                    ]
                ),
                name="job_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["claimed", "running"])
                | Q(lease_until__isnull=False, epoch__gt=0),
                name="held_jobs_have_a_lease",
            ),
            models.CheckConstraint(
                condition=~Q(kind="image") | Q(prompt__isnull=False),
                name="image_jobs_have_a_prompt",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-priority", "position", "id"],
                condition=Q(state="queued"),
                name="job_queue",
            ),
            models.Index(
                fields=["connection"],
                condition=Q(state__in=["claimed", "running"]),
                name="job_held",
            ),
            models.Index(fields=["state", "-id"], name="job_by_state"),
        ]

    def __str__(self) -> str:
        return f"Job {self.pk} ({self.get_state_display().lower()})"


class Attempt(models.Model):
    """One call to a provider: the ledger. Written before the call, finished after, kept."""

    class State(models.TextChoices):
        RESERVED = "reserved", "Reserved"
        SENDING = "sending", "Sending"
        SUBMITTED = "submitted", "Submitted"
        RECEIVED = "received", "Received"
        STORED = "stored", "Stored"
        FAILED = "failed", "Failed, free"
        CHARGED = "charged", "Charged, no image"
        REFUSED = "refused", "Refused"
        UNKNOWN = "unknown", "Unknown"
        CANCELLED = "cancelled", "Cancelled"

    MOVES: Moves = {
        State.RESERVED: frozenset({State.SENDING, State.FAILED, State.CANCELLED}),
        State.SENDING: frozenset(
            {
                State.SUBMITTED,
                State.RECEIVED,
                State.FAILED,
                State.CHARGED,
                State.REFUSED,
                State.UNKNOWN,
                State.CANCELLED,
            }
        ),
        State.SUBMITTED: frozenset(
            {
                State.RECEIVED,
                State.FAILED,
                State.CHARGED,
                State.REFUSED,
                State.UNKNOWN,
                State.CANCELLED,
            }
        ),
        State.RECEIVED: frozenset({State.STORED, State.CHARGED}),
        State.UNKNOWN: frozenset({State.SUBMITTED, State.RECEIVED, State.FAILED, State.CHARGED}),
    }
    OPEN_STATES = (State.RESERVED, State.SENDING, State.SUBMITTED, State.RECEIVED)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(GenerationJob, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    epoch = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.RESERVED)
    connection_name = models.CharField(max_length=100)
    model_name = models.CharField(max_length=200)
    recovery = models.CharField(
        max_length=16, help_text="What the provider lets us know after a cut connection."
    )
    request_hash = models.CharField(max_length=64)
    handle = models.JSONField(null=True, blank=True)
    sent = models.JSONField(
        null=True, blank=True, help_text="The exact parameters of the call, without secrets."
    )
    price_rule = models.JSONField(
        default=dict, blank=True, help_text="The catalogue's price at the time of the call."
    )
    month = models.ForeignKey(
        "imagegen.ConnectionMonth",
        null=True,
        on_delete=models.SET_NULL,
        related_name="attempts",
        help_text="Where its cost is booked beside the batch.",
    )
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=200, blank=True)
    result = models.JSONField(null=True, blank=True, help_text="The provider's facts, no bytes.")
    error = models.JSONField(null=True, blank=True)
    estimate = models.DecimalField(**MONEY, null=True, blank=True)
    reserved = models.DecimalField(**MONEY, default=0)
    cost = models.DecimalField(
        **MONEY, null=True, blank=True, help_text="What it cost; empty: not known."
    )
    recovered = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(
        null=True, blank=True, help_text="When a doubtful call was last looked up."
    )
    looks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "attempt"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="one_attempt_per_number"),
            models.UniqueConstraint(
                fields=["job"],
                condition=Q(state__in=["reserved", "sending", "submitted", "received"]),
                name="one_open_attempt_per_job",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "reserved",
                        "sending",
                        "submitted",
                        "received",
                        "stored",
                        "failed",
                        "charged",
                        "refused",
                        "unknown",
                        "cancelled",
                    ]
                ),
                name="attempt_state_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="attempt_by_state"),
            models.Index(fields=["created_at"], name="attempt_by_time"),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number} of job {self.job_id}"


class ConnectionMonth(models.Model):
    """What a connection's calls of one calendar month cost; its cap is reserved against here."""

    connection = models.ForeignKey(
        "providers.Connection", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    connection_name = models.CharField(max_length=100)
    account = models.CharField(
        max_length=500, help_text="Who pays: by this a provider that is added again is known."
    )
    month = models.DateField(help_text="Its first day, in UTC.")
    reserved = models.DecimalField(**MONEY, default=0)
    spent = models.DecimalField(**MONEY, default=0)

    class Meta:
        verbose_name = "monthly cost"
        verbose_name_plural = "monthly costs"
        ordering = ["-month", "connection_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "month"], name="one_row_per_connection_and_month"
            ),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, spent__gte=0), name="month_money_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection_name}, {self.month:%Y-%m}"
