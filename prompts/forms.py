"""Fields of the admin's forms."""

import re
from typing import Any

from django import forms

from prompts.models import ImageStyle
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
