"""Files are whole or absent, and never replaced."""

import hashlib
import os
import stat
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage, storages

from imagegen.errors import StorageProblem
from imagegen.storage import DurableFileSystemStorage, hash_file, local_copy, save_file

BYTES = b"picture" * 1000
DIGEST = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def storage(tmp_path) -> DurableFileSystemStorage:
    return DurableFileSystemStorage(location=tmp_path / "files", base_url=None)


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(BYTES)
    return path


class RemoteStorage(Storage):
    """A storage without local paths, as object stores are."""

    def _open(self, name, mode="rb"):
        return ContentFile(BYTES)


class TornFile(ContentFile):
    """A file that breaks off in the middle of being read, as a full disk breaks a write."""

    def chunks(self, chunk_size=None):
        yield BYTES[:100]
        raise OSError(28, "No space left on device")


def test_file_is_stored_whole(storage, source):
    save_file(storage, "a/b/c.png", source, DIGEST)
    assert Path(storage.path("a/b/c.png")).read_bytes() == BYTES
    assert os.listdir(storage.path("a/b")) == ["c.png"]


@pytest.fixture
def received(settings) -> Path:
    """A file in our own scratch folder."""
    path = Path(settings.SPOOL_DIR) / "received.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(BYTES)
    return path


def test_file_of_our_own_scratch_folder_is_taken_without_a_copy(storage, received):
    save_file(storage, "a/c.png", received, DIGEST)
    assert os.path.samefile(storage.path("a/c.png"), received)


def test_taken_file_outlives_its_scratch_name(storage, received):
    save_file(storage, "a/c.png", received, DIGEST)
    received.unlink()
    assert stat.S_IMODE(os.stat(storage.path("a/c.png")).st_mode) == 0o640
    assert hash_file(storage, "a/c.png") == DIGEST


def test_taken_file_that_was_hashed_where_it_lies_is_not_read_again(storage, received, monkeypatch):
    monkeypatch.setattr("imagegen.storage.hash_file", pytest.fail)
    save_file(storage, "a/c.png", received, DIGEST, hashed=True)


def test_copy_is_read_back_even_if_its_source_was_hashed(storage, source):
    with pytest.raises(StorageProblem, match="does not hold the bytes"):
        save_file(storage, "a/c.png", source, "0" * 64, hashed=True)


def test_file_of_somebody_else_is_copied(storage, source):
    save_file(storage, "a/c.png", source, DIGEST)
    assert not os.path.samefile(storage.path("a/c.png"), source)


def test_taken_file_never_replaces_another(storage, received):
    storage.save("a/c.png", ContentFile(b"other"))
    with pytest.raises(StorageProblem, match="there already"):
        storage.take_file("a/c.png", received)


def test_interrupted_write_leaves_nothing(storage):
    with pytest.raises(StorageProblem, match="no space left") as problem:
        storage.save("a/c.png", TornFile(BYTES))
    assert os.listdir(storage.path("a")) == []
    assert str(storage.location) not in str(problem.value)


def test_stored_file_is_never_replaced(storage):
    storage.save("c.png", ContentFile(b"first"))
    with pytest.raises(StorageProblem, match="is there already"):
        storage.save("c.png", ContentFile(b"second"))
    assert storage.open("c.png").read() == b"first"


def test_same_bytes_again_are_fine(storage, source):
    save_file(storage, "c.png", source, DIGEST)
    save_file(storage, "c.png", source, DIGEST)


def test_other_bytes_under_the_name_are_a_problem(storage, source):
    storage.save("c.png", ContentFile(b"other"))
    with pytest.raises(StorageProblem, match="does not hold the bytes"):
        save_file(storage, "c.png", source, DIGEST)


def test_other_bytes_than_announced_are_a_problem(storage, source):
    with pytest.raises(StorageProblem, match="does not hold the bytes"):
        save_file(storage, "c.png", source, "0" * 64)


def test_missing_source_is_a_problem(storage, tmp_path):
    with pytest.raises(StorageProblem, match="gone"):
        save_file(storage, "c.png", tmp_path / "nothing", DIGEST)


def test_folder_that_cannot_be_made_is_a_problem(storage, source):
    storage.save("a", ContentFile(b"a file, not a folder"))
    with pytest.raises(StorageProblem, match="could not be stored"):
        save_file(storage, "a/c.png", source, DIGEST)


def test_file_of_another_file_system_is_copied(storage, received, monkeypatch):
    def refuse(*names):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    save_file(storage, "a/c.png", received, DIGEST)
    assert hash_file(storage, "a/c.png") == DIGEST


def test_file_system_without_hard_links_is_good_enough(storage, source, monkeypatch):
    def refuse(*args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save_file(storage, "c.png", source, DIGEST)
    with pytest.raises(StorageProblem, match="is there already"):
        storage.save("c.png", ContentFile(b"second"))


@pytest.mark.parametrize(
    ("base_url", "mode"), [(None, 0o750), ("/media/", 0o755)], ids=["private", "public"]
)
def test_permissions_of_folders_do_not_follow_the_umask(tmp_path, base_url, mode):
    storage = DurableFileSystemStorage(tmp_path / "kept", base_url=base_url)
    before = os.umask(0o077)
    try:
        storage.save("a/b.png", ContentFile(b"1"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "kept" / "a").st_mode) == mode


@pytest.mark.parametrize(
    ("base_url", "mode"), [(None, 0o640), ("/media/", 0o644)], ids=["private", "public"]
)
def test_permissions_follow_who_may_read(tmp_path, base_url, mode):
    storage = DurableFileSystemStorage(location=tmp_path, base_url=base_url)
    storage.save("c.png", ContentFile(b"x"))
    assert stat.S_IMODE(os.stat(storage.path("c.png")).st_mode) == mode


def test_private_file_has_no_address(storage):
    with pytest.raises(ValueError, match="no public address"):
        storage.url("c.png")


def test_public_file_has_an_address():
    assert storages["published"].url("pictures/ab/c.jpg") == "/media/pictures/ab/c.jpg"


@pytest.mark.parametrize("name", ["../c.png", "a/../../c.png", "/etc/c.png"])
def test_name_outside_the_folder_is_refused(storage, name):
    with pytest.raises(Exception, match="(?i)suspicious|traversal|outside|detected"):
        storage.save(name, ContentFile(b"x"))


def test_deleting_what_is_not_there_is_fine(storage):
    storage.delete("nothing/there.png")


def test_hash_of_a_missing_file_is_a_problem(storage):
    with pytest.raises(StorageProblem, match="cannot be read"):
        hash_file(storage, "c.png")


def test_storage_that_would_rename_is_not_let(source):
    class Renaming(InMemoryStorage):
        def exists(self, name):
            return False

        def get_available_name(self, name, max_length=None):
            return f"other-{name}"

    storage = Renaming()
    with pytest.raises(StorageProblem, match="cannot be read"):
        save_file(storage, "c.png", source, DIGEST)
    assert storage.listdir("")[1] == []


def test_local_copy_of_a_local_file_is_the_file(storage, source):
    save_file(storage, "c.png", source, DIGEST)
    with local_copy(storage, "c.png") as path:
        assert path == storage.path("c.png")


def test_local_copy_of_a_remote_file_goes_again():
    with local_copy(RemoteStorage(), "c.png") as path:
        assert Path(path).read_bytes() == BYTES and path.endswith(".png")
    assert not Path(path).exists()


def test_local_copy_of_a_missing_file_is_a_problem(storage):
    with pytest.raises(StorageProblem, match="missing"), local_copy(storage, "c.png"):
        pass
