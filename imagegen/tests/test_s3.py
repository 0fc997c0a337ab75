"""Objects are whole or absent, never replaced, and what arrives is what was sent."""

import hashlib
import io
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File

from imagegen import s3_facts
from imagegen.errors import StorageProblem
from imagegen.s3 import DurableS3Storage
from imagegen.storage import hash_file, local_copy, save_file
from imagegen.tests.s3_server import LOST_SECONDS, FakeS3, checksum

BYTES = b"picture" * 1000
DIGEST = hashlib.sha256(BYTES).hexdigest()
NAME = "originals/a/c.png"
KEY = f"private/blog/{NAME}"


def make_storage(store: FakeS3, **options) -> DurableS3Storage:
    storage = DurableS3Storage(
        bucket_name="private",
        endpoint_url=store.url,
        region_name="eu-north-1",
        addressing_style="path",
        access_key="AKIAEXAMPLE",
        secret_key="sesame",
        location="blog",
        timeout=LOST_SECONDS / 5,
        **options,
    )
    storage.pauses = (0.0, 0.0)
    return storage


@pytest.fixture
def storage(store) -> DurableS3Storage:
    return make_storage(store)


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(BYTES)
    return path


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(s3_facts, "PART_BYTES", 3000)


def test_file_is_stored_whole_under_its_prefix(storage, store, source):
    save_file(storage, NAME, source, DIGEST)
    assert store.objects[KEY].data == BYTES


def test_object_is_labelled(store, source):
    save_file(make_storage(store, encryption="aws:kms:key-1"), NAME, source, DIGEST)
    labels = store.objects[KEY].headers
    assert labels["content-type"] == "image/png"
    assert labels["x-amz-server-side-encryption"] == "aws:kms"
    assert labels["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"


def test_stored_file_is_never_replaced(storage, store):
    storage.save(NAME, ContentFile(b"first"))
    with pytest.raises(StorageProblem, match="is there already"):
        storage.save(NAME, ContentFile(b"second"))
    assert store.objects[KEY].data == b"first"


def test_same_bytes_again_are_fine(storage, source):
    save_file(storage, NAME, source, DIGEST)
    save_file(storage, NAME, source, DIGEST)


def test_same_bytes_of_somebody_quicker_are_fine(storage, store, source, monkeypatch):
    save_file(storage, NAME, source, DIGEST)
    kept = store.objects.pop(KEY)
    real = store.fault
    # The other one stores it between our look and our write.
    put = {"PUT": {KEY: kept}}
    monkeypatch.setattr(
        store, "fault", lambda name: store.objects.update(put.get(name, {})) or real(name)
    )
    save_file(storage, NAME, source, DIGEST)


def test_other_bytes_under_the_name_are_a_problem(storage, source):
    storage.save(NAME, ContentFile(b"other"))
    with pytest.raises(StorageProblem, match="does not hold the bytes"):
        save_file(storage, NAME, source, DIGEST)


def test_stored_bytes_are_not_read_again_to_verify_them(storage, store, source):
    save_file(storage, NAME, source, DIGEST)
    assert "GET" not in store.calls


def test_store_that_keeps_no_checksums_is_read_back(storage, store, source):
    store.checksums = False
    save_file(storage, NAME, source, DIGEST)
    assert "GET" in store.calls


@pytest.mark.parametrize("fault", ["503", "cut", "lost", "slow"])
def test_write_that_fails_once_is_made_good(storage, store, source, fault):
    store.faults = [("PUT", fault)]
    save_file(storage, NAME, source, DIGEST)
    assert store.objects[KEY].data == BYTES


def test_success_that_never_arrives_is_found_by_looking(storage, store, source):
    store.faults = [("PUT", "lost")]
    save_file(storage, NAME, source, DIGEST)
    assert store.calls.count("PUT") == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [("503", "overloaded"), ("cut", "connection"), ("403", "refused the access key")],
)
def test_write_that_keeps_failing_leaves_nothing(storage, store, source, fault, told):
    store.faults = [("PUT", fault)] * 9
    with pytest.raises(StorageProblem, match=told):
        save_file(storage, NAME, source, DIGEST)
    assert not store.objects


