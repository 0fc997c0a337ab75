from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.db.models.signals import post_migrate


def install_groups_after_migration(*, apps: Any = installed_apps, **event: Any) -> None:
    """The groups, their permissions and the words of disclosure are there with the tables.

    The command `flush` sends the signal too, without a registry of its own.
    """
    from imagegen.services.access import install_groups
    from imagegen.services.disclosure_words import install_words

    install_groups(apps)
    install_words(apps)


class ImagegenConfig(AppConfig):
    name = "imagegen"
    verbose_name = "Pictures"

    def ready(self) -> None:
        from imagegen import checks, reactions  # noqa: F401 - checks register themselves

        reactions.connect()
        post_migrate.connect(install_groups_after_migration, sender=self)
