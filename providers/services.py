"""What changes connections and the catalogue. Admin, commands and migrations call this."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from providers.models import Connection, ImageModel

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
    """Store a connection and return what the person should be told.

    A secret is bound to the address that it was given for: when the base URL or the kind of
    a stored connection changes, the name of its secret is removed, so that the secret never
    reaches another host by mistake.
    """
    notes: list[str] = []
    connection.base_url = connection.base_url.strip().rstrip("/")
    with transaction.atomic():
        old = Connection.objects.select_for_update().filter(pk=connection.pk).first()
        if old is not None and connection.secret_name and _leads_elsewhere(old, connection):
            notes.append(
                f"The secret {connection.secret_name} was given for another address, so its name "
                "was removed. Enter it again if the new address may have it."
            )
            connection.secret_name = ""
        connection.save()
    return notes


def _leads_elsewhere(old: Connection, new: Connection) -> bool:
    return (old.kind, old.base_url) != (new.kind, new.base_url)


def save_model(*, model: ImageModel) -> None:
    """Store a row of the catalogue; a new default takes the place of the old one."""
    with transaction.atomic():
        if model.is_default:
            ImageModel.objects.filter(connection=model.connection, is_default=True).exclude(
                pk=model.pk
            ).update(is_default=False)
        model.save()


def pause_connection(*, connection: Connection, until: datetime, reason: str) -> None:
    """Send nothing to the service before `until`. A longer pause is left as it is."""
    rows = Connection.objects.filter(Q(paused_until=None) | Q(paused_until__lt=until))
    rows.filter(pk=connection.pk).update(paused_until=until, pause_reason=reason[:300])
    connection.refresh_from_db(fields=["paused_until", "pause_reason"])


def resume_connection(*, connection: Connection) -> None:
    """End a pause at once."""
    Connection.objects.filter(pk=connection.pk).update(paused_until=None, pause_reason="")
    connection.refresh_from_db(fields=["paused_until", "pause_reason"])
