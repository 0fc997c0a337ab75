"""The main job in a real browser: an editor makes and approves pictures, a reader sees them.

Debian's chromium is driven by Playwright; nothing is downloaded. Run: script/test -m browser
"""

import os
import shutil
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command

from blog.models import Post
from imagegen.models import ImageOutput, PromptDraft
from imagegen.services import engine, publishing
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.test_drafting import model, service  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
UNLOADED = "Array.from(document.images).filter(image => !image.naturalWidth).length"
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def missing(what: str) -> None:
    """Leave the test out; but where everything must run, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed: script/test installs it.")
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        missing("No chromium here. On Debian: apt-get install chromium")
    # Playwright's event loop runs in this thread, where Django would refuse the database.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        chromium = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, live_server):
    """Opens a page of the blog; errors of its scripts fail the test."""
    contexts, errors = [], []

    def open_(path: str, viewport: dict[str, int] = DESK):
        contexts.append(browser.new_context(viewport=viewport, base_url=live_server.url))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def log_in(open_page, editor) -> Callable:
    """Logs the editor in through the form, and returns the page."""
    editor.set_password("a long password")
    editor.save(update_fields=["password"])

    def log_in_():
        page = open_page("/admin/")
        page.get_by_label("Username").fill(editor.get_username())
        page.get_by_label("Password").fill("a long password")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Posts", exact=True).wait_for()
        return page

    return log_in_


def work() -> None:
    """What a worker would do now."""
    engine.work()
    publishing.publish_due()


def illustrated_post() -> Post:
    """A published post with an approved picture in each place."""
    post = make_post(published=True)
    call_command("generate_images", "--post", post.slug, "--approve", stdout=StringIO())
    work()
    return post


def load_all(page) -> None:
    """Bring lazy pictures in, and wait until each has arrived."""
    page.evaluate("document.images.length && scrollTo(0, document.body.scrollHeight)")
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
    page.wait_for_function(f"{UNLOADED} === 0")


def test_editor_makes_and_approves_a_picture_that_readers_see(log_in, open_page):
    post = make_post(published=True)
    page = log_in()
    page.get_by_role("link", name="Posts", exact=True).click()
    page.get_by_role("row", name=post.title).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="Generate missing images")
    page.get_by_role("button", name="Go").click()
    page.get_by_text("asked for").wait_for()
    work()
    page.goto(f"/admin/imagegen/imageslot/{post.slots.get(role='hero').pk}/change/")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("chosen", exact=True).first.wait_for()
    work()
    reader = open_page(f"/{post.slug}/")
    load_all(reader)
    assert reader.locator("article img").count() == 1


def test_rejected_picture_says_why(log_in):
    post = make_post(published=True)
    call_command("generate_images", "--post", post.slug, "--slots", "hero", stdout=StringIO())
    work()
    page = log_in()
    page.goto(f"/admin/imagegen/imageoutput/{ImageOutput.objects.get().pk}/reject/")
    page.get_by_label("off style").check()
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("off style").first.wait_for()
    assert ImageOutput.objects.get().state == ImageOutput.State.REJECTED


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_reader_sees_every_picture_and_nothing_hangs_over(open_page, viewport):
    post = illustrated_post()
    for path in ("/", f"/{post.slug}/"):
        page = open_page(path, viewport)
        load_all(page)
        assert page.locator("img").count() >= 1
        assert page.evaluate(OVERHANG) <= 0


def test_post_shows_a_picture_under_each_heading(open_page):
    post = illustrated_post()
    page = open_page(f"/{post.slug}/")
    load_all(page)
    assert page.locator("article img").count() == 1 + post.sections.count()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_very_long_word_in_a_title_pushes_nothing_aside(open_page, viewport):
    for title in ("First", "Wall" * 30, "Last"):
        make_post(title=title, published=True)
    for path in ("/", "/first/", "/last/"):
        assert open_page(path, viewport).evaluate(OVERHANG) <= 0


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_post_from_right_to_left_fits_its_window(open_page, viewport):
    body = "جدار " * 200 + "\n\n## الأدوات\n\n" + "جدار " * 50
    make_post(title="Wall", body=body, language="ar", published=True)
    assert open_page("/wall/", viewport).evaluate(OVERHANG) <= 0


@pytest.mark.parametrize("path", ["/admin/", "/admin/imagegen/imageoutput/"])
def test_admin_fits_a_phone(log_in, path):
    illustrated_post()
    page = log_in()
    page.set_viewport_size(PHONE)
    page.goto(path)
    assert page.evaluate(OVERHANG) <= 0


# --- Writing a prompt -------------------------------------------------------------------


@pytest.fixture
def write_page(log_in):
    """The page on which the prompt of a hero is written, and that hero."""
    hero = hero_of(make_post())
    page = log_in()
    page.goto(f"/admin/imagegen/imageslot/{hero.pk}/write/")
    return page, hero


def test_editor_writes_refines_and_accepts_a_prompt(model, service, write_page):  # noqa: F811
    page, hero = write_page
    page.get_by_role("button", name="Write with the model").click()
    page.get_by_role("heading", name="Being written").wait_for()
    work()
    words = page.get_by_label("What the picture shows")
    words.wait_for()  # the page looks again by itself
    assert words.input_value() == "A lighthouse in fog"
    page.get_by_label("What should change").fill("warmer, no people")
    service.written = {"prompt": "A lighthouse at noon"}
    page.get_by_role("button", name="Write with the model").click()
    page.get_by_role("heading", name="Being written").wait_for()
    work()
    words.wait_for()
    assert page.get_by_role("row", name="Changed: warmer, no people").count() == 1
    words.fill("A lighthouse at noon, seen from the sea")
    page.get_by_role("button", name="Use as the prompt").click()
    page.get_by_text("It is the prompt of this place now.").wait_for()
    hero.refresh_from_db()
    assert hero.draft.text == "A lighthouse at noon, seen from the sea"


def test_prompt_can_be_written_by_keyboard_alone(write_page):
    page, hero = write_page
    page.get_by_label("What the picture shows").focus()
    page.keyboard.type("A lamp")
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    page.get_by_text("It is the prompt of this place now.").wait_for()
    assert PromptDraft.objects.get(slot=hero).text == "A lamp"


# --- Editing a picture ------------------------------------------------------------------


@pytest.fixture
def edit_page(log_in):
    """The page on which a hero is edited, and where its picture lies: (page, output, box)."""
    post = make_post()
    call_command("generate_images", "--post", post.slug, "--slots", "hero", stdout=StringIO())
    work()
    output = ImageOutput.objects.get()
    page = log_in()
    page.goto(f"/admin/imagegen/imageoutput/{output.pk}/edit/")
    load_all(page)
    picture = page.locator("[data-region] img")
    picture.scroll_into_view_if_needed()
    return page, output, picture.bounding_box()


def value_of(page, label: str) -> float:
    return float(page.get_by_label(label, exact=True).input_value())


def test_click_on_a_picture_sets_its_focal_point(edit_page):
    page, output, box = edit_page
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    assert value_of(page, "From the left, %:") == pytest.approx(25, abs=0.5)
    assert value_of(page, "From the top, %:") == pytest.approx(75, abs=0.5)
    page.get_by_role("button", name="Set the focal point").click()
    page.get_by_text("The focal point is set.").wait_for()
    output.refresh_from_db()
    assert (output.focal_x, output.focal_y) == pytest.approx((0.25, 0.75), abs=0.005)


def drag(page, box, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the picture, from and to shares of its width and height."""
    for number, (x, y) in enumerate((start, end)):
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        (page.mouse.up if number else page.mouse.down)()


def test_drag_over_a_picture_chooses_the_part_that_is_cut_out(edit_page):
    page, output, box = edit_page
    point = value_of(page, "From the left, %:")
    drag(page, box, (0.8, 0.7), (0.2, 0.1))  # from the lower right to the upper left
    part = [value_of(page, f"{name}, %:") for name in ("Left", "Top", "Width", "Height")]
    assert part == pytest.approx([20, 10, 60, 60], abs=0.5)
    assert value_of(page, "From the left, %:") == point
    page.get_by_role("button", name="Cut this part out").click()
    page.get_by_text("The part is a new image").wait_for()
    cut = ImageOutput.objects.get(parent=output)
    assert cut.width == pytest.approx(output.width * 0.6, abs=output.width * 0.01)


def test_pages_of_prompt_and_edit_fit_a_phone(edit_page):
    page, output, _ = edit_page
    page.set_viewport_size(PHONE)
    for path in (f"imageoutput/{output.pk}/edit/", f"imageslot/{output.slot_id}/write/"):
        page.goto(f"/admin/imagegen/{path}")
        assert page.evaluate(OVERHANG) <= 0
