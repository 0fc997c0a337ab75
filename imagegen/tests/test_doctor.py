"""The doctor says what is wrong, and sets right what it can without losing anything."""

import hashlib
import json
import os
import time
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.utils import timezone

from blog.models import PostPicture
from blog.services import withdraw_post
from imagegen.models import Attempt, GenerationJob, ImageOutput, PublicCopy
from imagegen.services import outputs, publishing
from imagegen.services.doctor import find_problems, repair_problems
from imagegen.services.spool import spool_root
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]


@pytest.fixture
def output() -> ImageOutput:
    """A published hero, with all its files in order."""
    post = make_post(published=True)
    output = choose(hero_of(post))
    publishing.publish_pictures(post_id=post.pk)
    return output


def kinds() -> list[str]:
    return sorted(problem.kind for problem in find_problems())


def repair() -> list[bool]:
    return [bool(problem.repaired) for problem in repair_problems(list(find_problems()))]


def private(name: str) -> Path:
    return Path(storages["originals"].path(name))


def public(name: str) -> Path:
    return Path(storages["published"].path(name))


def flip(path: Path) -> None:
    path.write_bytes(made.flipped(path.read_bytes()))


def age(path: Path, minutes: float = 60) -> None:
    then = time.time() - minutes * 60
    os.utime(path, (then, then))


def put(storage: str, name: str, data: bytes = b"x", minutes: float = 60) -> Path:
    storages[storage].save(name, ContentFile(data))
    path = Path(storages[storage].path(name))
    age(path, minutes)
    return path


def test_healthy_house_has_no_problems(output):
    assert kinds() == []


def test_empty_house_has_no_problems():
    assert kinds() == []


# --- Originals --------------------------------------------------------------------------


def test_missing_original_is_told_and_stays_a_problem(output):
    private(output.path).unlink()
    problem = find_problems()[0]
    assert problem.kind == "original-missing"
    assert "Restore originals/" in problem.message
    assert repair() == [False]


def test_flipped_bit_is_told(output):
    flip(private(output.path))
    assert "original-changed" in kinds()


def test_original_comes_back_from_an_equal_one(output):
    twin = put_output(hero_of(output.post))
    flip(private(output.path))
    assert repair() == [True]
    assert private(output.path).read_bytes() == private(twin.path).read_bytes()
    assert kinds() == []


def test_damaged_original_is_set_aside_not_thrown_away(output):
    put_output(hero_of(output.post))
    flip(private(output.path))
    damaged = private(output.path).read_bytes()
    repair()
    assert private(f"orphans/{output.path}").read_bytes() == damaged


def test_original_comes_back_from_the_spool(output, job):
    attempt = attempt_of(job, state="stored")
    ImageOutput.objects.filter(pk=output.pk).update(attempt=attempt)
    folder = spool_root() / str(attempt.key)
    folder.mkdir(parents=True)
    private(output.path).rename(folder / "0.bin")
    assert repair() == [True]
    assert private(output.path).exists()


def test_missing_preview_is_made_again(output):
    private(output.preview_path).unlink()
    assert kinds() == ["preview-missing"]
    assert repair() == [True]
    assert private(output.preview_path).exists()
    assert kinds() == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (None, "sidecar-missing"),
        (b"{", "sidecar-unreadable"),
        (b"[]", "sidecar-unreadable"),
        (b'{"file": {"sha256": "0"}}', "sidecar-wrong"),
    ],
)
def test_sidecar_is_written_again_from_the_rows(output, content, kind):
    sidecar = private(outputs.sidecar_path(output.path))
    sidecar.unlink()
    if content is not None:
        sidecar.write_bytes(content)
    assert kinds() == [kind]
    assert repair() == [True]
    assert json.loads(sidecar.read_text())["file"]["sha256"] == output.sha256
    assert kinds() == []


