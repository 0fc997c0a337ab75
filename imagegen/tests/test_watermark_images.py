"""The command that watermarks pictures of posts, and applies watermarks again."""

import time
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from imagegen.management import republishing
from imagegen.models import ImageOutput, ImageSlot
from imagegen.services import publishing, workers
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.rows import make_choice, make_output
from imagegen.tests.test_watermarks import due, in_this_process, make_profile, settle  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def shown():
    """The heroes of two published posts, nothing due."""
    titles = ("Walls", "Tools")
    outputs = [make_choice(hero_of(make_post(title, published=True))) for title in titles]
    settle()
    return outputs


def run(*words: str) -> str:
    out = StringIO()
    call_command("watermark_images", *words, stdout=out)
    return out.getvalue()


def choices() -> list[str]:
    return list(ImageOutput.objects.order_by("pk").values_list("watermarking", flat=True))


def test_pictures_of_one_post(shown):
    make_profile()
    run("--post", "walls", "--profile", "house")
    assert choices() == ["profile", "inherit"]
    assert due() == {shown[0].pk}


def test_pictures_of_every_post_but_no_candidates(shown):
    make_output(hero_of(shown[0].post))
    assert "2 pictures, 2 to change. Watermark: none." in run("--all", "--profile", "none")
    assert choices() == ["none", "none", "inherit"]


def test_only_what_differs_is_changed(shown):
    run("--post", "walls", "--profile", "none")
    assert "2 pictures, 1 to change." in run("--all", "--profile", "none")


def test_back_to_what_the_site_says(shown):
    run("--all", "--profile", "none")
    run("--all", "--profile", "inherit")
    assert choices() == ["inherit", "inherit"]


def test_dry_run_changes_nothing(shown):
    assert "2 to change" in run("--all", "--profile", "none", "--dry-run")
    assert choices() == ["inherit", "inherit"]


def test_archive_is_applied_again(shown):
    make_profile(is_default=True)
    settle()
    assert "House: 2 places to look through." in run("--reapply")
    assert len(due()) == 2


def test_archive_of_one_post_and_one_watermark(shown):
    make_profile(is_default=True)
    settle()
    run("--reapply", "--profile", "house", "--post", "tools")
    assert due() == {shown[1].pk}


def test_dry_run_of_an_archive(shown):
    make_profile(is_default=True)
    settle()
    assert "House: 2 places. Nothing was changed" in run("--reapply", "--dry-run")
    assert "House: 1 place. Nothing" in run("--reapply", "--post", "walls", "--dry-run")
    assert not due()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--all"], "Say which watermark"),
        (["--profile", "none"], "Say which posts"),
        (["--all", "--profile", "house"], "no watermark “house”. Known: none yet"),
        (["--reapply"], "no watermark that is switched on"),
        (["--post", "nowhere", "--profile", "none"], "no post “nowhere”"),
    ],
)
def test_what_cannot_start_says_why(words, said):
    with pytest.raises(CommandError, match=said) as caught:
        run(*words)
    assert caught.value.returncode == 2


@pytest.fixture
def published(monkeypatch):
    """Publishing takes a round per post and leaves nothing due."""
    seen = []

    def publish(*, post_id: int) -> publishing.PublishReport:
        seen.append(post_id)
        ImageSlot.objects.filter(post=post_id).update(publication_due=False)
        return publishing.PublishReport()

    monkeypatch.setattr(republishing, "publish_pictures", publish)
    # Threads would have connections of their own, outside the test's transaction.
    monkeypatch.setattr(republishing, "ThreadPoolExecutor", OneThread)
    monkeypatch.setattr(republishing.connections, "close_all", lambda: None)
    return seen


class OneThread:
    def __init__(self, size: int) -> None:
        self.map = map

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass


def test_waiting_publishes_where_no_worker_is(shown, published):
    said = run("--all", "--profile", "none", "--wait")
    assert "this command publishes itself" in said
    assert "2 of 2 places published anew" in said
    assert published == [output.post_id for output in shown]


def test_waiting_leaves_the_work_to_a_worker(shown, published, monkeypatch):
    monkeypatch.setattr(workers, "worker_is_present", lambda: True)
    clock = SimpleNamespace(sleep=lambda seconds: settle(), monotonic=time.monotonic)
    monkeypatch.setattr(republishing, "time", clock)
    assert "2 of 2 places published anew" in run("--all", "--profile", "none", "--wait")
    assert published == []


def test_what_stays_due_is_told(shown, monkeypatch):
    monkeypatch.setattr(workers, "worker_is_present", lambda: True)
    monkeypatch.setattr(republishing, "STALLED", -1.0)
    with pytest.raises(SystemExit) as caught:
        run("--all", "--profile", "none", "--wait")
    assert caught.value.code == 1
