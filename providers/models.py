"""Connections to services, and the catalogue of their models."""

from collections.abc import Collection
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from providers.addresses import check_base_url
from providers.base import Provider
from providers.credentials import MissingSecret, check_secret_name, read_secret
from providers.errors import ConfigurationError
from providers.options import check_options, split_limits
from providers.prices import parse_price_rule
from providers.registry import get_provider_class, make_provider
from providers.types import Capabilities, ConnectionConfig

WORKFLOW_KIND = "comfyui"  # the one that draws by workflows


class ConnectionQuerySet(models.QuerySet):
    def enabled(self) -> "ConnectionQuerySet":
        return self.filter(enabled=True)

    def permitted(self) -> "ConnectionQuerySet":
        """Enabled and not paused at this moment."""
        return self.enabled().filter(Q(paused_until=None) | Q(paused_until__lte=timezone.now()))


class Connection(models.Model):
    """A configured service. Pages call it a provider. It never holds a secret."""

    name = models.SlugField(
        max_length=100, unique=True, help_text="Short name, as used by commands."
    )
    label = models.CharField(max_length=200, blank=True, help_text="Name shown on pages.")
    kind = models.CharField(max_length=50, help_text="Which adapter speaks to it.")
    base_url = models.CharField(
        "base URL",
        max_length=500,
        blank=True,
        help_text="Empty: the service's own address. Changing it removes the secret's name.",
    )
    secret_name = models.CharField(
        max_length=100,
        blank=True,
        help_text="Name of the environment variable that holds the secret. Never the secret.",
    )
    options = models.JSONField(
        default=dict,
        blank=True,
        help_text=(
            "The adapter's own options, and the limits connect_timeout, read_timeout, deadline "
            "(seconds) and max_bytes."
        ),
    )
    private_network = models.BooleanField(
        default=False,
        help_text="The base URL lies inside a private network or on this machine.",
    )
    enabled = models.BooleanField(default=True)
    max_concurrent = models.PositiveIntegerField(
        "calls at once", default=4, help_text="0: no limit."
    )
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    images_per_minute = models.PositiveIntegerField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=300, blank=True)
    assumed_price = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Counted for each call whose price is unknown. Empty: such calls are refused.",
    )
    monthly_cap = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="The most that a calendar month may cost. A service that charges needs one.",
    )
    proven_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a real call last succeeded."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = "provider"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(requests_per_minute=None) | Q(requests_per_minute__gt=0))
                & (Q(images_per_minute=None) | Q(images_per_minute__gt=0)),
                name="rates_are_above_zero",
                violation_error_message="A limit per minute must be at least 1, or empty.",
            ),
            models.CheckConstraint(
                condition=Q(assumed_price=None) | Q(assumed_price__gte=0),
                name="assumed_price_is_not_negative",
                violation_error_message="A price cannot be negative.",
            ),
            models.CheckConstraint(
                condition=Q(monthly_cap=None) | Q(monthly_cap__gte=0),
                name="monthly_cap_is_not_negative",
                violation_error_message="A cap cannot be negative.",
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.name

    def save(self, **how: Any) -> None:  # type: ignore[override]
        """Store it, whoever does. A secret is bound to the address that it was given for: where
        calls would go elsewhere than before, its name is removed, so that it never reaches
        another host by mistake; and nothing has been proven there yet.
        """
        old = Connection.objects.using(how.get("using")).filter(pk=self.pk).first()
        if old is not None and self.leads_elsewhere_than(old):
            self.secret_name, self.proven_at = "", None
            if how.get("update_fields") is not None:
                how["update_fields"] = {*how["update_fields"], "secret_name", "proven_at"}
        super().save(**how)

    def clean(self) -> None:
        problems: dict[str, str] = {}
        for field, check in (
            ("kind", self._check_kind),
            ("base_url", self._check_base_url),
            ("secret_name", self._check_secret_name),
            ("options", lambda: check_options(self.options)),
            ("monthly_cap", self._check_cap),
        ):
            try:
                check()
            except ValueError as error:
                problems[field] = str(error)
        if not problems:
            problems = self._option_problems()
        if problems:
            raise ValidationError(problems)

    def _option_problems(self) -> dict[str, str]:
        """What the adapter itself says of its options."""
        try:
            self.adapter()
        except ConfigurationError as error:
            return {"options": error.in_full}
        return {}

    def _check_kind(self) -> None:
        try:
            get_provider_class(self.kind)
        except ConfigurationError as error:
            raise ValueError(error.in_full) from error

    def _check_base_url(self) -> None:
        if self.base_url:
            check_base_url(self.base_url)

    def _check_secret_name(self) -> None:
        if self.secret_name:
            check_secret_name(self.secret_name)

    def _check_cap(self) -> None:
        if self.enabled and self.monthly_cap is None and self.charges:
            raise ValueError(
                "Its calls cost money. Set the most that they may cost in a month before it is "
                "switched on."
            )

    @property
    def charges(self) -> bool:
        """Whether its calls cost money; False for a kind that cannot be loaded."""
        try:
            return get_provider_class(self.kind).charges
        except ConfigurationError:
            return False

    @property
    def account(self) -> str:
        """Who pays for its calls, as far as can be seen here: the secret, else the address."""
        return self.secret_name or self.base_url or self.kind

    def leads_elsewhere_than(self, old: "Connection") -> bool:
        """Whether calls go to another address, or to another kind of service, than before."""
        return self._address() != old._address()

    def _address(self) -> tuple[Any, ...]:
        hosts = self.options.get("hosts") if isinstance(self.options, dict) else None
        return self.kind, self.base_url, hosts

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()

    def config(self) -> ConnectionConfig:
        """What an adapter gets, secret included. `ConfigurationError` names a missing secret."""
        try:
            return self._config(read_secret(self.secret_name))
        except MissingSecret as error:
            raise ConfigurationError(
                f"The provider {self} has no secret.", hint=str(error)
            ) from error

    def provider(self) -> Provider:
        """The adapter, ready to call the service."""
        return make_provider(self.config())

    def adapter(self) -> Provider:
        """The adapter without its secret: for questions that need no call."""
        return make_provider(self._config(""))

    def _config(self, secret: str) -> ConnectionConfig:
        limits, options = split_limits(self.options)
        return ConnectionConfig(
            name=self.name,
            kind=self.kind,
            base_url=self.base_url,
            secret=secret,
            private_network=self.private_network,
            options=options,
            workflows=self._workflows(),
            **limits,
        )

    def _workflows(self) -> dict[str, dict[str, Any]]:
        """The graphs of this connection; read only where its kind draws by them."""
        if self.kind != WORKFLOW_KIND or self.pk is None:
            return {}
        return {row.name: row.spec() for row in self.workflows.all()}


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
    def why_gone(self) -> str:
        """The sentence for a model that nobody may call now; empty for one that can be called."""
        if self.is_retired:
            successor = f" Its successor is {self.successor}." if self.successor else ""
            return f"The model {self} was shut down on {self.shutdown_at}.{successor}"
        return "" if self.enabled else f"The model {self} is switched off."

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


class Workflow(models.Model):
    """A ComfyUI graph in API format, bound to our parameters by the titles of its nodes.

    It is code that runs on the server: only administrators change it, by `save_workflow`, which
    also keeps the row of the catalogue that bears its name.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="workflows", verbose_name="provider"
    )
    name = models.SlugField(
        max_length=100, help_text="The catalogue's name of the model that it makes."
    )
    label = models.CharField(max_length=200, blank=True, help_text="Name shown on pages.")
    graph = models.JSONField(help_text="ComfyUI's API format: Workflow > Export (API).")
    version = models.PositiveIntegerField(default=1, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    problems = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="What the server lacked when it was last asked, as sentences.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["connection__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"],
                name="one_workflow_per_name",
                violation_error_message="This provider has a workflow of that name already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label or self.name} ({self.connection.name})"

    @property
    def trouble(self) -> str:
        """That it will fail, by what its server lacked when it was last asked; else empty."""
        if not self.problems:
            return ""
        more = f" And {len(self.problems) - 1} more." if len(self.problems) > 1 else ""
        return f"The workflow {self} will fail: {self.problems[0]}{more}"

    def spec(self) -> dict[str, Any]:
        """What the adapter gets: the graph and its version."""
        return {"graph": self.graph, "version": self.version}
