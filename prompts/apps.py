from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate


class PromptsConfig(AppConfig):
    name = "prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        from prompts import checks  # noqa: F401 (registers itself)

        post_migrate.connect(install_after_migration, sender=self)


def install_after_migration(using: str, **kwargs: Any) -> None:
    """Installs the starter library where its tables are (they are not after `migrate zero`)."""
    from prompts.checks import tables_exist
    from prompts.services import install_library

    if using == DEFAULT_DB_ALIAS and tables_exist(using):
        install_library()
