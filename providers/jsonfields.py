"""JSON typed by people: what no database keeps is refused with a sentence."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from providers.keeping import keepable


def validate_keepable(value: Any) -> None:
    """What no database keeps is refused: NaN, NUL, half characters, endless numbers or nesting."""
    if keepable(value) != value:
        raise ValidationError(
            "This JSON cannot be stored: it holds NaN or Infinity, a control character, "
            "a number that is too long, or too many levels.",
            code="unkeepable",
        )


class StrictJSONField(forms.JSONField):
    """JSON that can be stored."""

    def to_python(self, value: Any) -> Any:
        try:
            data = super().to_python(value)
        except (ValueError, RecursionError) as error:
            raise ValidationError("Enter a valid JSON.", code="invalid") from error
        validate_keepable(data)
        return data

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the form shows again: refused text as it was typed."""
        try:
            value = super().bound_data(data, initial)
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)
        return value if keepable(value) == value else InvalidJSONInput(data)


class PrettyJSONField(StrictJSONField):
    """The same, shown with one value a line."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, ensure_ascii=False, indent=2)
