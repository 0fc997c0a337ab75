"""Fixtures of several test modules."""

from imagegen.tests.buckets import buckets, running_store, store  # noqa: F401
