"""The doctor: rows against files both ways, hashes, orphans, stuck work; and repairs."""

import logging
from collections.abc import Callable, Iterable, Iterator

from imagegen.errors import ImagegenError, StorageProblem
from imagegen.services.doctor import originals, public, work
from imagegen.services.doctor.files import reading_all
from imagegen.services.doctor.problems import Problem
from providers.pool import ChildDied, ChildTimeout

__all__ = ["CHECKS", "Problem", "find_problems", "repair_problems"]

logger = logging.getLogger("imagegen")

# Work first: releasing a job may explain files; originals before the copies made from them.
CHECKS: dict[str, Callable[[], Iterator[Problem]]] = {
    "jobs": work.check_jobs,
    "calls": work.check_attempts,
    "spool": work.check_spool,
    "originals": originals.check_originals,
    "pictures in texts": originals.check_bundles,
    "private files": originals.check_private_files,
    "choices": work.check_choices,
    "renditions": public.check_renditions,
    "rendition files": public.check_rendition_files,
    "public copies": public.check_copies,
    "publication": public.check_drift,
    "public files": public.check_public_files,
}


def find_problems(only: Iterable[str] = (), *, deep: bool = False) -> list[Problem]:
    """All problems, check by check; `only` names some of `CHECKS`. Changes nothing.

    Files in object storage are held against its checksums; `deep` fetches them.
    """
    names, found = set(only), []
    with reading_all(deep):
        for name, check in CHECKS.items():
            if not names or name in names:
                found += _problems_of(name, check)
    return found


def _problems_of(name: str, check: Callable[[], Iterator[Problem]]) -> list[Problem]:
    found: list[Problem] = []
    try:
        found.extend(check())  # what was found before a failure stays
    except StorageProblem as error:
        message = f"The check “{name}” could not be ended. {error}"
        found.append(Problem(kind="storage-fails", subject=name, message=message))
    return found


def repair_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Apply each problem's remedy, in order; `repaired` says whether it worked."""
    done = []
    for problem in problems:
        problem.repaired = False
        if problem.remedy is not None:
            try:
                problem.repaired = problem.remedy()
            except (ImagegenError, ChildDied, ChildTimeout, OSError) as error:
                logger.error("Repair of %s (%s) failed: %s", problem.subject, problem.kind, error)
        done.append(problem)
    return done
