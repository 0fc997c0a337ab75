"""What the console's pages say of input that is refused, and what they ask the database."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from imagegen.models import ReviewEvent
from imagegen.tests.factories import make_stub
from imagegen.tests.rows import make_output
from imagegen.tests.test_admin_pages import page, text_of
from providers.models import Connection

pytestmark = pytest.mark.django_db


def ids_of(html: str) -> list[str]:
    return re.findall(r'\sid="([^"]+)"', html)


@pytest.mark.parametrize("state", ["candidate", "approved"])
def test_image_page_names_each_element_once(console, slot, state):
    ids = ids_of(text_of(console, make_output(slot, state=state, ai_content="generated")))
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize(
    ("name", "field"), [("comment", "note"), ("alt", "alt"), ("approve", "alt")]
)
def test_refused_words_are_told_at_their_field(console, slot, name, field):
    words = {"alt": "x" * 501} if name == "approve" else {field: ""}
    output = make_output(slot, state="candidate" if name == "approve" else "approved")
    answer = console.post(page(output, name), words)
    assert field in answer.context[f"{name}_form"].errors


def test_rejection_is_told_in_the_words_of_its_form(console, slot):
    output = make_output(slot)
    console.post(page(output, "reject"), {"reason": "credible"})
    event = ReviewEvent.objects.get(action="reject")
    assert "not credible" in text_of(console, event)
    assert ": not credible" in text_of(console, output)


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [({"secret_name": "LACKING_KEY"}, "secret is missing"), ({"kind": "openai"}, "monthly cap")],
)
def test_provider_that_cannot_be_called_is_left_out_with_the_reason(
    console, slot, tmp_path, lacking, reason
):
    stub = make_stub(tmp_path, name="attic")
    Connection.objects.filter(pk=stub.pk).update(**lacking)
    text = console.get(page(slot, "regenerate")).text
    assert "Not offered: attic (" in text and reason in text
    assert f'<option value="{stub.pk}">attic' not in text and "Stub (attic)" not in text


@pytest.mark.parametrize("name", ["place", "post", "image", "regenerate"])
def test_page_takes_no_more_queries_for_more_images(name, console, slot):
    first = make_output(slot)
    pages = {"place": page(slot), "post": page(slot.post), "image": page(first)}
    address = pages.get(name) or page(slot, "regenerate")
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_output(slot, state="rejected", reject_reason="text")
        console.get(address)  # what is remembered for the whole process is read now
        with CaptureQueriesContext(connection) as queries:
            console.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 30
