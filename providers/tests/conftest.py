import pytest

from providers.tests.sinks import FolderSink


@pytest.fixture
def sink(tmp_path):
    return FolderSink(tmp_path)
