"""Fields of the admin's forms."""

import re
from typing import Any

from django import forms
from django.db.models import QuerySet

from prompts.models import ImagePromptExample, ImageSetting, ImageStyle, RoleDefault
from prompts.services.retirement import (
    choosable_examples,
    choosable_models,
    choosable_settings,
    note_about,
)
from prompts.validators import validate_palette


class PaletteField(forms.CharField):
    """A palette written as colours with spaces between: "#f4efe6 #1b2a41"."""

    default_validators = [validate_palette]
    empty_values = [None, "", []]

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return value
        return re.split(r"[\s,;]+", value.strip()) if value and value.strip() else []

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


class StyleForm(forms.ModelForm):
    """A style with its palette on one line."""

    palette = PaletteField(
        required=False,
        widget=forms.TextInput(attrs={"size": 60, "spellcheck": "false"}),
        help_text=(
            "Colours such as #f4efe6 #1b2a41 with spaces between; five do best, from light to "
            "dark, the ground first."
        ),
    )

    class Meta:
        model = ImageStyle
        fields = [
            "name",
            "slug",
            "description",
            "fragment",
            "negative_fragment",
            "palette",
            "is_active",
        ]


class MadeWithForm(forms.ModelForm):
    """A row that names a model: those that can be used are offered, and the present one stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("model")
        if not isinstance(field, forms.ModelChoiceField):
            return
        field.queryset = choosable_models(self.instance.model_id)
        field.error_messages["invalid_choice"] = (
            "This model cannot be chosen: it is switched off, was shut down, or draws no pictures."
        )
        if self.instance.model and (note := note_about(self.instance.model)):
            field.help_text = note


class SettingForm(MadeWithForm):
    class Meta:
        model = ImageSetting
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets choose


class ExampleForm(MadeWithForm):
    """An example may name a setting as well; one whose model is gone is not offered."""

    class Meta:
        model = ImagePromptExample
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "setting", choosable_settings(self.instance.setting_id))


class RoleDefaultForm(forms.ModelForm):
    """A default for a role: what leads to a model that is gone is not offered."""

    class Meta:
        model = RoleDefault
        fields = ["role", "example", "setting"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "setting", choosable_settings(self.instance.setting_id))
        _offer(self, "example", choosable_examples(self.instance.example_id))


def _offer(form: forms.ModelForm, name: str, rows: QuerySet) -> None:
    """Let a field of the form take these rows alone."""
    field = form.fields.get(name)
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = rows
        field.error_messages["invalid_choice"] = (
            "This cannot be chosen: its model is switched off or was shut down."
        )
