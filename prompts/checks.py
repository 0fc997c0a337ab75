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
    """Defaults that cannot be used, and settings and examples whose model has gone."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or not tables_exist(DEFAULT_DB_ALIAS):
        return []
    return [*_missing_defaults(), *_broken_defaults(), *_gone_models()]


def model_trouble(model: Any) -> str:
    """Why a model cannot be used at present, as the end of a sentence; empty when it can."""
    if not model.connection.enabled:
        return f"uses the provider {model.connection}, which is switched off"
    if not model.enabled:
        return f"uses the model {model}, which is switched off"
    if model.is_retired:
        return f"uses the model {model}, which was shut down on {model.shutdown_at}"
    return ""


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

    related = (
        "setting__model__connection",
        "example__model__connection",
        "example__setting__model__connection",
    )
    for default in RoleDefault.objects.select_related(*related):
        chosen = default.example or default.setting
        setting = default.setting or default.example.setting
        model = chosen.model or (setting.model if setting else None)
        trouble = model_trouble(model) if model else "names no model"
        if trouble:
            yield Warning(
                f"The default for {default.get_role_display()} (“{chosen}”) {trouble}.",
                hint="Choose another model in it, or another default for the role.",
                id="prompts.W002",
            )


def _gone_models() -> Iterator[CheckMessage]:
    from prompts.models import ImagePromptExample, ImageSetting

    for kind in (ImageSetting, ImagePromptExample):
        rows = kind.objects.filter(model__shutdown_at__isnull=False)
        for row in rows.select_related("model__connection"):
            if row.model.is_retired:
                successor = row.model.successor
                yield Warning(
                    f"The {kind._meta.verbose_name} “{row}” {model_trouble(row.model)}.",
                    hint=f"Its successor is {successor}." if successor else "Choose another model.",
                    id="prompts.W003",
                )
