"""A received file on its way into the store."""

import json
import os
import uuid
from pathlib import Path

import pytest
from django.core.files.storage import storages

from imagegen.errors import StorageProblem, Undecodable
from imagegen.models import ImageSlot
from imagegen.services import outputs
from imagegen.tests import pictures as made
from providers.pool import ChildDied, ChildTimeout, PoolUnavailable

NAME = uuid.UUID(int=7)
FOLDER = "originals/posts/3/hero"


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Child functions run here: the pool has tests of its own."""
    monkeypatch.setattr(outputs, "run_in_child", lambda function, *args, timeout: function(*args))


@pytest.fixture
def received(tmp_path) -> Path:
    path = tmp_path / "0.bin"
    path.write_bytes(made.png())
    return path


def store(received: Path, **facts) -> outputs.StoredOriginal:
    examined = outputs.examine_file(received)
    return outputs.store_original(
        source_path=received, examined=examined, directory=FOLDER, name=NAME, sidecar=facts
    )


def test_received_bytes_are_stored_untouched(received):
    stored = store(received)
    assert stored.path == f"{FOLDER}/{NAME}.png"
    assert storages["originals"].open(stored.path).read() == received.read_bytes()


def test_name_follows_the_bytes_not_the_claim(received):
    received.write_bytes(made.encoded(format="WEBP"))
    assert store(received).path.endswith(".webp")


def test_preview_and_sidecar_lie_in_their_places(received):
    stored = store(received, seed=5)
    storage = storages["originals"]
    assert stored.preview_path == f"previews/posts/3/hero/{NAME}.jpg"
    assert storage.exists(stored.preview_path)
    assert json.loads(storage.open(f"{FOLDER}/{NAME}.json").read()) == {"seed": 5}


def test_storing_leaves_nothing_beside_the_received_file(received):
    store(received)
    assert [name for name in os.listdir(received.parent) if "preview" in name] == []


def test_storing_again_changes_nothing(received):
    assert store(received, first=True) == store(received, second=True)
    sidecar = storages["originals"].open(f"{FOLDER}/{NAME}.json").read()
    assert json.loads(sidecar) == {"first": True}


def test_other_bytes_under_a_used_name_are_a_problem(received):
    store(received)
    received.write_bytes(made.png(seed=3))
    with pytest.raises(StorageProblem):
        store(received)


def test_undecodable_file_leaves_no_preview(received):
    received.write_bytes(made.HTML)
    with pytest.raises(Undecodable):
        outputs.examine_file(received)
    assert not os.path.exists(outputs.preview_beside(received))


def test_received_file_that_is_gone_is_a_storage_problem(tmp_path):
    with pytest.raises(StorageProblem, match="gone"):
        outputs.examine_file(tmp_path / "nothing")


@pytest.mark.parametrize("death", [ChildDied("exit code -9"), ChildTimeout("too long")])
def test_a_dead_child_is_tried_once_more(received, monkeypatch, death):
    answers = iter([death, None])

    def run(function, *args, timeout):
        problem = next(answers)
        if problem:
            raise problem
        return function(*args)

    monkeypatch.setattr(outputs, "run_in_child", run)
    assert outputs.examine_file(received).width == made.SIZE[0]


@pytest.mark.parametrize(
    "trouble", [PoolUnavailable("No process."), OSError(28, "No space left on device")]
)
def test_trouble_of_the_machine_is_not_the_files_fault(received, monkeypatch, trouble):
    def run(*args, timeout):
        raise trouble

    monkeypatch.setattr(outputs, "run_in_child", run)
    with pytest.raises(StorageProblem, match="could not be looked at"):
        outputs.examine_file(received)


@pytest.mark.parametrize(
    ("death", "words"),
    [(ChildDied("x"), "brought its decoder down"), (ChildTimeout("x"), "within")],
)
def test_a_file_that_kills_twice_is_undecodable(received, monkeypatch, death, words):
    def run(*args, timeout):
        raise death

    monkeypatch.setattr(outputs, "run_in_child", run)
    with pytest.raises(Undecodable, match=words):
        outputs.examine_file(received)


@pytest.mark.parametrize(
    ("slot", "folder"),
    [
        (ImageSlot(pk=9, post_id=3, role="hero"), "originals/posts/3/hero"),
        (ImageSlot(pk=9, post_id=3, role="section", section_id=5), "originals/posts/3/5"),
        (ImageSlot(pk=9, post_id=3, role="section"), "originals/posts/3/place-9"),
        (ImageSlot(pk=9, role="hero"), "originals/posts/removed/place-9"),
    ],
)
def test_folder_follows_the_place(slot, folder):
    assert outputs.original_directory(slot) == folder


def test_tests_lie_apart_by_day():
    assert outputs.original_directory(None).startswith("originals/tests/20")


def test_output_fields_are_columns(received):
    fields = outputs.output_fields(outputs.examine_file(received), store(received))
    assert (fields["format"], fields["width"], fields["height"]) == ("PNG", *made.SIZE)
    assert fields["byte_size"] == len(made.png())


def test_scratch_file_goes_whatever_happens(settings):
    with pytest.raises(ValueError, match="oh"), outputs.scratch_file() as path:
        Path(path).write_bytes(b"x")
        raise ValueError("oh")
    assert os.listdir(settings.SPOOL_DIR) == []


def test_the_real_pool_examines_and_refuses(tmp_path, monkeypatch):
    monkeypatch.undo()
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(made.png())
    bad.write_bytes(made.SVG)
    assert outputs.examine_file(good).format == "PNG"
    with pytest.raises(Undecodable, match="SVG"):
        outputs.examine_file(bad, upload=True)
