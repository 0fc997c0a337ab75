"""What can be misconfigured is told by a system check, with a hint."""

import os

import pytest

from imagegen import checks
from imagegen.models import StorageRole


def ids(messages) -> list[str]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


class Database:
    """A connection as the check sees it."""

    def __init__(self, vendor: str, **options):
        self.vendor = vendor
        self.settings_dict = {"OPTIONS": options}


GOOD = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;",
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"init_command": "PRAGMA foreign_keys=ON;"}, ["imagegen.E001"]),
        ({"transaction_mode": None}, ["imagegen.E002"]),
        ({"transaction_mode": "DEFERRED"}, ["imagegen.E002"]),
        ({"timeout": 1}, ["imagegen.E003"]),
        ({"timeout": None}, ["imagegen.E003"]),
    ],
)
def test_sqlite_needs_its_options(monkeypatch, changed, found):
    monkeypatch.setattr(checks, "connections", {"default": Database("sqlite", **GOOD | changed)})
    assert ids(checks.check_sqlite(None)) == found


def test_sqlite_without_any_option_is_refused_three_times(monkeypatch):
    monkeypatch.setattr(checks, "connections", {"default": Database("sqlite")})
    assert len(checks.check_sqlite(None)) == 3


def test_other_databases_need_no_such_options(monkeypatch):
    monkeypatch.setattr(checks, "connections", {"default": Database("postgresql")})
    assert checks.check_sqlite(None) == []


def test_shipped_settings_pass():
    for check in (checks.check_sqlite, checks.check_folders, checks.check_storages):
        assert check(None) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_told(tmp_path, settings):
    (tmp_path / "locked").mkdir(mode=0o500)
    settings.SPOOL_DIR = tmp_path / "locked" / "spool"
    assert ids(checks.check_folders(None)) == ["imagegen.E004"]


def test_folder_that_is_a_file_is_told(tmp_path, settings):
    (tmp_path / "file").write_text("x")
    settings.SPOOL_DIR = tmp_path / "file"
    assert ids(checks.check_folders(None)) == ["imagegen.E004"]


def test_folder_that_can_be_made_is_fine(tmp_path, settings):
    settings.SPOOL_DIR = tmp_path / "not" / "there" / "yet"
    assert checks.check_folders(None) == []


def test_missing_storage_is_told(settings):
    settings.STORAGES = {k: v for k, v in settings.STORAGES.items() if k != "published"}
    assert ids(checks.check_storages(None)) == ["imagegen.E005"]


def test_originals_inside_the_public_folder_are_refused(settings, tmp_path):
    inside = {"location": tmp_path / "published" / "private", "base_url": None}
    entry = settings.STORAGES["originals"] | {"OPTIONS": inside}
    settings.STORAGES = settings.STORAGES | {"originals": entry}
    assert ids(checks.check_storages(None)) == ["imagegen.E006"]


def test_switch_that_kills_is_refused_outside_tests(monkeypatch):
    monkeypatch.setenv("FAULTPOINT", "booked")
    assert ids(checks.check_faults(None)) == ["imagegen.E007"]


def with_buckets(settings, private: str, public: str) -> dict:
    entries = {
        f"{name}_s3": {
            "BACKEND": "imagegen.s3.DurableS3Storage",
            "OPTIONS": {"bucket_name": bucket},
        }
        for name, bucket in (("originals", private), ("published", public))
    }
    return settings.STORAGES | entries


@pytest.mark.parametrize(("public", "told"), [("one", ["imagegen.E009"]), ("two", [])])
def test_one_bucket_for_private_and_public_files_is_refused(settings, public, told):
    settings.STORAGES = with_buckets(settings, "one", public)
    assert ids(checks.check_buckets(None)) == told


def test_house_without_buckets_is_fine():
    assert checks.check_buckets(None) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("alias", "told"), [("originals_s3", []), ("originals_gone", ["imagegen.E010"])]
)
def test_files_in_a_storage_that_is_not_set_up_are_told(settings, roles_move, alias, told):
    settings.STORAGES = with_buckets(settings, "one", "two")
    StorageRole.objects.create(role="originals", alias=alias)
    assert ids(checks.check_roles(None, databases=["default"])) == told
