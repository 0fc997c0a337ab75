"""Which file of a picture a real browser takes, and that nothing moves while it comes in."""

import pytest

from imagegen.services import publishing
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose
from imagegen.tests.test_browser import browser, load_all  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# As the page says it: the width that stands behind the chosen address in `srcset`.
CHOSEN = """() => {
  const image = document.querySelector('article img')
  const offers = [...image.parentElement.querySelectorAll('source'), image]
    .flatMap(element => element.srcset.split(', ')).map(offer => offer.split(' '))
  const offer = offers.find(([address]) => image.currentSrc.endsWith(address))
  return offer[1] + ' ' + image.currentSrc.split('.').pop()
}"""
COUNT_SHIFTS = """window.shifted = 0
new PerformanceObserver(list => { for (const entry of list.getEntries()) shifted += entry.value })
  .observe({type: 'layout-shift', buffered: true})"""


@pytest.fixture
def post():
    post = make_post(published=True)
    choose(hero_of(post), data=made.png(1, (1536, 1024)))
    publishing.publish_pictures(post_id=post.pk)
    return post


@pytest.fixture
def visit(browser, live_server):  # noqa: F811
    """Opens a page on a screen of that width, height and number of pixels for each pixel."""
    contexts = []

    def visit_(path: str, width: int, height: int, ratio: int):
        # The policy of public pages forbids scripts, those of this test too.
        options = {"base_url": live_server.url, "bypass_csp": True, "device_scale_factor": ratio}
        viewport = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.add_init_script(COUNT_SHIFTS)
        page.goto(path)
        load_all(page)
        return page

    yield visit_
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("screen", "on_page", "in_list"),
    [
        ((390, 844, 1), "640w avif", "640w avif"),
        ((390, 844, 2), "960w avif", "960w avif"),
        ((1440, 900, 1), "1280w avif", "960w avif"),
        ((1440, 900, 2), "1536w avif", "1536w avif"),
    ],
    ids=["phone", "sharp phone", "desk", "sharp desk"],
)
def test_browser_takes_the_smallest_file_that_looks_sharp(visit, post, screen, on_page, in_list):
    for path, chosen in ((f"/{post.slug}/", on_page), ("/", in_list)):
        page = visit(path, *screen)
        assert page.evaluate(CHOSEN) == chosen
        assert page.evaluate("shifted") < 0.01
