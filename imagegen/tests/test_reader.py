"""The site is opened as a reader opens it, and what fails is told."""

from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command

from imagegen.models import PublicCopy
from imagegen.services import publishing
from imagegen.services.doctor.reader import read_site
from imagegen.services.pages import read_page
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process  # noqa: F401


@pytest.fixture
def site(live_server, in_this_process, settings):  # noqa: F811
    """A site that is up with one published post and its pictures."""
    settings.SITE_URL = live_server.url
    post = make_post(published=True)
    choose(hero_of(post))
    publishing.publish_pictures(post_id=post.pk)
    return live_server.url


def replace(copy: PublicCopy, data: bytes) -> None:
    storages["published"].delete(copy.path)
    if data:
        storages["published"].save(copy.path, ContentFile(data))


def test_what_readers_get_is_looked_at(site):
    assert [problem.message for problem in read_site()] == []
    lost, cut = PublicCopy.objects.live().order_by("pk")[:2]
    replace(lost, b"")
    replace(cut, b"half")
    told = {problem.subject: problem.message for problem in read_site(site)}
    assert "answers 404" in told[f"{site}/media/{lost.path}"]
    assert "has 4 bytes" in told[f"{site}/media/{cut.path}"]


@pytest.mark.django_db
def test_site_that_is_down_is_told(settings):
    settings.SITE_URL = "http://127.0.0.1:9"
    make_post(published=True)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--url", stdout=out)
    assert "cannot be opened" in out.getvalue()


def test_pictures_of_a_page_are_found():
    page = read_page(
        '<meta property="og:image" content="/a.jpg"><meta name="twitter:image" content="/b.jpg">'
        '<picture><source srcset="/c.avif 480w, /d.avif 960w"><img src="/e.jpg"></picture>'
    )
    assert page.pictures == ["/a.jpg", "/b.jpg", "/c.avif", "/d.avif", "/e.jpg"]
