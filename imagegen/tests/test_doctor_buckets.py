"""The doctor looks after files in object storage as after local ones."""

import pytest
from django.core.files.storage import storages

from imagegen.services import moving, outputs, publishing
from imagegen.services.doctor import find_problems, repair_problems
from imagegen.storage import holds
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.s3_server import checksum
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process", "buckets")]


@pytest.fixture
def output():
    """An original that was moved to a bucket."""
    output = put_output(hero_of(make_post()))
    moving.move_storage(source="originals", target="originals_s3")
    return output


def kinds(**options) -> list[str]:
    return [problem.kind for problem in find_problems(**options)]


def lose_old_files(output) -> None:
    for name in (output.path, output.preview_path, outputs.sidecar_path(output.path)):
        storages["originals"].delete(name)


def test_originals_are_not_fetched(output, buckets):
    buckets.calls.clear()
    assert kinds() == []
    assert buckets.calls.count("GET") == 1  # the sidecar


def test_deep_look_fetches_them(output, buckets):
    kept = buckets.objects[f"private/{output.path}"]
    kept.data = b"x" * len(kept.data)
    assert kinds() == []
    assert kinds(deep=True) == ["original-unreadable"]


def test_changed_object_is_noticed_by_its_checksum(output, buckets):
    kept = buckets.objects[f"private/{output.path}"]
    kept.data, kept.sha256 = b"other", checksum(b"other")
    assert kinds() == ["original-changed"]


def test_missing_original_is_taken_from_the_old_storage(output):
    storages["originals_s3"].delete(output.path)
    problems = repair_problems(find_problems())
    assert [problem.repaired for problem in problems] == [True]
    assert holds(storages["originals_s3"], output.path, output.sha256)


def test_missing_original_without_another_copy_stays_a_problem(output):
    lose_old_files(output)
    storages["originals_s3"].delete(output.path)
    assert [problem.repairable for problem in find_problems()] == [False]


def test_missing_preview_is_made_again(output):
    storages["originals_s3"].delete(output.preview_path)
    assert [problem.repaired for problem in repair_problems(find_problems())] == [True]
    assert kinds() == []


def test_public_copy_in_a_bucket_is_made_again(buckets):
    post = make_post(published=True)
    choose(hero_of(post))
    publishing.publish_pictures(post_id=post.pk)
    moving.move_storage(source="published", target="published_s3")
    buckets.objects.pop(next(key for key in buckets.objects if key.startswith("public/")))
    problems = repair_problems(find_problems())
    assert problems and all(problem.repaired for problem in problems)


def test_storage_that_fails_is_told_and_the_rest_looked_at(output, buckets):
    buckets.faults = [("HEAD", "403")]
    assert "storage-fails" in kinds(only=["originals", "private files"])
