"""Moving settings and examples from one model to another, with what the new one takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from prompts.models import ImagePromptExample, ImageSetting
from prompts.services.saving import save_setting
from providers.errors import ProviderProblem
from providers.models import ImageModel
from providers.services import save_model
from providers.types import Capabilities, ImageRequest

# Qualities from the least to the best; the names of one rank mean the same.
RANKS = {
    "draft": 0,
    "low": 1,
    "standard": 2,
    "medium": 2,
    "hd": 3,
    "high": 3,
    "xhigh": 4,
    "ultra": 4,
    "max": 5,
}
LEFT_TO_THE_MODEL: dict[str, Any] = {
    "steps": None,
    "guidance_scale": None,
    "seed": None,
    "quality": "",
    "output_format": "",
}


class UnknownModel(Exception):
    """No model, or more than one, has this name; the text says which there are."""


class CannotMigrate(Exception):
    """One model cannot take the place of the other; the text says why."""


@dataclass
class Move:
    """What happens to one row: changes as sentences, and what a person must look at."""

    row: Model
    what: str
    changes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find_model(text: str) -> ImageModel:
    """A model by `connection:model`, or by its name where only one provider has it."""
    rows = ImageModel.objects.select_related("connection")
    found = list(rows.filter(name=text))
    if len(found) != 1 and ":" in text:
        connection, _, name = text.partition(":")
        found = list(rows.filter(connection__name=connection, name=name)) or found
    if len(found) == 1:
        return found[0]
    known = found or list(rows.for_pictures())
    names = ", ".join(f"{row.connection.name}:{row.name}" for row in known)
    problem = "Several models are" if found else "There is no model"
    raise UnknownModel(f"{problem} called {text}. Known: {names or 'none'}.")


@transaction.atomic
def migrate_model(*, old: ImageModel, new: ImageModel, dry_run: bool = False) -> list[Move]:
    """Put `new` in the place of `old` in all settings and examples, and as its provider's default.

    Sizes and qualities are mapped; what `new` does not take is left out, and told as a problem
    where it changes the picture. Raises CannotMigrate.
    """
    capabilities = _checked(old, new)
    moves = []
    for setting in ImageSetting.objects.filter(model=old).select_related("format"):
        moves.append(_move_setting(setting, new, capabilities, dry_run))
    for example in ImagePromptExample.objects.filter(model=old):
        moves.append(Move(example, "example", [f"model {old.name} → {new.name}"]))
        if not dry_run:
            example.model = new
            example.save(update_fields=["model", "updated_at"])
    if old.is_default and new.connection_id == old.connection_id:
        moves.append(Move(new.connection, "default of", [f"model {old.name} → {new.name}"]))
        if not dry_run:
            new.is_default = True
            save_model(model=new)
    return moves


def _checked(old: ImageModel, new: ImageModel) -> Capabilities:
    """What the new model takes, if it can be used at all."""
    if old.pk == new.pk:
        raise CannotMigrate(f"{old} is already what is used.")
    if new.purpose != ImageModel.Purpose.IMAGE or old.purpose != new.purpose:
        raise CannotMigrate(f"{new} cannot stand for {old}: both must draw pictures.")
    if new.is_retired:
        raise CannotMigrate(new.why_retired)
    try:
        return new.capabilities_object()
    except ProviderProblem as problem:
        raise CannotMigrate(problem.in_full) from problem


def _move_setting(
    setting: ImageSetting, new: ImageModel, capabilities: Capabilities, dry_run: bool
) -> Move:
    old_name = setting.model.name if setting.model else ""
    move = Move(setting, "setting", [f"model {old_name} → {new.name}"])
    setting.model = new
    _map_quality(setting, capabilities, move)
    _map_size(setting, new, capabilities, move)
    _leave_out(setting, new, move)
    if not dry_run:
        try:
            save_setting(setting=setting)
        except ValidationError as error:
            raise CannotMigrate(f"The setting “{setting}”: {' '.join(error.messages)}") from error
    return move


def _map_quality(setting: ImageSetting, capabilities: Capabilities, move: Move) -> None:
    if not setting.quality or setting.quality in capabilities.qualities:
        return
    nearest = nearest_quality(setting.quality, capabilities.qualities)
    if nearest:
        move.changes.append(f"quality {setting.quality} → {nearest}")
        setting.quality = nearest


def nearest_quality(quality: str, offered: tuple[str, ...]) -> str:
    """The offered quality of the nearest rank, the better one of two; empty if none compares."""
    ranked = [name for name in offered if name in RANKS]
    if quality not in RANKS or not ranked:
        return ""
    wanted = RANKS[quality]
    return min(ranked, key=lambda name: (abs(RANKS[name] - wanted), -RANKS[name]))


def _map_size(
    setting: ImageSetting, new: ImageModel, capabilities: Capabilities, move: Move
) -> None:
    """A size of its own becomes the nearest that is drawn; a format's is snapped each time."""
    if setting.size is None:
        return
    asked = setting.size
    fitting, problem = _size_for(new, capabilities, asked)
    if problem and setting.width:
        fitting, still = _size_for(new, capabilities, _scaled(asked, capabilities))
        if still:
            setting.width = setting.height = None
            move.problems.append(f"{problem} The size was left out.")
            return
    elif problem:
        move.problems.append(f"{problem} It is the format's: choose another format.")
        return
    if fitting == asked:
        return
    text = f"size {asked[0]}×{asked[1]} → {fitting[0]}×{fitting[1]}"
    if setting.width:
        setting.width, setting.height = fitting
        move.changes.append(text)
    else:
        move.changes.append(f"{text} when it is drawn: the size is the format's")


