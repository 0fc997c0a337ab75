"""System checks of what is configured in the database: `manage.py check --database default`."""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections


def tables_exist(using: str) -> bool:
    """Whether the tables of this app are there: they are not before the first migration."""
    from prompts.models import LibraryEntry

    return LibraryEntry._meta.db_table in connections[using].introspection.table_names()


@register(Tags.database)
def check_prompts(
    app_configs: list[AppConfig] | None, databases: list[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Defaults that cannot be used, and all whose model ends or has ended."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or not tables_exist(DEFAULT_DB_ALIAS):
        return []
    return [*_missing_defaults(), *_broken_defaults(), *_ending_models()]


def _missing_defaults() -> Iterator[CheckMessage]:
    from prompts.models import PromptTemplate, Role, RoleDefault

    given = set(RoleDefault.objects.values_list("role", flat=True))
    templated = set(PromptTemplate.objects.filter(is_default=True).values_list("role", flat=True))
    for role in Role:
        if role not in given:
            yield Warning(
                f"The role {role.label} has no default example or setting.",
                hint="Add one under Defaults for roles in the admin.",
                id="prompts.W001",
            )
        if role not in templated:
            yield Warning(
                f"The role {role.label} has no default prompt template.",
                hint="Mark one template of this role as default in the admin.",
                id="prompts.W004",
            )


def _broken_defaults() -> Iterator[CheckMessage]:
    from prompts.models import RoleDefault
    from prompts.services.retirement import model_trouble

    related = (
        "setting__model__connection",
        "example__model__connection",
        "example__setting__model__connection",
    )
    for default in RoleDefault.objects.select_related(*related):
        chosen = default.example or default.setting
        setting = default.setting or default.example.setting
        model = chosen.model or (setting.model if setting else None)
        trouble = model_trouble(model) if model else "It names no model."
        if trouble:
            where = f"The default for {default.get_role_display()} (“{chosen}”)"
            yield Warning(
                f"{where} cannot be used. {trouble}",
                hint="Choose another model in it, or another default for the role.",
                id="prompts.W002",
            )


def _ending_models() -> Iterator[CheckMessage]:
    from prompts.services.retirement import ending_models

    for ending in ending_models():
        uses = ", ".join(use.name for use in ending.uses)
        yield Warning(
            f"{ending.sentence} Still used by: {uses}.", hint=ending.advice, id="prompts.W003"
        )
