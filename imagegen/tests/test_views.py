"""Who gets which file, and how it is served."""

import time
from urllib.parse import urlencode

import pytest
from django.core import signing
from django.core.files.storage import FileSystemStorage, storages
from django.urls import reverse

from imagegen import views
from imagegen.errors import StorageProblem
from imagegen.models import ImageOutput, PublicCopy
from imagegen.services import publishing
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


def body(response) -> bytes:
    return b"".join(response.streaming_content)


@pytest.fixture
def output():
    return put_output(hero_of(make_post()))


@pytest.fixture
def copy():
    """A live public copy: the JPEG of a hero."""
    post = make_post(published=True)
    choose(hero_of(post))
    publishing.publish_pictures(post_id=post.pk)
    return PublicCopy.objects.live().get(purpose="web", format="JPEG")


@pytest.mark.parametrize("name", ["preview", "original"])
@pytest.mark.parametrize(
    ("who", "status"),
    [("editor", 200), ("reviewer", 200), ("administrator", 200), ("stranger", 404), (None, 404)],
)
def test_private_files_are_for_staff_who_review(client, request, output, name, who, status):
    if who:
        client.force_login(request.getfixturevalue(who))
    address = reverse(f"imagegen:{name}", args=[output.uuid])
    assert client.get(address, follow=True).status_code == status


def test_member_who_is_no_staff_sees_no_preview(client, output, editor):
    editor.is_staff = False
    editor.save(update_fields=["is_staff"])
    client.force_login(editor)
    assert client.get(reverse("imagegen:preview", args=[output.uuid])).status_code == 404


def test_original_is_a_download_that_nobody_keeps(client, output, editor):
    client.force_login(editor)
    response = client.get(reverse("imagegen:original", args=[output.uuid]), follow=True)
    assert response["Content-Disposition"] == f'attachment; filename="image-{output.pk}.png"'
    assert response["Cache-Control"] == "private, no-store"
    assert body(response) == storages["originals"].open(output.path).read()


@pytest.mark.parametrize("name", ["preview", "original"])
def test_private_files_are_never_run_or_sniffed(client, output, editor, name):
    client.force_login(editor)
    response = client.get(reverse(f"imagegen:{name}", args=[output.uuid]), follow=True)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"].startswith("private")


def test_missing_file_is_not_found(client, output, editor):
    storages["originals"].delete(output.preview_path)
    client.force_login(editor)
    assert client.get(reverse("imagegen:preview", args=[output.uuid])).status_code == 404


# --- Addresses that end -----------------------------------------------------------------


@pytest.fixture
def link(client, output, editor) -> str:
    """The address of an original that was handed out to an editor."""
    client.force_login(editor)
    link = client.get(reverse("imagegen:original", args=[output.uuid]))["Location"]
    client.logout()
    return link


def test_handed_out_link_shows_the_file_to_whoever_has_it(client, output, link):
    response = client.get(link)
    assert body(response) == storages["originals"].open(output.path).read()
    assert response["Content-Disposition"].startswith("attachment")


def test_handed_out_link_ends(client, link, settings, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + settings.SIGNED_LINK_SECONDS + 1)
    assert client.get(link).status_code == 410


def test_changed_link_shows_nothing(client, link):
    assert client.get(f"{link[:-3]}x/").status_code == 404


def test_signature_for_something_else_shows_nothing(client, output):
    token = signing.dumps(["original", output.uuid.hex], salt="imagegen.other")
    assert client.get(reverse("imagegen:signed", args=[token])).status_code == 404


def test_link_to_a_removed_image_shows_nothing(client, output, link):
    output.delete()
    assert client.get(link).status_code == 404


def test_nginx_is_told_which_file_to_send(client, output, link, settings):
    settings.SEND_FILES_BY = "x-accel"
    response = client.get(link)
    assert response["X-Accel-Redirect"] == f"/private-files/private/{output.path}"
    assert response.content == b"" and response["Content-Type"] == "image/png"


def test_apache_is_told_which_file_to_send(client, output, link, settings):
    settings.SEND_FILES_BY = "x-sendfile"
    assert client.get(link)["X-Sendfile"] == storages["originals"].path(output.path)


