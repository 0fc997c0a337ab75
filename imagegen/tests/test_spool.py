"""The spool: what it says is complete, is complete and on disk."""

import os
from decimal import Decimal
from uuid import uuid4

from imagegen.services.spool import Spool, spooled_keys
from imagegen.storage import hash_path
from providers.types import Result, SpoolFile


def spooled(key: str, data: bytes) -> SpoolFile:
    with Spool(key).open_file() as writer:
        writer.write(data)
        return writer.close_file()


def test_closed_file_has_size_and_hash():
    file = spooled("k", b"abc")
    assert (file.size, file.sha256[:8]) == (3, "ba7816bf")


def test_file_written_by_another_process_is_measured():
    with Spool("k").open_file() as writer:
        with open(writer.path, "wb") as other:
            other.write(b"abc")
        assert writer.close_file().size == 3


def test_left_without_closing_nothing_stays():
    with Spool("k").open_file() as writer:
        writer.write(b"abc")
    assert Spool("k").finished_files() == [] and list(Spool("k").folder.iterdir()) == []


def test_worker_that_was_given_up_writes_into_no_file_of_its_successor():
    with Spool("k").open_file() as lost, Spool("k").open_file() as successor:
        lost.write(b"lost")
        successor.write(b"received")
        file = successor.close_file()
        os.link(file.path, original := f"{file.path}.original")
        lost.write(b" and late")
        lost.close_file()
        assert hash_path(file.path) == hash_path(original) == file.sha256


def test_second_file_gets_another_name():
    spool = Spool("k")
    names = set()
    for _ in range(2):
        with spool.open_file() as writer:
            names.add(writer.close_file().path)
    assert len(names) == 2


def test_result_is_there_only_after_commit():
    file = spooled("k", b"abc")
    assert Spool("k").read_result() is None
    Spool("k").commit(Result(files=(file,), cost=Decimal("0.04"), seed=7))
    again = Spool("k").read_result()
    assert again.files == (file,) and again.cost == Decimal("0.04")


def test_moved_spool_is_still_read(settings, tmp_path):
    Spool("k").commit(Result(files=(spooled("k", b"abc"),)))
    moved = tmp_path / "elsewhere"
    settings.SPOOL_DIR.rename(moved)
    settings.SPOOL_DIR = moved
    assert Spool("k").read_result().files[0].path.startswith(str(moved))


def test_quarantined_file_leaves_the_folder():
    key = str(uuid4())
    Spool(key).quarantine(spooled(key, b"abc").path)
    assert Spool(key).finished_files() == [] and list(spooled_keys()) == [key]


def test_foreign_folders_are_no_answers(settings):
    for name in ("lost+found", "quarantine"):
        (settings.SPOOL_DIR / name).mkdir(parents=True)
    assert list(spooled_keys()) == []
