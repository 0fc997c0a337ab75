"""The language of templates: what is refused, and how clearly."""

import pytest

from prompts.fields import FIELDS
from prompts.templating import TemplateError, UnknownPlaceholder, check_template


@pytest.mark.parametrize("name", FIELDS)
def test_every_catalogued_field_may_stand_in_a_template(name):
    check_template("{" + name + "}")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("a { b", "Line 1: a single {"),
        ("a\nb }", "Line 2: a single }"),
        ("[[a [[b]] c]]", "cannot hold another"),
        ("a ]]", "without a [[ before"),
        ("[[a", "without a ]] after"),
        ("{style.fragment} {style.fragment}", "stands here 2 times"),
        ("{post.titel}", "Did you mean {post.title}?"),
        ("{}", "is not a field"),
        ("{post.title.__class__}", "is not a field"),
        ("{post.title!r}", "is not a field"),
        ("{post.title:x}", "is not a field"),
    ],
)
def test_broken_templates_are_refused_with_a_sentence(template, says):
    with pytest.raises(TemplateError) as caught:
        check_template(template)
    assert says in str(caught.value)


def test_unknown_placeholder_has_its_own_error():
    with pytest.raises(UnknownPlaceholder):
        check_template("{zebra}")
