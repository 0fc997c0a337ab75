"""Hostile and odd files: each is refused with a sentence or taken rightly, and nobody dies.

Batches run in a child of the real pool, which ends a file that takes too long. The slowest
files are left to the exhaustive run: `pytest -m exhaustive imagegen/tests/test_corpus.py`.
"""

import os

import pytest

from imagegen.errors import Undecodable
from imagegen.services import outputs
from imagegen.tests import pictures as made
from imagegen.tests.corpus import CORPUS, look_at_part
from providers.pool import run_in_child


def batches(slow: bool) -> list:
    """The names of each part; slow ones alone, so that each has its own time."""
    found = []
    for part, corpus in CORPUS.items():
        names = [name for name, case in corpus.items() if case.slow is slow]
        found += [(part, [name]) for name in names] if slow else [(part, names)]
    return found


def named(value: object) -> str:
    return value if isinstance(value, str) else value[0] if len(value) == 1 else "all"


def test_there_are_hundreds():
    assert sum(map(len, CORPUS.values())) >= 400


@pytest.mark.parametrize(("part", "names"), batches(slow=False), ids=named)
def test_quick_files(part, names, tmp_path):
    assert run_in_child(look_at_part, part, names, str(tmp_path), timeout=50) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(("part", "names"), batches(slow=True), ids=named)
def test_slow_files(part, names, tmp_path):
    assert run_in_child(look_at_part, part, names, str(tmp_path), timeout=50) == []


def test_pool_lives_after_the_worst(tmp_path):
    """Through the service, as a worker takes files in: the next picture finds a child."""
    path = tmp_path / "0.bin"
    for part, name in [("png", "pixels without end"), ("webp", "canvas of 2^48 pixels")]:
        path.write_bytes(CORPUS[part][name].make())
        try:
            outputs.examine_file(path, upload=True)
        except Undecodable:
            assert not os.path.exists(outputs.preview_beside(path))
    path.write_bytes(made.png())
    assert outputs.examine_file(path).width == made.SIZE[0]


def test_files_are_the_same_each_time():
    for part, name in [("every", "JPEG with noise in it, 1"), ("avif", "grid of 2 by 2")]:
        assert CORPUS[part][name].make() == CORPUS[part][name].make()