def test_refusal_is_not_repeated(storage, store, source):
    store.faults = [("PUT", "403")] * 9
    with pytest.raises(StorageProblem):
        save_file(storage, NAME, source, DIGEST)
    assert store.calls.count("PUT") == 1


def test_problem_names_no_key_and_no_place(storage, store, source):
    store.faults = [("PUT", "403")]
    with pytest.raises(StorageProblem) as problem:
        save_file(storage, NAME, source, DIGEST)
    assert not {"AKIAEXAMPLE", "sesame", "/srv", "127.0.0.1"} & set(str(problem.value).split())


@pytest.mark.parametrize("checksums", [True, False])
def test_wrong_bytes_in_the_store_are_removed_again(storage, store, source, checksums):
    store.checksums = checksums
    store.faults = [("PUT", "wrong")]
    with pytest.raises(StorageProblem, match="removed again"):
        save_file(storage, NAME, source, DIGEST)
    assert not store.objects


def test_store_that_is_away_is_a_problem(source):
    with FakeS3() as store:
        storage = make_storage(store)
    with pytest.raises(StorageProblem, match="cannot be reached|failed|in time"):
        save_file(storage, NAME, source, DIGEST)


# --- Files in parts ---------------------------------------------------------------------


def test_large_file_goes_in_parts(storage, store, source, small_parts):
    save_file(storage, NAME, source, DIGEST)
    assert store.calls.count("PART") == 3
    assert store.objects[KEY].data == BYTES and not store.uploads


def test_large_file_is_never_replaced(storage, store, source, small_parts):
    storage.save(NAME, ContentFile(BYTES))
    with pytest.raises(StorageProblem, match="is there already"):
        storage.save(NAME, ContentFile(BYTES + b"!"))
    assert store.objects[KEY].data == BYTES and not store.uploads


@pytest.mark.parametrize("operation", ["CREATE", "PART", "COMPLETE"])
@pytest.mark.parametrize("fault", ["503", "lost"])
def test_part_that_fails_once_is_made_good(storage, store, source, small_parts, operation, fault):
    store.faults = [(operation, fault)]
    save_file(storage, NAME, source, DIGEST)
    assert store.objects[KEY].data == BYTES


def test_parts_of_a_failed_file_are_removed(storage, store, source, small_parts):
    store.faults = [("PART", "503")] * 9
    with pytest.raises(StorageProblem, match="overloaded"):
        save_file(storage, NAME, source, DIGEST)
    assert not store.uploads and not store.objects


def test_wrong_part_is_noticed(storage, store, source, small_parts):
    store.faults = [("PART", "wrong")]
    with pytest.raises(StorageProblem, match="removed again"):
        save_file(storage, NAME, source, DIGEST)
    assert not store.objects


def test_checksum_of_a_file_in_parts_is_not_taken_for_its_own(storage, source, small_parts):
    save_file(storage, NAME, source, DIGEST)
    assert storage.holds(NAME, DIGEST) and not storage.holds(NAME, "0" * 64)


# --- Reading ----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "cut", "lost"])
def test_read_that_fails_once_is_made_good(storage, store, source, fault):
    save_file(storage, NAME, source, DIGEST)
    store.faults = [("GET", fault)]
    assert hash_file(storage, NAME) == DIGEST


def test_read_that_keeps_being_cut_is_a_problem(storage, store, source):
    save_file(storage, NAME, source, DIGEST)
    store.faults = [("GET", "cut")] * 9
    with pytest.raises(StorageProblem, match="cannot be read"):
        storage.open(NAME)


