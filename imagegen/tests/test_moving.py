"""An archive moves whole, goes on being used meanwhile, and is switched at the end only."""

import os
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import CommandError

from imagegen import storage
from imagegen.errors import Refused, StorageProblem
from imagegen.models import NamedLease, PublicCopy, StorageRole
from imagegen.services import moving, outputs, publishing
from imagegen.services.doctor import find_problems
from imagegen.services.wording import bytes_text
from imagegen.services.workers import take_lease
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import choose, in_this_process, put_output  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process", "buckets")]


@pytest.fixture
def output():
    return put_output(hero_of(make_post()))


@pytest.fixture
def shown():
    """A published post whose pictures are served."""
    post = make_post(published=True)
    choose(hero_of(post))
    publishing.publish_pictures(post_id=post.pk)
    return post


def move(source="originals", target="originals_s3", **options):
    return moving.move_storage(source=source, target=target, **options)


def files_of(alias: str) -> set[str]:
    role = moving.role_for(alias)
    return {entry.name for entry in moving.entries(storages[alias], role)}


def test_move_takes_original_preview_and_sidecar(output):
    report = move()
    assert report.switched and report.carried == 3
    assert files_of("originals_s3") == {
        output.path,
        output.preview_path,
        outputs.sidecar_path(output.path),
    }


def test_moved_files_are_used_from_then_on(output):
    move()
    assert storage.originals() is storages["originals_s3"]
    assert storage.holds(storage.originals(), output.path, output.sha256)


def test_old_files_stay(output):
    move()
    assert storages["originals"].exists(output.path)


def test_new_pictures_go_to_the_new_storage(output):
    move()
    later = put_output(hero_of(make_post(title="Later")), seed=3)
    assert storages["originals_s3"].exists(later.path)
    assert not storages["originals"].exists(later.path)


def test_archive_comes_back_with_equal_bytes(output):
    before = storages["originals"].open(output.path).read()
    move()
    storages["originals"].delete(output.path)
    report = move("originals_s3", "originals", resume=True)
    assert (report.carried, report.present) == (1, 2)
    assert storage.originals().open(output.path).read() == before


def test_published_files_move(shown):
    names = files_of("published")
    report = move("published", "published_s3")
    assert report.switched and files_of("published_s3") == names and names


def test_renditions_go_along(shown):
    move()
    renditions = {name for name in files_of("originals_s3") if name.startswith("renditions/")}
    assert renditions


def test_moved_house_is_in_order(shown):
    move()
    move("published", "published_s3")
    assert [problem.message for problem in find_problems()] == []


def test_dry_run_only_counts(output):
    report = move(dry_run=True)
    assert (report.files, report.switched) == (3, False) and report.bytes > output.byte_size
    assert not files_of("originals_s3") and not StorageRole.objects.exists()


def test_file_that_is_made_meanwhile_is_taken_along(output, monkeypatch):
    made = []
    real = moving.Move._carry_batch

    def carry(self, pool, batch):
        real(self, pool, batch)
        if not made:
            made.append(put_output(hero_of(make_post(title="Meanwhile")), seed=5))

    monkeypatch.setattr(moving.Move, "_carry_batch", carry)
    move()
    assert made[0].path in files_of("originals_s3")


def test_file_of_a_process_that_had_not_heard_is_fetched_after_the_switch(output, monkeypatch):
    name = "originals/late.png"
    monkeypatch.setattr(
        moving, "wait_until_heard", lambda: storages["originals"].save(name, ContentFile(b"late"))
    )
    move()
    assert name in files_of("originals_s3")


def test_sidecar_that_changes_meanwhile_is_carried_anew(output, monkeypatch):
    real = moving.Move._switch
    name = outputs.sidecar_path(output.path)

    def switch(self, alias):
        real(self, alias)
        storages["originals"].delete(name)
        storages["originals"].save(name, ContentFile(b'{"new": 1}'))

    monkeypatch.setattr(moving.Move, "_switch", switch)
    move()
    assert storages["originals_s3"].open(name).read() == b'{"new": 1}'


def test_picture_withdrawn_meanwhile_is_not_left_in_public(shown, monkeypatch):
    gone = PublicCopy.objects.live().first()
    monkeypatch.setattr(
        moving, "wait_until_heard", lambda: PublicCopy.objects.filter(path=gone.path).delete()
    )
    move("published", "published_s3")
    assert gone.path not in files_of("published_s3")


def test_picture_withdrawn_after_the_move_is_not_left_in_public(shown):
    assert move("published", "published_s3").switched
    publishing.withdraw_post(post=shown)
    publishing.publish_pictures(post_id=shown.pk)
    assert files_of("published") == set()


