"""Hostile and odd files: each is refused with a sentence or taken rightly, and nobody dies.

Batches run in a child of the real pool, which ends a file that takes too long. The slowest
files are left to the exhaustive run: `pytest -m exhaustive imagegen/tests/test_corpus.py`.
"""

import os

import pytest

from imagegen.errors import Undecodable
from imagegen.services import outputs
from imagegen.tests import pictures as made
from imagegen.tests.corpus import CORPUS, MUTATED, look_at_large, look_at_mutated, look_at_part
from providers.pool import run_in_child

SLOW = [(part, name) for part in CORPUS for name, case in CORPUS[part].items() if case.slow]


def test_there_are_hundreds():
    assert sum(map(len, CORPUS.values())) >= 400


def quick(part):
    return [name for name in CORPUS[part] if (part, name) not in SLOW]


def test_hundreds_are_looked_at_by_default():
    assert sum(len(quick(part)[::2]) for part in CORPUS) >= 200


@pytest.mark.parametrize("part", CORPUS)
def test_every_other_quick_file(part, tmp_path):
    assert run_in_child(look_at_part, part, quick(part)[::2], str(tmp_path), timeout=50) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", CORPUS)
def test_the_other_quick_files(part, tmp_path):
    assert run_in_child(look_at_part, part, quick(part)[1::2], str(tmp_path), timeout=50) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(("part", "name"), SLOW)
def test_slow_file(part, name, tmp_path):
    path = tmp_path / "upload.png.exe"
    path.write_bytes(CORPUS[part][name].make())
    assert run_in_child(look_at_large, part, name, path, timeout=50) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("format", MUTATED)
def test_five_hundred_damaged_files(format, tmp_path):
    assert run_in_child(look_at_mutated, format, str(tmp_path), timeout=55) == []


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