def test_changed_bytes_are_noticed_when_reading(storage, store, source):
    save_file(storage, NAME, source, DIGEST)
    store.objects[KEY].data = b"x" * len(BYTES)
    with pytest.raises(StorageProblem, match=r"cannot be read|does not hold"):
        storage.open(NAME)


def test_missing_file_is_told_as_by_local_storage(storage):
    with pytest.raises(FileNotFoundError):
        storage.open(NAME)


def test_file_is_not_opened_for_writing(storage):
    with pytest.raises(ValueError, match="only be read"):
        storage.open(NAME, "wb")


def test_local_copy_is_verified_and_goes_again(storage, source):
    save_file(storage, NAME, source, DIGEST)
    with local_copy(storage, NAME) as path:
        assert Path(path).read_bytes() == BYTES and path.endswith(".png")
    assert not Path(path).exists()


def test_local_copy_of_a_missing_file_is_a_problem(storage):
    with pytest.raises(StorageProblem, match="missing"), local_copy(storage, NAME):
        pass


def test_size_time_and_presence(storage):
    storage.save(NAME, ContentFile(BYTES))
    assert storage.size(NAME) == len(BYTES)
    assert storage.get_modified_time(NAME).tzinfo is not None
    assert storage.exists(NAME) and not storage.exists("originals/b.png")


def test_deleting_what_is_not_there_is_fine(storage):
    storage.delete(NAME)


def test_folders_and_files_are_listed(storage, store):
    store.page = 1
    for name in ("x/a.png", "x/b.png", "x/y/c.png", "z.png"):
        storage.save(name, ContentFile(b"1"))
    assert storage.listdir("x") == (["y"], ["a.png", "b.png"])
    assert [name for name, *_ in storage.listing("x")] == ["x/a.png", "x/b.png", "x/y/c.png"]


def test_empty_object_that_a_console_lays_for_a_folder_is_no_file(storage):
    key = "private/blog/x/"
    storage.client.put_object(Bucket="private", Key=key, Body=b"", ChecksumSHA256=checksum(b""))
    assert list(storage.client.list_objects_v2(Bucket="private")["Contents"])
    assert list(storage.listing("x")) == []


@pytest.mark.parametrize("name", ["../c.png", "a/../../c.png", "/etc/c.png"])
def test_name_outside_the_prefix_is_refused(storage, name):
    with pytest.raises(SuspiciousFileOperation):
        storage.exists(name)


# --- Addresses --------------------------------------------------------------------------


def test_private_file_has_no_public_address(storage):
    with pytest.raises(ValueError, match="no public address"):
        storage.url(NAME)


def test_public_file_has_the_address_of_the_cdn(store):
    storage = make_storage(store, public_url="https://cdn.example.org/")
    assert storage.url("pictures/a b.jpg") == "https://cdn.example.org/blog/pictures/a%20b.jpg"


def test_public_file_without_a_cdn_is_served_by_the_site(store):
    assert make_storage(store, base_url="/media/").url("pictures/a.jpg") == "/media/pictures/a.jpg"


def test_signed_address_shows_the_file_for_a_while(storage, source):
    address = storage.signed_url(NAME, seconds=60, ResponseContentType="image/png")
    assert "X-Amz-Expires=60" in address and "response-content-type=image%2Fpng" in address


# --- Proofs -----------------------------------------------------------------------------


def test_composite_checksum_is_that_of_the_store(small_parts):
    pieces = [BYTES[:3000], BYTES[3000:6000], BYTES[6000:]]
    joined = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
    body = s3_facts.Body.of(File(io.BytesIO(BYTES)))
    assert body.composite == f"{checksum(joined)}-3" and list(body.parts()) == pieces


def test_torn_source_is_a_problem(storage, store):
    class Torn(ContentFile):
        def read(self, *args):
            raise OSError(28, "No space left on device")

    with pytest.raises(StorageProblem, match="no space left"):
        storage.save(NAME, Torn(BYTES))
    assert not store.objects
