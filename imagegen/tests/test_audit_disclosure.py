"""The audit of what the site really serves: it finds each kind of missing mark."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from imagegen.management.commands import audit_disclosure
from imagegen.models import ImageOutput, PublicCopy, SlotAlt
from imagegen.services import auditing, disclosure, publishing
from imagegen.services.pages import Fetched, read_page
from imagegen.storage import published
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(in_this_process, monkeypatch):  # noqa: F811
    """A public post with a hero and a section's picture, both generated, published."""
    monkeypatch.setattr(auditing, "run_in_child", lambda work, *args, timeout: work(*args))
    post = make_post(published=True)
    choose(hero_of(post))
    choose(post.slots.filter(role="section").first(), seed=3)
    publishing.publish_pictures(post_id=post.pk)
    return post


def get(address: str) -> Fetched:
    answer = Client().get(address)
    return Fetched(status=answer.status_code, body=answer.getvalue())


def changed(old: str, new: str):
    """The site with its pages and its feed rewritten by a theme or a proxy."""

    def fetch(address: str) -> Fetched:
        answer = get(address)
        return Fetched(status=answer.status, body=answer.body.replace(old.encode(), new.encode()))

    return fetch


def kinds(audit) -> set[str]:
    return {missing.kind for missing in audit.missing}


def spoil(copy: PublicCopy) -> None:
    """What another program makes of the file: the same picture, saved without its marks."""
    data = made.encoded(made.scene(), copy.format)
    with open(published().path(copy.path), "wb") as file:
        file.write(data)


# --- Files ------------------------------------------------------------------------------


def test_every_file_of_a_whole_site_is_looked_at(site):
    audit = auditing.audit_files()
    assert audit.missing == []
    assert audit.files == PublicCopy.objects.live().values("path").distinct().count() > 2


@pytest.mark.parametrize("format", ["JPEG", "AVIF"])
def test_file_without_its_mark_is_found(site, format):
    copy = PublicCopy.objects.live().filter(format=format).first()
    spoil(copy)
    [missing] = auditing.audit_files().missing
    assert (missing.kind, missing.where) == ("mark-missing", copy.path)


def test_lost_and_broken_files_are_found(site):
    lost, broken, *_ = PublicCopy.objects.live().order_by("path")
    published().delete(lost.path)
    with open(published().path(broken.path), "wb") as file:
        file.write(b"no picture")
    assert kinds(auditing.audit_files()) == {"file-missing", "file-unreadable"}


def test_place_without_alt_text_is_found_once(site):
    SlotAlt.objects.filter(slot=hero_of(site)).delete()
    [missing] = auditing.audit_files().missing
    assert missing.kind == "alt-missing"


def test_empty_alt_text_counts_only_where_it_is_decorative(site):
    SlotAlt.objects.update(text="")
    assert kinds(auditing.audit_files()) == {"alt-missing"}
    SlotAlt.objects.update(decorative=True)
    assert auditing.audit_files().missing == []


# --- Pages ------------------------------------------------------------------------------


def test_whole_site_carries_its_marks(site):
    audit = auditing.audit_site("", get)
    assert audit.missing == []
    assert audit.pages == 2  # the post and the feed
    assert audit.files == PublicCopy.objects.live().values("path").distinct().count()


PAGE_FAULTS = [
    ('<span class="label"', "<span", "label-missing"),
    ('alt="A wall of stones"', 'alt=""', "alt-missing"),
    ("TrainedAlgorithmicMediaDigitalSource", "", "json-ld-mark-missing"),
    ('ld+json">{', 'ld+json">', "json-ld-unreadable"),
    ("media:category", "media:other", "feed-mark-missing"),
    ("media:title", "media:other", "label-missing"),
    ("</feed>", "", "feed-unreadable"),
    ('<figure class="picture ', '<div class="', "picture-missing"),
    ("/media/pictures/", "/media/elsewhere/", "file-unknown"),
]


