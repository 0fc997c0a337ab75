"""Fixtures for every test: own folders for files, plain static files, people."""

import gc
import os

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

# All that is loaded and collected lives as long as the run; with Python's own thresholds half
# of the start goes into searching it for garbage.
gc.set_threshold(50_000, 20, 100)


def pytest_collection_finish():
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_flushing():
    """Nobody pulls the plug of a test: files are not forced onto the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_keys(request):
    """Keys of whoever runs the tests set up no providers; live tests keep them."""
    from providers.registry import BUILT_IN

    with pytest.MonkeyPatch.context() as patch:
        if "not live" in request.config.option.markexpr:
            for kind in BUILT_IN.values():
                for name in (kind.secret_name, f"{kind.secret_name}_FILE"):
                    patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """The same for the database, where it is a file."""
    from django.db import connection

    if connection.vendor == "sqlite":
        options = connection.settings_dict["OPTIONS"]
        options["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(autouse=True, scope="session")
def nothing_collected_or_queued(tmp_path_factory):
    """The folder of collected static files is empty; tasks are kept and not run."""
    tasks = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
    with override_settings(STATIC_ROOT=tmp_path_factory.mktemp("static"), TASKS=tasks):
        yield


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """Each test stores its files in a folder of its own; static files need no collecting."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "published"
    settings.SPOOL_DIR = tmp_path / "spool"
    storages = {name: dict(config) for name, config in settings.STORAGES.items()}
    storages["originals"]["OPTIONS"] = {"location": tmp_path / "private", "base_url": None}
    storages["published"]["OPTIONS"] = {"location": tmp_path / "published", "base_url": "/media/"}
    storages["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = storages


@pytest.fixture(autouse=True)
def roles_stay(monkeypatch):
    """Files lie where the settings say, without asking the database; `roles_move` asks it."""
    from imagegen import storage

    monkeypatch.setattr(storage, "_known", storage.KnownRoles({}, float("inf")))


@pytest.fixture
def roles_move(roles_stay, monkeypatch):
    """Which storage holds what is looked up at each use."""
    from imagegen import storage

    monkeypatch.setattr(storage, "ROLE_SECONDS", 0.0)
    storage.forget_roles()


@pytest.fixture
def make_user(db):
    """Makes a member of staff with the named groups; no password, log in by force."""

    def make(username: str, *groups: str, **fields):
        from django.contrib.auth.models import Group

        user = get_user_model()(username=username, is_staff=True, **fields)
        user.set_unusable_password()
        user.save()
        user.groups.set(Group.objects.filter(name__in=groups))
        return user

    return make


@pytest.fixture
def editor(make_user):
    """Generates, approves, overrides and reads drafts."""
    return make_user("alice", "Editors")


@pytest.fixture
def reviewer(make_user):
    """Approves and reads drafts, but cannot generate."""
    return make_user("bob", "Reviewers")


@pytest.fixture
def stranger(make_user):
    """Staff without any permission."""
    return make_user("charlie")


@pytest.fixture
def administrator(make_user):
    return make_user("dora", is_superuser=True)