@pytest.mark.parametrize("way", ["python", "x-accel", "x-sendfile"])
def test_missing_file_is_not_found_by_any_way(client, output, link, settings, way):
    settings.SEND_FILES_BY = way
    storages["originals"].delete(output.path)
    assert client.get(link).status_code == 404


class Bucket(FileSystemStorage):
    """A storage that signs addresses, as object stores do."""

    def signed_url(self, name, *, seconds, **headers):
        return f"https://bucket.example/{name}?{urlencode({'for': seconds, **headers})}"


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setattr(views, "originals", Bucket)
    monkeypatch.setattr(views.signing, "originals", Bucket)


@pytest.mark.parametrize("name", ["preview", "original"])
def test_file_in_a_bucket_is_got_from_there(client, output, editor, bucket, settings, name):
    settings.SIGNED_LINK_SECONDS = 99
    client.force_login(editor)
    response = client.get(reverse(f"imagegen:{name}", args=[output.uuid]))
    assert response.status_code == 302
    assert response["Location"].startswith("https://bucket.example/") and "for=99" in response.url


def test_original_in_a_bucket_is_a_download(client, output, editor, bucket):
    client.force_login(editor)
    response = client.get(reverse("imagegen:original", args=[output.uuid]))
    assert "ResponseContentDisposition=attachment" in response.url


@pytest.mark.parametrize("name", ["preview", "original"])
def test_bucket_shows_nothing_to_strangers(client, output, stranger, bucket, name):
    client.force_login(stranger)
    assert client.get(reverse(f"imagegen:{name}", args=[output.uuid])).status_code == 404


def test_storage_that_does_not_answer_is_told(client, output, editor, monkeypatch):
    def away():
        raise StorageProblem("The storage cannot be reached.")

    monkeypatch.setattr(views, "originals", away)
    client.force_login(editor)
    response = client.get(reverse("imagegen:preview", args=[output.uuid]))
    assert (response.status_code, response["Retry-After"]) == (503, "60")


# --- Public copies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "content_type"), [("JPEG", "image/jpeg"), ("AVIF", "image/avif")]
)
def test_public_copy_is_cached_for_ever(client, copy, format, content_type):
    path = copy.slot.copies.get(format=format).path
    response = client.get(f"/media/{path}")
    assert response.status_code == 200
    assert response["Content-Type"] == content_type
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"


def test_copy_that_is_not_live_is_not_found(client, copy):
    PublicCopy.objects.update(live=False)
    assert client.get(f"/media/{copy.path}").status_code == 404


def test_copy_of_an_image_that_is_not_approved_is_not_found(client, copy):
    ImageOutput.objects.update(state="candidate")
    assert client.get(f"/media/{copy.path}").status_code == 404


def test_withdrawn_copy_is_not_found_at_once(client, copy):
    publishing.withdraw_post(post=copy.slot.post)
    assert storages["published"].exists(copy.path)
    assert client.get(f"/media/{copy.path}").status_code == 404


@pytest.mark.parametrize("path", ["secret_key", "../db.sqlite3", "pictures/zz/x.jpg", "pictures"])
def test_nothing_else_is_served(client, db, path):
    assert client.get(f"/media/{path}").status_code == 404


def test_files_are_only_read(client, copy):
    assert client.post(f"/media/{copy.path}").status_code == 405


def test_feed_has_the_hero_as_an_enclosure(client, copy, settings):
    settings.SITE_URL = "https://example.org"
    text = client.get("/feed.xml").content.decode()
    assert f'href="https://example.org/media/{copy.path}"' in text
    assert 'rel="enclosure"' in text


def test_feed_encloses_a_width_for_every_screen(client, copy):
    def another(width: int) -> str:
        path = f"pictures/aa/{width:032}.jpg"
        PublicCopy.objects.create(
            output=copy.output, slot=copy.slot, purpose="web", variant=f"{width}.jpg", live=True,
            path=path, width=width, height=80, byte_size=1,
        )  # fmt: skip
        return path

    paths = [another(width) for width in (1280, 1600, 960)]
    text = client.get("/feed.xml").content.decode()
    assert [path for path in paths if path in text] == paths[:1]


def test_feed_takes_two_queries_more_for_all_heroes(client, copy, django_assert_max_num_queries):
    for number in range(3):
        choose(hero_of(make_post(title=f"Post {number}", published=True)))
    with django_assert_max_num_queries(4):
        client.get("/feed.xml")
