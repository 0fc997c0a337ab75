"""The catalogue: the models of connections."""

from collections.abc import Collection
from functools import cached_property

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from providers.errors import ConfigurationError
from providers.models.connections import WORKFLOW_KIND, Connection
from providers.models.workflows import Workflow
from providers.prices import parse_price_rule
from providers.types import Capabilities


class ImageModelQuerySet(models.QuerySet):
    def usable(self) -> "ImageModelQuerySet":
        """Those that can be chosen: enabled, not retired, of an enabled connection."""
        alive = Q(shutdown_at=None) | Q(shutdown_at__gt=timezone.localdate())
        return self.filter(alive, enabled=True, connection__enabled=True)

    def for_pictures(self) -> "ImageModelQuerySet":
        return self.filter(purpose=ImageModel.Purpose.IMAGE)

    def for_texts(self) -> "ImageModelQuerySet":
        return self.filter(purpose=ImageModel.Purpose.TEXT)


class ImageModel(models.Model):
    """A row of the catalogue: one model of one connection, what it takes and what it costs."""

    class Purpose(models.TextChoices):
        IMAGE = "image", "Draws pictures"
        TEXT = "text", "Writes prompts"

    class Origin(models.TextChoices):
        HAND = "hand", "Entered by hand"
        CATALOGUE = "catalogue", "From the project's catalogue"
        DISCOVERED = "discovered", "Found at the service"

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="models", verbose_name="provider"
    )
    name = models.CharField(max_length=200, help_text="The service's own name of the model.")
    label = models.CharField(max_length=200, blank=True, help_text="Name shown on pages.")
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.IMAGE)
    capabilities = models.JSONField(
        default=dict,
        blank=True,
        help_text="What differs from the adapter's own knowledge, such as max_side.",
    )
    price_rule = models.JSONField(
        default=dict,
        blank=True,
        help_text='Such as {"kind": "per_image", "amount": "0.04", "date": "2026-11-01"}.',
    )
    is_default = models.BooleanField(
        default=False, help_text="Taken when only the provider is named."
    )
    enabled = models.BooleanField(default=True)
    shutdown_at = models.DateField(
        "shut down on", null=True, blank=True, help_text="The day on which the service ends it."
    )
    successor = models.CharField(max_length=200, blank=True, help_text="What to use afterwards.")
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.HAND, editable=False)
    synced_hash = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="What sync_models last wrote: a row that differs was edited and is left alone.",
    )
    synced_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ImageModelQuerySet.as_manager()

    class Meta:
        verbose_name = "model"
        ordering = ["connection__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"],
                name="one_row_per_model",
                violation_error_message="This provider has a model of that name already.",
            ),
            models.UniqueConstraint(
                fields=["connection", "purpose"],
                condition=Q(is_default=True),
                name="one_default_per_connection",
                violation_error_message="This provider has another default model.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label or self.name} ({self.connection})"

    def clean(self) -> None:
        problems: dict[str, str] = {}
        for field, read in (
            ("capabilities", Capabilities.from_dict),
            ("price_rule", parse_price_rule),
        ):
            value = getattr(self, field)
            try:
                if not isinstance(value, dict):
                    raise ValueError('It is written as {"name": value}.')
                read(value)
            except ValueError as error:
                problems[field] = str(error)
        if problems:
            raise ValidationError(problems)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """A second default is no error in a form: the service moves the mark."""
        super().validate_constraints({*(exclude or ()), "is_default"})

    @property
    def is_retired(self) -> bool:
        return self.shutdown_at is not None and self.shutdown_at <= timezone.localdate()

    @property
    def days_left(self) -> int | None:
        """Days until its service ends it, 0 or less once it has; None where no end is known."""
        if self.shutdown_at is None:
            return None
        return (self.shutdown_at - timezone.localdate()).days

    @property
    def why_retired(self) -> str:
        """The sentence for a model that its service has ended; empty for a living one."""
        if not self.is_retired:
            return ""
        successor = f" Its successor is {self.successor}." if self.successor else ""
        return f"The model {self} was shut down on {self.shutdown_at}.{successor}"

    @property
    def why_gone(self) -> str:
        """The sentence for a model that nobody may call now; empty for one that can be called."""
        return self.why_retired or ("" if self.enabled else f"The model {self} is switched off.")

    @property
    def why_unusable(self) -> str:
        """The sentence for what keeps the model from being chosen now; empty where nothing does."""
        if not self.connection.enabled:
            return f"The provider {self.connection} is switched off."
        return self.why_gone

    @cached_property
    def why_doubtful(self) -> str:
        """The sentence for what its calls will fail by, as far as is known; they may be tried."""
        if self.connection.kind != WORKFLOW_KIND:
            return ""
        rows = Workflow.objects.filter(connection_id=self.connection_id, name=self.name)
        workflow = rows.select_related("connection").first()
        return workflow.trouble if workflow else ""

    def capabilities_object(self) -> Capabilities:
        """What the model takes: the adapter's knowledge with this row laid over it."""
        try:
            return self.connection.adapter().capabilities(self.name, self.capabilities)
        except ValueError as error:
            raise ConfigurationError(
                f"The capabilities of {self} cannot be read. {error}",
                hint="Correct the capabilities of the model in the admin.",
            ) from error