def test_sidecar_of_a_generated_image_names_its_lineage(output, job):
    attempt = attempt_of(job, state="stored")
    ImageOutput.objects.filter(pk=output.pk).update(attempt=attempt, prompt=job.prompt)
    private(outputs.sidecar_path(output.path)).unlink()
    assert repair() == [True]
    told = json.loads(private(outputs.sidecar_path(output.path)).read_text())
    assert told["lineage"]["attempt"] == str(attempt.key)
    assert told["prompt"]["text"] == job.prompt.text


# --- Files without rows -----------------------------------------------------------------


def test_orphan_is_moved_aside(output):
    put("originals", "originals/posts/1/hero/stray.png")
    assert kinds() == ["orphan"]
    assert repair() == [True]
    assert private("orphans/originals/posts/1/hero/stray.png").exists()
    assert kinds() == []


def test_orphan_of_the_same_name_as_before_is_kept_too():
    for _ in range(2):
        put("originals", "originals/stray.png")
        repair()
    assert private("orphans/originals/stray.png.1").exists()


def test_preview_and_sidecar_without_an_image_are_orphans(output):
    put("originals", "previews/posts/1/hero/stray.jpg")
    put("originals", "originals/posts/1/hero/stray.json")
    assert kinds() == ["orphan", "orphan"]


def test_file_that_was_stored_this_moment_is_let_be():
    put("originals", "originals/posts/1/hero/new.png", minutes=0)
    assert kinds() == []


def test_stored_image_that_awaits_its_booking_is_no_orphan(job):
    attempt = attempt_of(job, state="received")
    GenerationJob.objects.filter(pk=job.pk).update(state="queued")
    put("originals", f"originals/posts/1/hero/{uuid.uuid5(attempt.key, '0')}.png")
    assert kinds() == []


def test_part_of_a_file_is_removed_when_old(output):
    part = put("originals", "originals/posts/1/.a.png.x1.part", minutes=1)
    assert kinds() == []
    age(part)
    assert kinds() == ["part-left"]
    assert repair() == [True]
    assert not part.exists()


def test_picture_of_a_text_is_known_and_verified(output):
    path = put("originals", "originals/bundles/1/a.png", b"abc")
    PostPicture.objects.create(
        post=output.post, name="a.png", path="originals/bundles/1/a.png",
        sha256=hashlib.sha256(b"abc").hexdigest(), width=1, height=1,
    )  # fmt: skip
    assert kinds() == []
    path.write_bytes(b"abd")
    assert kinds() == ["bundle-changed"]
    path.unlink()
    assert kinds() == ["bundle-missing"]


# --- Public copies ----------------------------------------------------------------------


@pytest.mark.parametrize("damage", [Path.unlink, flip])
def test_damaged_public_copy_is_made_again(output, damage):
    row = PublicCopy.objects.live().get(variant="120.avif")
    damage(public(row.path))
    assert len(kinds()) == 1
    assert all(repair())
    assert kinds() == []


def test_copies_that_lag_behind_are_made(output):
    PublicCopy.objects.filter(purpose="social").delete()
    assert "copies-behind" in kinds()
    assert all(repair())
    assert kinds() == []


def test_copies_of_a_post_that_is_not_public_are_removed(output):
    withdraw_post(post=output.post)
    PublicCopy.objects.update(live=True)
    assert kinds() == ["copies-public"]
    assert all(repair())
    assert kinds() == []
    assert not PublicCopy.objects.exists()


def test_public_file_without_a_row_is_removed(output):
    path = put("published", "pictures/ab/stray.jpg")
    assert kinds() == ["public-orphan"]
    assert repair() == [True]
    assert not path.exists()


@pytest.mark.parametrize("damage", [Path.unlink, flip])
def test_damaged_rendition_is_made_again(output, damage):
    damage(private(output.renditions.first().path))
    assert len(kinds()) == 1
    assert all(repair())
    assert kinds() == []


def test_damaged_rendition_that_nothing_serves_goes(output):
    row = output.renditions.first()
    row.copies.all().delete()
    withdraw_post(post=output.post)
    flip(private(row.path))
    assert kinds() == ["rendition-changed"]
    assert all(repair())
    assert not output.renditions.filter(pk=row.pk).exists()


