"""JSON typed into the admin."""

import pytest
from django.core.exceptions import ValidationError

from providers.jsonfields import StrictJSONField

HOSTILE = ['{"a": NaN}', '{"a": 1e999}', "[" * 100_000, "9" * 5000, '"\\ud800"', '"\\u0000"']


@pytest.mark.parametrize("text", HOSTILE)
def test_what_no_database_keeps_is_refused(text):
    with pytest.raises(ValidationError):
        StrictJSONField().clean(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_refused_text_can_be_shown_again(text):
    field = StrictJSONField()
    field.prepare_value(field.bound_data(text, None)).encode()


def test_good_json_is_kept_as_it_is():
    assert StrictJSONField().clean('{"a": [1, 0.5, null, "é"]}') == {"a": [1, 0.5, None, "é"]}
