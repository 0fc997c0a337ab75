"""A storage that fails costs time and no picture: nothing partial, nothing lost, one call.

Each fault meets a picture on its way from a provider into the store; then the store is well
again and the same picture is stored from the spool.
"""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from imagegen.errors import StorageProblem
from imagegen.models import GenerationJob, ImageOutput, StorageRole
from imagegen.services import engine
from imagegen.services.spool import Spool
from imagegen.storage import PART_SUFFIX, DurableFileSystemStorage, hash_path, holds
from imagegen.tests.factories import hero_of, make_batch, make_post, make_stub, only_job
from imagegen.tests.stored import in_this_process  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]
JobState = GenerationJob.State
DISK_BYTES = 64 * 1024


@pytest.fixture
def job(tmp_path):
    """A hero that is asked for."""
    return only_job(make_batch([hero_of(make_post())], make_stub(tmp_path, price="0.04")))


def work(job) -> GenerationJob:
    """Let the engine try now, whatever the job waits for."""
    GenerationJob.objects.update(run_after=None)
    engine.work()
    return GenerationJob.objects.get(pk=job.pk)


def check_waits(job) -> None:
    """The job waits for the storage, and its picture lies whole in the spool."""
    assert (job.state, job.error["kind"]) == (JobState.QUEUED, "StorageProblem")
    assert Spool(job.attempts.get().key).finished_files()


def check_stored(job) -> None:
    """One call, one original, whole."""
    assert (job.state, job.attempts.count()) == (JobState.STORED, 1)
    output = ImageOutput.objects.get()
    alias = StorageRole.objects.filter(role="originals").values_list("alias", flat=True).first()
    assert holds(storages[alias or "originals"], output.path, output.sha256)


# --- Object storage ---------------------------------------------------------------------


@pytest.fixture
def bucket(buckets):
    """Originals go to a bucket."""
    StorageRole.objects.create(role="originals", alias="originals_s3")
    return buckets


@pytest.mark.parametrize("fault", ["503", "403", "cut", "wrong"])
def test_store_that_fails_is_waited_for(bucket, job, fault):
    bucket.faults = [("PUT", fault)] * 9
    job = work(job)
    check_waits(job)
    assert not bucket.objects
    bucket.faults = []
    check_stored(work(job))


def test_store_that_never_answers_is_looked_at(bucket, job):
    bucket.faults = [("PUT", "lost")] * 3
    check_stored(work(job))
    assert len(bucket.objects) == bucket.calls.count("PUT")


def test_store_that_is_down_is_waited_for(bucket, job):
    bucket.faults = [("HEAD", "503")] * 9
    job = work(job)
    check_waits(job)
    bucket.faults = []
    check_stored(work(job))


def test_sentence_of_a_waiting_job_names_no_key(bucket, job):
    bucket.faults = [("PUT", "403")]
    message = work(job).error["message"]
    assert "refused the access key" in message and "AKIA" not in message


# --- Local disks ------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path, settings, monkeypatch):
    """A private storage on a disk of its own, 64 KB; `fill` and `lock` it, `heal` it again.

    Where this account may not mount one, writing fails by our own hand instead.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    options = {"location": folder, "base_url": None}
    settings.STORAGES = {
        **settings.STORAGES,
        "originals": {**settings.STORAGES["originals"], "OPTIONS": options},
    }
    mounted = _mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder))
    yield _real_disk(folder) if mounted else _pretended_disk(monkeypatch)
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> bool:
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    return done.returncode == 0


def _real_disk(folder: Path) -> SimpleNamespace:
    ballast = folder / "ballast"

    def fill(room: int = 8192) -> None:
        """Leave room for the picture and not for its sidecar; without it for nothing."""
        with open(ballast, "wb", buffering=0) as file:
            file.write(b"x" * (DISK_BYTES - room))

    def heal() -> None:
        _mount("-o", f"remount,rw,size={64 * DISK_BYTES}", str(folder))

    return SimpleNamespace(
        fill=fill,
        overfill=lambda: fill(room=0),
        lock=lambda: _mount("-o", "remount,ro", str(folder)),
        heal=heal,
    )


def _pretended_disk(monkeypatch) -> SimpleNamespace:
    real = DurableFileSystemStorage._write

    def failing(number: int) -> None:
        class Torn(ContentFile):
            def chunks(self, chunk_size=None):
                yield b"half of it"
                raise OSError(number, os.strerror(number))

        monkeypatch.setattr(
            DurableFileSystemStorage,
            "_write",
            lambda self, final, content: real(self, final, Torn(b"")),
        )
        monkeypatch.setattr(DurableFileSystemStorage, "take_file", lambda *args: False)

    return SimpleNamespace(
        fill=lambda: failing(28),
        overfill=lambda: failing(28),
        lock=lambda: failing(30),
        heal=lambda: monkeypatch.setattr(DurableFileSystemStorage, "_write", real),
    )


def check_nothing_partial(job, folder: Path) -> None:
    """What has a final name is whole, and nothing else is left."""
    received = {file.sha256 for file in Spool(job.attempts.get().key).finished_files()}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "ballast"]
    assert not [path for path in files if path.suffix == PART_SUFFIX]
    assert {hash_path(path) for path in files if path.suffix == ".png"} <= received


@pytest.mark.parametrize("way", ["fill", "overfill", "lock"])
def test_disk_that_takes_nothing_is_waited_for(disk, job, tmp_path, way):
    getattr(disk, way)()
    job = work(job)
    check_waits(job)
    check_nothing_partial(job, tmp_path / "disk")
    disk.heal()
    check_stored(work(job))


@pytest.mark.parametrize(("way", "told"), [("fill", "no space left"), ("lock", "read-only")])
def test_disk_that_takes_nothing_is_told_in_a_sentence(disk, tmp_path, way, told):
    getattr(disk, way)()
    with pytest.raises(StorageProblem, match=told) as problem:
        storages["originals"].save("originals/x.png", ContentFile(os.urandom(DISK_BYTES)))
    assert str(tmp_path) not in str(problem.value)
