"""What is pruned is told first and needed by nothing; the ledger stays."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from imagegen.models import (
    Attempt,
    IllustrationPlan,
    ImageOutput,
    Rendition,
    ReviewEvent,
    StorageRole,
)
from imagegen.services import moving, outputs, pruning, publishing, review
from imagegen.services.doctor import find_problems
from imagegen.services.moving import entries
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]
LONG_AGO = timezone.now() - timedelta(days=100)


@pytest.fixture
def post():
    return make_post()


@pytest.fixture
def rejected(post) -> ImageOutput:
    """An image that was rejected 100 days ago."""
    output = put_output(hero_of(post))
    review.reject_output(output=output, user=None, reason="quality")
    ReviewEvent.objects.update(created_at=LONG_AGO)
    output.refresh_from_db()
    return output


@pytest.fixture
def trial(post, monkeypatch) -> ImageOutput:
    """An image of a test run 100 days ago."""
    monkeypatch.setattr(outputs, "original_directory", lambda slot: "originals/tests/2026-01-01")
    output = put_output(hero_of(post))
    ImageOutput.objects.update(created_at=LONG_AGO, slot=None, post=None)
    output.refresh_from_db()
    return output


def prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune", *arguments, stdout=out)
    return out.getvalue()


def is_there(output: ImageOutput) -> bool:
    names = (output.path, output.preview_path, outputs.sidecar_path(output.path))
    there = {storages["originals"].exists(name) for name in names}
    assert len(there) == 1
    assert ImageOutput.objects.filter(pk=output.pk).exists() in there
    return there.pop()


def test_nothing_goes_unless_told_twice(rejected):
    told = prune("--rejected", "90")
    assert "1 picture rejected more than 90 days ago" in told and "Say --yes" in told
    assert is_there(rejected)


def test_rejected_picture_goes_with_all_its_files(rejected):
    assert "1 removed" in prune("--rejected", "90", "--yes")
    assert not is_there(rejected)


def test_picture_that_was_rejected_lately_stays(rejected):
    prune("--rejected", "101", "--yes")
    assert is_there(rejected)


def test_picture_that_is_not_rejected_any_more_stays(rejected):
    review.undo_review(output=rejected, user=None)
    prune("--rejected", "90", "--yes")
    assert is_there(rejected)


def test_test_run_goes_by_age(trial):
    prune("--tests", "101", "--yes")
    assert is_there(trial)
    prune("--tests", "99", "--yes")
    assert not is_there(trial)


def test_approved_test_run_is_not_counted(trial):
    ImageOutput.objects.update(state=ImageOutput.State.APPROVED)
    assert "0 pictures of test runs older than 30 days" in prune("--tests", "30")


def test_picture_of_a_place_is_no_test_run(post):
    output = put_output(hero_of(post))
    ImageOutput.objects.update(created_at=LONG_AGO)
    prune("--tests", "1", "--yes")
    assert is_there(output)


def test_picture_that_others_were_made_from_stays(rejected, post):
    put_output(hero_of(post), seed=2, parent=rejected)
    prune("--rejected", "90", "--yes")
    assert is_there(rejected)


def test_reference_picture_of_a_plan_stays(trial, post):
    IllustrationPlan.objects.create(post=post, reference=trial)
    prune("--tests", "90", "--yes")
    assert is_there(trial)


def test_picture_that_an_open_job_names_stays(trial, post, tmp_path):
    job = only_job(make_batch([hero_of(post)], make_stub(tmp_path)))
    job.request = {**job.request, "reference_images": [f"image:{trial.uuid}"]}
    job.save()
    prune("--tests", "90", "--yes")
    assert is_there(trial)


def test_picture_that_came_to_be_used_meanwhile_stays(trial, post):
    found = pruning.old_tests(90)
    IllustrationPlan.objects.create(post=post, reference=trial)
    assert found.remove() == 0 and is_there(trial)


def test_picture_whose_rejection_is_taken_back_meanwhile_stays(rejected):
    told = pruning.old_rejected(90)
    review.undo_review(output=rejected, user=None)
    assert told.count == 1 and told.remove() == 0
    assert is_there(rejected)


def test_renditions_of_a_pruned_picture_go_along(rejected):
    name = "renditions/ab/cd.jpg"
    storages["originals"].save(name, ContentFile(b"1"))
    Rendition.objects.create(output=rejected, recipe={}, recipe_hash="x", path=name)
    prune("--rejected", "90", "--yes")
    assert not storages["originals"].exists(name)


def test_ledger_stays_and_is_in_order(post, tmp_path, rejected):
    job = only_job(make_batch([hero_of(post)], make_stub(tmp_path)))
    attempt = Attempt.objects.create(
        job=job, number=1, epoch=1, state=Attempt.State.STORED, connection_name="stub",
        model_name="stub-1", recovery="none", request_hash="0", cost=2,
    )  # fmt: skip
    ImageOutput.objects.update(attempt=attempt)
    prune("--rejected", "90", "--yes")
    attempt.refresh_from_db()
    assert attempt.cost == 2 and "pruned" in attempt.error["message"]
    assert not [p for p in find_problems(["calls"]) if p.kind == "attempt-without-image"]


def test_unused_renditions_go_and_used_ones_stay(post):
    shown = make_post(title="Shown", published=True)
    choose(hero_of(shown))
    publishing.publish_pictures(post_id=shown.pk)
    Rendition.objects.update(claimed_at=LONG_AGO)
    used = set(Rendition.objects.filter(copies__isnull=False).values_list("path", flat=True))
    prune("--renditions", "--yes")
    kept = {e.name for e in entries(storages["originals"], "originals") if "renditions" in e.name}
    assert used and kept == used


# --- What a move left -------------------------------------------------------------------


@pytest.fixture
def moved(buckets, post) -> ImageOutput:
    output = put_output(hero_of(post))
    moving.move_storage(source="originals", target="originals_s3")
    return output


def test_old_storage_is_emptied_once_the_new_one_has_all(moved):
    assert "3 removed" in prune("--old-storage", "originals", "--yes")
    assert not is_old(moved) and storages["originals_s3"].exists(moved.path)


def is_old(output) -> bool:
    return storages["originals"].exists(output.path)


def test_old_file_that_the_new_storage_lacks_stays(moved):
    storages["originals_s3"].delete(moved.path)
    with pytest.raises(SystemExit):
        prune("--old-storage", "originals", "--yes")
    assert is_old(moved)


def test_old_public_file_that_nothing_names_goes(buckets, tmp_path):
    name = "pictures/ab/withdrawn.jpg"
    storages["published"].save(name, ContentFile(b"1"))
    StorageRole.objects.create(role="published", alias="published_s3")
    prune("--old-storage", "published", "--yes")
    assert not storages["published"].exists(name)


def test_storage_in_use_is_not_emptied(moved):
    with pytest.raises(CommandError, match="is in use"):
        prune("--old-storage", "originals_s3", "--yes")


# --- The command ------------------------------------------------------------------------


def test_command_wants_to_know_what():
    with pytest.raises(CommandError, match="Say what"):
        prune("--yes")


@pytest.mark.parametrize("days", ["0", "-1", "some"])
def test_days_are_a_number_of_at_least_one(days):
    with pytest.raises(CommandError, match="days"):
        prune("--tests", days)


def test_machines_get_one_object(rejected):
    told = json.loads(prune("--rejected", "90", "--json"))
    assert told["pruned"][0]["count"] == 1 and told["pruned"][0]["removed"] == 0
