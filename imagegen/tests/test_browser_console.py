"""What the console's scripts do in a real browser."""

import pytest

from imagegen.services import describing, engine
from imagegen.tests.test_browser import DESK, browser, open_page  # noqa: F401 - fixtures
from imagegen.tests.test_describing import output  # noqa: F401 - a fixture
from imagegen.tests.test_drafting import model, service  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def console(open_page, live_server, client, administrator):  # noqa: F811
    """Opens a page of the console as an administrator."""
    client.force_login(administrator)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}

    def open_(path: str):
        page = open_page("/favicon.ico", DESK)
        page.context.add_cookies([cookie | {"url": live_server.url}])
        page.goto(path)
        return page

    return open_


def test_what_a_preview_refuses_stands_at_its_field(console):
    page = console("/admin/imagegen/watermarkprofile/add/")
    page.get_by_label("Margin").fill("90")
    note = page.locator(".field-margin .fp-proof__note")
    note.wait_for()
    assert "25" in note.inner_text()
    page.get_by_label("Margin").fill("5")
    note.wait_for(state="hidden")


def test_refused_words_are_in_sight(console, output):  # noqa: F811
    page = console(f"/admin/imagegen/imageoutput/{output.pk}/change/")
    page.locator("#disclosure summary").click()
    page.get_by_label("AI content").select_option("modified")
    page.get_by_label("Where it comes from").select_option("digitalCapture")
    page.get_by_role("button", name="Save disclosure").click()
    error = page.get_by_text("do not go together")
    error.wait_for()
    top = error.bounding_box()["y"]
    assert 0 <= top < DESK["height"]


def test_draft_of_an_alt_text_comes_without_loading_the_page(console, output):  # noqa: F811
    plan = describing.plan_describing(outputs=[output])
    describing.create_describing(plan=plan, user=None, door="admin")
    page = console(f"/admin/imagegen/imageoutput/{output.pk}/change/")
    page.get_by_role("button", name="Cancel").wait_for()
    engine.work()
    page.get_by_text("It counts once you have saved it").wait_for()
    assert page.get_by_label("Alt text").input_value() == "A lighthouse above a foggy bay"
