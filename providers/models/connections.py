"""Connections to services."""

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
from providers.registry import get_provider_class, make_provider
from providers.types import ConnectionConfig

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