def test_rendition_file_without_a_row_is_removed(output):
    path = put("originals", "renditions/ab/stray.avif")
    assert kinds() == ["rendition-orphan"]
    assert repair() == [True]
    assert not path.exists()


# --- Work -------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path) -> GenerationJob:
    slot = hero_of(make_post(title="Another post"))
    return only_job(make_batch([slot], make_stub(tmp_path)))


def attempt_of(job: GenerationJob, *, state: str) -> Attempt:
    GenerationJob.objects.filter(pk=job.pk).update(state="stored")
    return Attempt.objects.create(
        job=job, number=1, epoch=1, state=state, connection_name="stub", model_name="stub-1",
        recovery="nothing", request_hash="0",
    )  # fmt: skip


def test_job_of_a_dead_worker_goes_back_to_the_queue(job):
    then = timezone.now() - timedelta(hours=1)
    GenerationJob.objects.filter(pk=job.pk).update(state="running", epoch=1, lease_until=then)
    assert kinds() == ["job-stuck"]
    assert repair() == [True]
    assert kinds() == []


def test_doubtful_job_waits_for_a_person(job):
    GenerationJob.objects.filter(pk=job.pk).update(state="unknown")
    assert kinds() == ["job-unknown"]
    assert repair() == [False]


def test_jobs_without_a_worker_are_told(job):
    GenerationJob.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert kinds() == ["no-worker"]


@pytest.mark.parametrize(
    ("state", "kind"), [("received", "attempt-open"), ("stored", "attempt-without-image")]
)
def test_books_that_contradict_are_told(job, state, kind):
    attempt_of(job, state=state)
    assert kinds() == [kind]


def test_answer_of_a_job_that_was_given_up_is_taken_up_again(job):
    attempt_of(job, state="received")
    GenerationJob.objects.filter(pk=job.pk).update(state="failed")
    assert kinds() == ["attempt-open"] and repair() == [True]
    job.refresh_from_db()
    assert job.state == GenerationJob.State.QUEUED


def test_choice_that_is_not_approved_is_told(output):
    ImageOutput.objects.update(state="rejected")
    assert "choice-not-approved" in kinds()


@pytest.mark.parametrize("known", [True, False], ids=["ended call", "unknown call"])
def test_leftover_in_the_spool_is_cleared(job, known):
    key = attempt_of(job, state="failed").key if known else uuid.uuid4()
    folder = spool_root() / str(key)
    folder.mkdir(parents=True)
    (folder / "0.bin").write_bytes(b"x")
    age(folder)
    assert kinds() == ["spool-left" if known else "spool-unknown"]
    assert repair() == [True]
    kept = list((spool_root() / "quarantine").glob("*/0.bin"))
    assert bool(kept) is not known


def test_scratch_file_left_in_the_spool_is_removed():
    spool_root().mkdir(parents=True)
    (spool_root() / "work-x").write_bytes(b"x")
    age(spool_root() / "work-x")
    assert kinds() == ["scratch-left"]
    assert repair() == [True]


# --- The command ------------------------------------------------------------------------


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_command_is_content_with_a_healthy_house(output):
    assert run() == ("Everything is in order.\n", 0)


def test_command_tells_and_ends_with_one(output):
    private(output.preview_path).unlink()
    text, code = run()
    assert code == 1
    assert "[preview-missing]" in text
    assert "1 repairable with --repair" in text


def test_command_repairs_and_ends_with_nought(output):
    private(output.preview_path).unlink()
    text, code = run("--repair")
    assert code == 0
    assert "1 found, 1 repaired." in text


def test_command_prints_one_json_object(output):
    private(output.path).unlink()
    text, code = run("--json")
    assert code == 1
    assert json.loads(text)["problems"][0]["kind"] == "original-missing"


def test_command_runs_single_checks(output):
    private(output.path).unlink()
    assert run("--check", "spool") == ("Everything is in order.\n", 0)


def test_unrepairable_problem_keeps_the_exit_code(output):
    private(output.path).unlink()
    private(output.preview_path).unlink()
    assert run("--repair")[1] == 1
