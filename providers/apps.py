import sys
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = "Providers"

    def ready(self) -> None:
        from providers import checks  # noqa: F401 (registers itself)

        post_migrate.connect(_install, sender=self)


def _install(*, using: str, verbosity: int = 0, **details: Any) -> None:
    from providers.services import install_embedded_connections
    from providers.syncing import connect_found_keys

    install_embedded_connections(using=using)
    for note in connect_found_keys(using=using):
        if verbosity > 0:
            (details.get("stdout") or sys.stdout).write(f"{note}\n")