def test_what_a_page_lacks_is_found(site):
    found = [kinds(auditing.audit_site("", changed(old, new))) for old, new, _ in PAGE_FAULTS]
    passed_over = [row for row, told in zip(PAGE_FAULTS, found, strict=True) if row[2] not in told]
    assert passed_over == []


def test_file_that_is_served_without_its_mark_is_found(site):
    spoil(PublicCopy.objects.live().filter(purpose="social").first())
    assert kinds(auditing.audit_site("", get)) == {"mark-missing"}


def test_page_and_file_that_do_not_answer_are_found(site):
    published().delete(PublicCopy.objects.live().filter(format="AVIF").first().path)
    assert kinds(auditing.audit_site("", get)) == {"file-missing"}
    assert "page-missing" in kinds(auditing.audit_site("", lambda address: Fetched(status=0)))


def test_label_that_is_not_due_is_not_asked_for(site, settings):
    settings.AI_LABEL = "never"
    assert auditing.audit_site("", get).missing == []
    disclosure.answer_question(output=hero_of(site).choice, user=None, could_be_real=True)
    assert auditing.audit_site("", get).missing == []


def test_each_file_is_fetched_once(site):
    asked = []
    auditing.audit_site("", lambda address: asked.append(address) or get(address))
    assert len(asked) == len(set(asked))


def test_page_is_read_as_html():
    page = read_page(
        '<figure class="picture wide"><picture><source srcset="/a 1w, /b 2w"><img src="/b" '
        'alt=" x "></picture><figcaption><span>C</span><span class="label"> AI </span>'
        '</figcaption></figure><img src="/c"><meta property="og:image" content="/d">'
    )
    [figure] = page.figures
    assert (figure.alt, figure.label, figure.addresses) == ("x", "AI", ["/a", "/b", "/b"])
    assert page.social_images == ["/d"]


# --- The command ------------------------------------------------------------------------


def test_command_is_content_with_a_whole_site(site, capsys, monkeypatch):
    call_command("audit_disclosure")
    assert "nothing is missing" in capsys.readouterr().out
    monkeypatch.setattr(audit_disclosure, "fetch", lambda address: get(address[len("http://x") :]))
    call_command("audit_disclosure", url="http://x/")
    assert "2 pages: nothing is missing" in capsys.readouterr().out


def test_command_tells_and_ends_with_one(site, capsys):
    copy = PublicCopy.objects.live().filter(purpose="web").first()
    spoil(copy)
    with pytest.raises(SystemExit) as end:
        call_command("audit_disclosure", json=True)
    told = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert [mark["where"] for mark in told["missing"]] == [copy.path]


def test_command_wants_an_address():
    with pytest.raises(CommandError, match="--url"):
        call_command("audit_disclosure", url="example.org")


# --- No way round the marks -------------------------------------------------------------


def test_every_live_file_of_every_purpose_and_format_is_marked(site, settings):
    """Each way a file goes public writes the facts, whatever it is for."""
    settings.SOCIAL_CARD, settings.PICTURE_WEBP = "text", True
    settings.HERO_CROPS = ["square", "portrait", "wide"]
    publishing.publish_pictures(post_id=site.pk)
    live = PublicCopy.objects.live()
    assert set(live.values_list("purpose", flat=True)) == set(PublicCopy.Purpose.values)
    assert set(live.values_list("format", flat=True)) == {"JPEG", "AVIF", "WEBP"}
    assert auditing.audit_files().missing == []


def test_picture_that_nobody_made_with_ai_needs_no_mark(in_this_process, monkeypatch):  # noqa: F811
    monkeypatch.setattr(auditing, "run_in_child", lambda work, *args, timeout: work(*args))
    post = make_post(published=True)
    choose(hero_of(post), kind=ImageOutput.Kind.UPLOADED, digital_source_type="")
    publishing.publish_pictures(post_id=post.pk)
    assert auditing.audit_files().missing == auditing.audit_site("", get).missing == []
