"""The spool: received bytes are safe on disk before anything else is done with them.

Each attempt has a folder named after its key. Files are written as `<n>-<random>.part`, flushed
to the disk and renamed to `<n>-<hash>.bin`; `result.json`, written last in the same way, says that
the answer is complete. Whoever finds it after a crash can store the image without asking again.

A worker that was given up may still be writing while another one receives the same call: their
files never share a name, so a name of the spool, once given, never leads to other bytes.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from imagegen.storage import fsync_folder, hash_path
from providers.types import Result, SpoolFile

RESULT = "result.json"


def spool_root() -> Path:
    return Path(settings.SPOOL_DIR)


def _new_part(folder: Path, name: str) -> Path:
    """A name for a file on its way in, which nobody else writes to."""
    return folder / f"{name}-{uuid.uuid4().hex[:12]}.part"


class SpoolWriter:
    """One file on its way in: write to it (or let a child write to `path`), then close it."""

    def __init__(self, folder: Path, number: int) -> None:
        self._part, self._number = _new_part(folder, str(number)), number
        self._file = open(self._part, "xb")  # noqa: SIM115 - closed by close_file or __exit__
        self._hash = hashlib.sha256()
        self._size = 0
        self.path = str(self._part)

    def __enter__(self) -> "SpoolWriter":
        return self

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self._size += len(data)
        return self._file.write(data)

    def close_file(self) -> SpoolFile:
        """Flush to the disk and take the final name. Returns path, hash and size in bytes."""
        self._file.flush()
        if self._size == 0:  # another process wrote to `path`
            digest, size = hash_path(self._part), self._part.stat().st_size
        else:
            digest, size = self._hash.hexdigest(), self._size
        os.fsync(self._file.fileno())
        self._file.close()
        final = self._part.with_name(f"{self._number}-{digest[:16]}.bin")
        os.replace(self._part, final)
        fsync_folder(final.parent)
        return SpoolFile(path=str(final), sha256=digest, size=size)

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


class Spool:
    """The folder of one attempt."""

    def __init__(self, key: object) -> None:
        self.folder = spool_root() / str(key)
        self._opened = 0

    def open_file(self) -> SpoolWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        number = self._opened
        self._opened += 1
        return SpoolWriter(self.folder, number)

    def commit(self, result: Result) -> None:
        """Say that the answer is complete."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = _new_part(self.folder, RESULT)
        with open(part, "x", encoding="utf-8") as file:
            json.dump(result.to_dict(), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.folder / RESULT)
        fsync_folder(self.folder)

    def read_result(self) -> Result | None:
        """The complete answer, or None. Paths are read anew: the spool may have moved."""
        try:
            data = json.loads((self.folder / RESULT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        for file in data["files"]:
            file["path"] = str(self.folder / Path(file["path"]).name)
        return Result.from_dict(data)

    def finished_files(self) -> list[SpoolFile]:
        """Files that arrived whole, whether or not the answer was completed."""
        return [
            SpoolFile(path=str(path), sha256=hash_path(path), size=path.stat().st_size)
            for path in sorted(self.folder.glob("*.bin"))
        ]

    def quarantine(self, path: str) -> None:
        """Set a file aside that could not be decoded; it is kept for a person to look at."""
        target = self._quarantined(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)

    def is_quarantined(self, path: str) -> bool:
        """Whether the file was set aside before: by a worker that did not get further."""
        return self._quarantined(path).exists() and not Path(path).exists()

    def _quarantined(self, path: str) -> Path:
        return spool_root() / "quarantine" / f"{self.folder.name}-{Path(path).name}"

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def spooled_keys() -> Iterator[str]:
    """The keys of all attempts that have a folder in the spool."""
    root = spool_root()
    if root.is_dir():
        for entry in root.iterdir():
            if is_key(entry.name) and entry.is_dir():
                yield entry.name


def is_key(name: str) -> bool:
    """Whether a name in the spool can be an attempt's key."""
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True
