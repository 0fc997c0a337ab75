"""Carrying an archive from one storage to another, verified, and switching at the end.

The storage in use goes on being used meanwhile: rounds are made until nothing new is found,
then the role is switched in one transaction, and what was written by processes that had not
heard of it yet is fetched after. The old files stay.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.core.files.storage import InvalidStorageError, Storage, storages
from django.db import transaction

from imagegen import storage as roles
from imagegen.errors import ImagegenError, Refused
from imagegen.models import PublicCopy, StorageRole
from imagegen.services import workers
from imagegen.services.holdings import (
    PUBLISHED,
    ROLES,
    Entry,
    batches,
    entries,
    known_hashes,
)
from imagegen.storage import hash_path, holds, local_copy, reason, save_file

LEASE, LEASE_SECONDS = "move storage", 120
THREADS = 8
BATCH = 16
ROUNDS = 20  # before the switch, while new files keep coming
MOST_PROBLEMS = 10  # more than that: the storage is not fit to be moved to now


@dataclass
class MoveReport:
    """What was found and carried. `problems` name files that could not be; they stop the
    switch. `damaged` name files that had changed before: they are carried as they are."""

    role: str
    files: int = 0
    bytes: int = 0
    carried: int = 0
    carried_bytes: int = 0
    present: int = 0
    problems: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    switched: bool = False
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Bytes carried in a second."""
        return self.carried_bytes / self.seconds if self.seconds else 0.0


def role_for(alias: str) -> str:
    """The role that a name of STORAGES can have: `originals` or `originals_…`. Refused if none."""
    for role in ROLES:
        if alias == role or alias.startswith(f"{role}_"):
            return role
    raise Refused(f"“{alias}” is no storage of originals or published files.")


def open_storage(alias: str) -> Storage:
    """A storage by its name in STORAGES. Refused where it is not set up."""
    try:
        return storages[alias]
    except InvalidStorageError as error:
        raise Refused(
            f"The storage “{alias}” is not set up: set its variables, such as S3_BUCKET_…, first."
        ) from error


def move_storage(
    *,
    source: str,
    target: str,
    dry_run: bool = False,
    resume: bool = False,
    tell: Callable[[MoveReport], None] = lambda report: None,
) -> MoveReport:
    """Carry all files of a role from `source` to `target` (names of STORAGES), then switch.

    `resume` goes on where files are in `target` already: what is there is compared and not sent
    again. `tell` hears of progress. Nothing is switched while a file could not be carried.
    Raises Refused.
    """
    move = _checked(source, target)
    if dry_run:
        for entry in entries(move.source, move.report.role):
            move.report.files += 1
            move.report.bytes += entry.size
        return move.report
    if not resume and next(entries(move.target, move.report.role), None) is not None:
        raise Refused(
            f"The storage “{target}” holds files already. Say --resume to go on: what is there "
            "is compared, and replaced where it differs."
        )
    with _alone() as stay:
        move.stay, move.tell = stay, tell
        move.run(target)
    return move.report


def _checked(source: str, target: str) -> "Move":
    role = role_for(source)
    if source == target or role_for(target) != role:
        raise Refused(f"“{target}” cannot take the files of “{source}”.")
    now = roles.alias_of(role)
    if now != source:
        raise Refused(f"The {role} files are in the storage “{now}”, not in “{source}”.")
    return Move(
        source=open_storage(source), target=open_storage(target), report=MoveReport(role=role)
    )


@contextmanager
def _alone() -> Iterator[Callable[[], bool]]:
    """One move at a time; the function that is given keeps the others off a while longer."""
    owner = uuid.uuid4().hex

    def stay() -> bool:
        return workers.take_lease(name=LEASE, owner=owner, seconds=LEASE_SECONDS)

    if not stay():
        raise Refused("Another move of files is under way, or was killed within two minutes.")
    try:
        yield stay
    finally:
        workers.drop_lease(name=LEASE, owner=owner)


def wait_until_heard() -> None:
    """Let every process hear of the switch: each remembers the roles for a moment."""
    time.sleep(roles.ROLE_SECONDS * 1.5)


