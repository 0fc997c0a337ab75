"""Rows for tests, with only what matters given."""

from prompts.models import ImagePromptExample, ImageSetting, ImageStyle
from prompts.services import save_setting, save_style
from providers.models import Connection, ImageModel


def make_style(name: str = "Ink", **fields) -> ImageStyle:
    fields = {"slug": name.lower(), "fragment": "ink drawing", **fields}
    return save_style(style=ImageStyle(name=name, **fields))


def make_setting(name: str = "Plain", **fields) -> ImageSetting:
    return save_setting(setting=ImageSetting(name=name, slug=name.lower(), **fields))


def make_example(name: str = "Barn", **fields) -> ImagePromptExample:
    fields = {"slug": name.lower(), "description": "A barn.", **fields}
    return ImagePromptExample.objects.create(name=name, **fields)


def make_model(name: str = "painter", **fields) -> ImageModel:
    """A model of the stub, which takes whatever `capabilities` say."""
    connection, _ = Connection.objects.get_or_create(name="trial", defaults={"kind": "stub"})
    return ImageModel.objects.create(connection=connection, name=name, **fields)
