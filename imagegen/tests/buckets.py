"""Buckets on loopback beside the local storages, for tests."""

import pytest
from django.core.files.storage import storages

from imagegen.tests.s3_server import LOST_SECONDS, FakeS3


@pytest.fixture(scope="session")
def running_store():
    """One server for the whole run: a client for each would take longer than the tests."""
    with FakeS3() as store:
        yield store


@pytest.fixture
def store(running_store):
    """An object store that is up and empty."""
    running_store.reset()
    return running_store


@pytest.fixture
def buckets(store, settings, roles_move):
    """`originals_s3` and `published_s3` are set up, and nothing has moved there."""
    use_buckets(settings, store.url)
    for alias in ("originals_s3", "published_s3"):
        storages[alias].pauses = (0.0, 0.0)
    return store


def use_buckets(settings, address: str, timeout: float = LOST_SECONDS / 5) -> None:
    """Add the two buckets at `address` to STORAGES."""
    shared = {
        "endpoint_url": address,
        "region_name": "us-east-1",
        "addressing_style": "path",
        "access_key": "AKIAEXAMPLE",
        "secret_key": "sesame",
        "timeout": timeout,
    }
    backend = "imagegen.s3.DurableS3Storage"
    settings.STORAGES = {
        **settings.STORAGES,
        "originals_s3": {"BACKEND": backend, "OPTIONS": {**shared, "bucket_name": "private"}},
        "published_s3": {
            "BACKEND": backend,
            "OPTIONS": {**shared, "bucket_name": "public", "base_url": "/media/"},
        },
    }