@dataclass
class Move:
    """One move under way. `done` holds what was carried, by name with its stamp."""

    source: Storage
    target: Storage
    report: MoveReport
    done: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    stay: Callable[[], bool] = lambda: True
    tell: Callable[[MoveReport], None] = lambda report: None

    def run(self, alias: str) -> None:
        """Rounds until nothing is new, the switch, and a last round for late-comers."""
        for _ in range(ROUNDS):
            new = self._round()
            if self.report.problems:
                return
            if not new:
                break
        self._switch(alias)
        wait_until_heard()
        try:
            self._round()
            if self.report.role == PUBLISHED:
                self._remove_unnamed()
        except ImagegenError as error:
            self.report.problems.append(f"{error} Run manage.py doctor --repair.")

    def _switch(self, alias: str) -> None:
        with transaction.atomic():
            StorageRole.objects.update_or_create(role=self.report.role, defaults={"alias": alias})
        roles.forget_roles()
        self.report.switched = True

    def _round(self) -> int:
        """Carry what is new or changed since the last round. Returns how many there were."""
        found = 0
        new = (
            entry
            for entry in entries(self.source, self.report.role)
            if self.done.get(entry.name) != entry.stamp
        )
        with ThreadPoolExecutor(THREADS, "move") as pool:
            for batch in batches(new, BATCH):
                found += len(batch)
                self._carry_batch(pool, batch)
                if not self.stay():
                    self.report.problems.append("Another move has taken over.")
                    if not self.report.switched:  # else late-comers would be left behind
                        break
                if len(self.report.problems) > MOST_PROBLEMS:
                    self.report.problems.append("That is enough: the move was given up.")
                    break
        return found

    def _carry_batch(self, pool: ThreadPoolExecutor, batch: list[Entry]) -> None:
        known = known_hashes([entry.name for entry in batch], self.report.role)
        results = pool.map(lambda entry: self._carry(entry, known.get(entry.name, "")), batch)
        for entry, (outcome, text) in zip(batch, results, strict=True):
            self._note(entry, outcome, text)
        self.report.seconds = time.monotonic() - self.started
        self.tell(self.report)

    def _note(self, entry: Entry, outcome: str, text: str) -> None:
        report = self.report
        if outcome == "problem":
            report.problems.append(text)
            return
        if entry.name not in self.done:
            report.files += 1
            report.bytes += entry.size
        self.done[entry.name] = entry.stamp
        if outcome == "present":
            report.present += 1
        elif outcome == "carried":
            report.carried += 1
            report.carried_bytes += entry.size
        if text:
            report.damaged.append(text)

    def _carry(self, entry: Entry, sha256: str) -> tuple[str, str]:
        """Carry one file; what became of it and a sentence. Runs in a thread, without database."""
        name = entry.name
        try:
            there = self.target.exists(name)
            if there and sha256 and holds(self.target, name, sha256):
                return "present", ""
            with local_copy(self.source, name) as path:
                actual = hash_path(path)
                if there and holds(self.target, name, actual):
                    return "present", ""
                if there:
                    self.target.delete(name)
                save_file(self.target, name, path, actual)
        except ImagegenError as error:
            return self._failed(name, str(error))
        except OSError as error:
            return self._failed(name, f"The file {name} cannot be read: {reason(error)}.")
        if sha256 and actual != sha256:
            return "carried", f"{name} had changed before the move; see manage.py doctor."
        return "carried", ""

    def _failed(self, name: str, text: str) -> tuple[str, str]:
        """A file that was removed while we looked is no problem."""
        try:
            if not self.source.exists(name):
                return "gone", ""
        except ImagegenError:
            pass
        return "problem", text

    def _remove_unnamed(self) -> None:
        """Take back from the public storage what was withdrawn while it was carried."""
        for batch in batches(entries(self.target, PUBLISHED)):
            for name in unnamed([entry.name for entry in batch]):
                self.target.delete(name)


def unnamed(names: Iterable[str]) -> list[str]:
    """Those public files that no row names; rows are written before their files."""
    names = list(names)
    known = set(PublicCopy.objects.filter(path__in=names).values_list("path", flat=True))
    return [name for name in names if name not in known]


# --- What a move leaves behind ----------------------------------------------------------


def left_behind(alias: str) -> Iterator[Entry]:
    """Files in a storage that was moved from. Refused for the one in use."""
    role = role_for(alias)
    if roles.alias_of(role) == alias:
        raise Refused(f"The storage “{alias}” is in use.")
    return entries(open_storage(alias), role)


def is_kept_elsewhere(alias: str, name: str) -> bool:
    """Whether an old file may go: the storage in use has its very bytes, or, of a public file,
    no row names it."""
    role = role_for(alias)
    if role == PUBLISHED and unnamed([name]):
        return True
    used = roles.storage_of(role)
    try:
        if not used.exists(name):
            return False
        with local_copy(open_storage(alias), name) as path:
            return holds(used, name, hash_path(path))
    except (ImagegenError, OSError):
        return False
