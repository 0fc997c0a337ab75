"""Functions that the tests of the pool run in child processes."""

import os
import sys
import time

from providers.errors import InvalidRequest


class Awkward(Exception):
    """An exception that pickle cannot read again."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def refuse() -> None:
    raise InvalidRequest("No.", code="c-1")


def awkward() -> None:
    raise Awkward("one", "two")


def time_out() -> None:
    raise TimeoutError("mine")


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def who(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def loaded(*names: str) -> list[str]:
    return [name for name in names if name in sys.modules]