def _size_for(
    new: ImageModel, capabilities: Capabilities, size: tuple[int, int]
) -> tuple[tuple[int, int], str]:
    """The size that is sent for `size`, and why it is refused, if it is."""
    request = ImageRequest(prompt="-", model=new.name, width=size[0], height=size[1])
    answer = new.connection.adapter().validate(request, capabilities)
    refused = " ".join(issue.message for issue in answer.errors if issue.field == "size")
    return (answer.request.width, answer.request.height), refused


def _scaled(size: tuple[int, int], capabilities: Capabilities) -> tuple[int, int]:
    """The same shape within the limits of sides and pixels."""
    long, pixels = max(size), size[0] * size[1]
    scale = min(1.0, capabilities.max_side / long)
    if capabilities.max_pixels:
        scale = min(scale, math.sqrt(capabilities.max_pixels / pixels))
    if scale == 1.0:
        scale = max(capabilities.min_side / min(size), math.sqrt(capabilities.min_pixels / pixels))
        scale = max(1.0, scale)
    step = capabilities.multiple_of
    rounded = math.floor if scale < 1 else math.ceil
    width, height = (max(step, rounded(side * scale / step) * step) for side in size)
    return width, height


def _leave_out(setting: ImageSetting, new: ImageModel, move: Move) -> None:
    """Take away by name what the new model does not take."""
    lacking: Mapping[str, Any] = setting.problems_with(new)
    for name, empty in LEFT_TO_THE_MODEL.items():
        if name in lacking:
            move.problems.append(f"{name} {getattr(setting, name)} is not taken: left out.")
            setattr(setting, name, empty)
    if setting.seed is None and setting.seed_policy == ImageSetting.SeedPolicy.FIXED:
        setting.seed_policy = ImageSetting.SeedPolicy.RANDOM
    if "extra_settings" in lacking:
        _leave_out_extra(setting, new, move)


def _leave_out_extra(setting: ImageSetting, new: ImageModel, move: Move) -> None:
    refused = {issue.field.removeprefix("extra.") for issue in setting.validated_for(new).errors}
    gone = sorted(refused & set(setting.extra_settings))
    setting.extra_settings = {
        name: value for name, value in setting.extra_settings.items() if name not in refused
    }
    move.problems.append(f"own options {', '.join(gone)} are not taken: left out.")
