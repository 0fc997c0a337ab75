"""Fixtures of several test modules."""

import pytest

from imagegen.tests.buckets import buckets, running_store, store  # noqa: F401
from imagegen.tests.factories import hero_of, make_post


@pytest.fixture
def console(client, editor):
    """The admin as an editor sees it."""
    client.force_login(editor)
    return client


@pytest.fixture
def slot(db):
    return hero_of(make_post())