def test_old_storage_that_fails_holds_up_no_withdrawal(shown, monkeypatch):
    move("published", "published_s3")

    def refuse(name):
        raise StorageProblem("It does not answer.")

    monkeypatch.setattr(storages["published"], "delete", refuse)
    publishing.withdraw_post(post=shown)
    publishing.publish_pictures(post_id=shown.pk)
    assert files_of("published_s3") == set()


def test_failure_switches_nothing(output, buckets):
    buckets.faults = [("PUT", "403")]
    report = move()
    assert report.problems and not report.switched
    assert storage.originals() is storages["originals"]


def test_storage_that_fails_after_the_switch_is_told(output, buckets, monkeypatch):
    late = ContentFile(b"late")
    monkeypatch.setattr(
        moving,
        "wait_until_heard",
        lambda: (
            storages["originals"].save("originals/late.png", late),
            buckets.faults.append(("PUT", "403")),
        ),
    )
    report = move()
    assert report.switched and "refused" in report.problems[0]


def test_move_that_failed_is_resumed(output, buckets):
    buckets.faults = [("PUT", "403")]
    move()
    report = move(resume=True)
    assert report.switched and report.present == 2 and report.carried == 1


def test_resumed_move_sends_nothing_twice(output, buckets):
    move()
    StorageRole.objects.all().delete()
    buckets.calls.clear()
    move(resume=True)
    assert "PUT" not in buckets.calls


def test_wrong_file_in_the_new_storage_is_replaced(output):
    storages["originals_s3"].save(output.path, ContentFile(b"other"))
    move(resume=True)
    assert storage.holds(storages["originals_s3"], output.path, output.sha256)


def test_filled_storage_is_not_moved_to_by_accident(output):
    storages["originals_s3"].save("originals/x.png", ContentFile(b"other"))
    with pytest.raises(Refused, match="--resume"):
        move()


def test_damaged_original_is_carried_and_told(output):
    path = storages["originals"].path(output.path)
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"x")
    report = move()
    assert report.switched and output.path in report.damaged[0]


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("originals", "published_s3", "cannot take"),
        ("originals_s3", "originals", "in the storage “originals”"),
        ("originals", "originals_tape", "not set up"),
        ("staticfiles", "originals", "no storage of"),
    ],
)
def test_move_that_cannot_be_is_refused(source, target, told):
    with pytest.raises(Refused, match=told):
        move(source, target)


def test_two_moves_do_not_meet(output):
    take_lease(name=moving.LEASE, owner="another", seconds=60)
    with pytest.raises(Refused, match="Another move"):
        move()


def test_move_that_lost_its_lease_stops_at_once(output, monkeypatch):
    monkeypatch.setattr(moving, "BATCH", 1)
    answers = iter([True])
    monkeypatch.setattr(moving.workers, "take_lease", lambda **lease: next(answers, False))
    report = moving.move_storage(source="originals", target="originals_s3")
    assert (report.carried, report.problems) == (1, ["Another move has taken over."])


def test_move_ends_its_lease(output):
    move()
    assert NamedLease.objects.get(name=moving.LEASE).until is None


def test_storage_that_is_not_set_up_any_more_is_told(settings):
    StorageRole.objects.create(role="originals", alias="originals_gone")
    with pytest.raises(StorageProblem, match="not set up here"):
        storage.originals()


# --- The command ------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("move_storage", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_command_tells_what_it_did_and_what_stays(output):
    told = run("originals", "originals_s3")
    assert "3 files carried" in told and "prune --old-storage" in told


def test_command_tells_how_much_there_is(output):
    assert "3 files," in run("originals", "originals_s3", "--dry-run")


def test_command_fails_where_a_file_did(output, buckets):
    buckets.faults = [("PUT", "403")]
    with pytest.raises(SystemExit) as ended:
        run("originals", "originals_s3")
    assert ended.value.code == 1


@pytest.mark.parametrize(("now", "told"), [("originals", "--resume"), ("originals_s3", "doctor")])
def test_command_that_is_stopped_says_how_to_go_on(monkeypatch, now, told):
    def stop(**options):
        StorageRole.objects.create(role="originals", alias=now)
        raise KeyboardInterrupt

    monkeypatch.setattr("imagegen.management.commands.move_storage.move_storage", stop)
    with pytest.raises(CommandError, match=told):
        run("originals", "originals_s3")


def test_command_says_why_nothing_started():
    with pytest.raises(CommandError, match="not set up") as problem:
        run("originals", "originals_tape")
    assert problem.value.returncode == 2


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (4200, "4.2 kB"), (999_999, "1.0 MB"), (31e6, "31.0 MB")],
)
def test_sizes_are_for_people(count, text):
    assert bytes_text(int(count)) == text
