"""What changes connections and the catalogue. Admin, commands and migrations call this."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from providers.models import Connection, ImageModel

SOON = 60  # days before its end from which a model is told of, and not taken up any more
NEWS = timedelta(hours=1)  # how often a connection is marked as proven again

# The embedded provider: connection first, then its models, the default one first.
STUDIO: dict[str, Any] = {"kind": "studio", "label": "Studio", "max_concurrent": 0}
STUDIO_MODELS = {"patterns": "Patterns", "covers": "Covers with title"}


def install_embedded_connections(*, using: str = "default") -> None:
    """Make sure that the embedded provider and its models exist. Changes nothing that does.

    Whoever does not want it disables it; a removed one comes back with the next migration.
    """
    with transaction.atomic(using=using):
        connection, _ = Connection.objects.using(using).get_or_create(
            name="studio", defaults=STUDIO
        )
        models = ImageModel.objects.using(using)
        for name, label in STUDIO_MODELS.items():
            has_default = models.filter(connection=connection, is_default=True).exists()
            models.get_or_create(
                connection=connection,
                name=name,
                defaults={
                    "label": label,
                    "price_rule": {"kind": "free"},
                    "is_default": not has_default,
                },
            )


def save_connection(*, connection: Connection) -> list[str]:
    """Store a connection and return what the person should be told. Raises ValidationError.

    The row itself lets go of its secret where it leads elsewhere (see `Connection.save`).
    """
    connection.base_url = connection.base_url.strip().rstrip("/")
    connection.clean()
    named = connection.secret_name
    with transaction.atomic():
        old = Connection.objects.select_for_update().filter(pk=connection.pk).first()
        if old is not None:
            connection.proven_at = old.proven_at
        connection.save()
    if named == connection.secret_name:
        return []
    return [
        f"The secret {named} was given for another address, so its name was removed. Enter it "
        "again if the new address may have it."
    ]


def note_success(*, connection_id: int) -> None:
    """A real call has just succeeded. Writes at most once an hour, and reads nothing."""
    now = timezone.now()
    stale = Q(proven_at=None) | Q(proven_at__lt=now - NEWS)
    Connection.objects.filter(stale, pk=connection_id).update(proven_at=now)


def save_model(*, model: ImageModel) -> None:
    """Store a row of the catalogue; a new default takes the place of the old one.

    Pictures and texts have a default each.
    """
    with transaction.atomic():
        if model.is_default:
            others = ImageModel.objects.filter(
                connection=model.connection, purpose=model.purpose, is_default=True
            )
            others.exclude(pk=model.pk).update(is_default=False)
        model.save()


def default_of(models: Iterable[ImageModel]) -> ImageModel | None:
    """The one of a provider's models that stands for it: the one that is marked, else one that
    has not been shut down; None where none is switched on."""
    enabled = (model for model in models if model.enabled)
    return min(enabled, key=lambda model: (not model.is_default, model.is_retired), default=None)


def pause_connection(*, connection: Connection, until: datetime, reason: str) -> None:
    """Send nothing to the service before `until`. A longer pause is left as it is."""
    rows = Connection.objects.filter(Q(paused_until=None) | Q(paused_until__lt=until))
    rows.filter(pk=connection.pk).update(paused_until=until, pause_reason=reason[:300])
    connection.refresh_from_db(fields=["paused_until", "pause_reason"])


def resume_connection(*, connection: Connection) -> None:
    """End a pause at once."""
    Connection.objects.filter(pk=connection.pk).update(paused_until=None, pause_reason="")
    connection.refresh_from_db(fields=["paused_until", "pause_reason"])
