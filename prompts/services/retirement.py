"""What loses its model and when, and what may be chosen at present."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from prompts.models import ImagePromptExample, ImageSetting, RoleDefault
from providers.models import ImageModel
from providers.services import SOON


@dataclass(frozen=True, kw_only=True)
class Use:
    """A row that will break: a setting, an example, a default."""

    what: str
    row: Model

    @property
    def name(self) -> str:
        return f"{self.what} “{self._label}”"

    @property
    def _label(self) -> str:
        if isinstance(self.row, RoleDefault):
            return self.row.get_role_display()
        return str(self.row)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A model that its service ends, or has ended, with all that uses it."""

    model: ImageModel
    days_left: int
    uses: tuple[Use, ...]

    @property
    def sentence(self) -> str:
        """That it ends, and when."""
        if self.days_left <= 0:
            return f"The model {self.model} was shut down on {self.model.shutdown_at}."
        days = "1 day" if self.days_left == 1 else f"{self.days_left} days"
        return f"The model {self.model} ends in {days}, on {self.model.shutdown_at}."

    @property
    def command(self) -> str:
        """The command that moves everything to the successor; empty without one, and for texts."""
        if not self.model.successor or self.model.purpose != ImageModel.Purpose.IMAGE:
            return ""
        names = (self.model.name, self.model.successor)
        old, new = (f"{self.model.connection.name}:{name}" for name in names)
        return f"manage.py migrate_model {old} {new}"

    @property
    def advice(self) -> str:
        """What to do, in a sentence or two."""
        if not self.model.successor:
            return "Choose another model."
        told = f"Its successor is {self.model.successor}."
        return f"{told} Move them: {self.command}" if self.command else told


def ending_models(within_days: int = SOON) -> list[Ending]:
    """Models in use that are shut down or will be in so many days, the most urgent first."""
    until = timezone.localdate() + timedelta(days=within_days)
    rows = ImageModel.objects.filter(shutdown_at__lte=until).select_related("connection")
    models = {model.pk: model for model in rows.order_by("shutdown_at", "pk")}
    if not models:
        return []
    uses: dict[int, list[Use]] = defaultdict(list)
    for model_id, use in _uses(list(models)):
        uses[model_id].append(use)
    return [
        Ending(model=model, days_left=model.days_left or 0, uses=tuple(uses[key]))
        for key, model in models.items()
        if key in uses
    ]


def _uses(models: list[int]) -> Iterator[tuple[int, Use]]:
    """(key of a model, what uses it) for all of `models`."""
    for setting in ImageSetting.objects.filter(model__in=models):
        yield setting.model_id, Use(what="setting", row=setting)
    for example in ImagePromptExample.objects.filter(model__in=models):
        yield example.model_id, Use(what="example", row=example)
    for default in RoleDefault.objects.select_related("setting", "example__setting"):
        if (key := model_id_of(default)) in models:
            yield key, Use(what="default for", row=default)
    standing = ImageModel.objects.filter(is_default=True, enabled=True, connection__enabled=True)
    for model in standing.filter(pk__in=models).select_related("connection"):
        yield model.pk, Use(what="default model of", row=model.connection)
    connection, _, name = settings.PROMPT_WRITER_MODEL.partition(":")
    for model in ImageModel.objects.filter(pk__in=models, connection__name=connection, name=name):
        yield model.pk, Use(what="PROMPT_WRITER_MODEL", row=model)


def model_id_of(default: RoleDefault) -> int | None:
    """The model that a role's default leads to."""
    example = default.example
    if example is not None and example.model_id:
        return example.model_id
    setting = default.setting or (example.setting if example else None)
    return setting.model_id if setting else None


def choosable_models(present: int | None = None) -> QuerySet[ImageModel]:
    """Models that a picture may be drawn with, and the `present` one whatever has become of it."""
    usable = ImageModel.objects.usable().for_pictures()
    rows = ImageModel.objects.filter(Q(pk__in=usable.values("pk")) | Q(pk=present))
    return rows.select_related("connection")


def choosable_settings(present: int | None = None) -> QuerySet[ImageSetting]:
    """Settings whose model can be used, or that name none; and the `present` one."""
    free = Q(model=None) | Q(model__in=_usable())
    return ImageSetting.objects.filter(free | Q(pk=present))


def choosable_examples(present: int | None = None) -> QuerySet[ImagePromptExample]:
    """Examples whose model, or whose setting's model, can be used; and the `present` one."""
    by_setting = Q(setting=None) | Q(setting__model=None) | Q(setting__model__in=_usable())
    free = Q(model__in=_usable()) | Q(model=None) & by_setting
    return ImagePromptExample.objects.filter(free | Q(pk=present))


def _usable() -> QuerySet:
    return ImageModel.objects.usable().for_pictures().values("pk")


def model_trouble(model: ImageModel) -> str:
    """The sentence for what keeps a model from drawing at present; empty where nothing does."""
    if model.purpose != ImageModel.Purpose.IMAGE:
        return f"The model {model} writes texts and draws nothing."
    return model.why_unusable


def note_about(model: ImageModel) -> str:
    """What a form should say beside a model that is chosen: that it ends or cannot be used."""
    if trouble := model_trouble(model):
        return trouble
    if model.days_left is None or model.days_left > SOON:
        return ""
    instead = f" Its successor is {model.successor}." if model.successor else ""
    return Ending(model=model, days_left=model.days_left, uses=()).sentence + instead
