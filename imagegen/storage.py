"""Files that are whole or absent: storing them so that a crash leaves nothing half-written.

`exists()` proves nothing about a file that was copied straight to its final name: a full disk
or a kill leaves a part of it there. Here a name appears only with all of its bytes.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages

from imagegen.errors import StorageProblem

PART_SUFFIX = ".part"
ROLE_SECONDS = 2.0  # how long a process may not know that a role has moved


# --- Which storage holds what -----------------------------------------------------------


@dataclass(frozen=True)
class KnownRoles:
    """The aliases of STORAGES by role, as the database told, and until when that is believed."""

    aliases: Mapping[str, str]
    until: float


_known = KnownRoles({}, 0.0)


def originals() -> Storage:
    """The private storage in use: originals, previews, sidecars, renditions."""
    return storage_of("originals")


def published() -> Storage:
    """The public storage in use."""
    return storage_of("published")


def alias_of(role: str) -> str:
    """The name in STORAGES that a role has now: its own, unless it was moved."""
    global _known
    if time.monotonic() >= _known.until:
        from imagegen.models import StorageRole

        aliases = dict(StorageRole.objects.values_list("role", "alias"))
        _known = KnownRoles(aliases, time.monotonic() + ROLE_SECONDS)
    return _known.aliases.get(role, role)


def forget_roles() -> None:
    """Ask the database at the next use: a role has moved."""
    global _known
    _known = KnownRoles({}, 0.0)


def storage_of(role: str) -> Storage:
    """The storage of a role. Raises `StorageProblem` if it is not set up on this machine."""
    alias = alias_of(role)
    try:
        return storages[alias]
    except InvalidStorageError as error:
        raise StorageProblem(
            f"The {role} files lie in the storage “{alias}”, which is not set up here: "
            "its settings are missing, or a package."
        ) from error


def aliases_for(role: str) -> list[str]:
    """The names of STORAGES that a role can have: its own, and those that begin with it."""
    return [name for name in settings.STORAGES if name == role or name.startswith(f"{role}_")]


def other_storages(role: str) -> list[Storage]:
    """The storages of a role that are set up and not in use; a move may have left files there."""
    used, found = alias_of(role), []
    for alias in aliases_for(role):
        if alias != used:
            with contextlib.suppress(InvalidStorageError):
                found.append(storages[alias])
    return found


# --- Local files ------------------------------------------------------------------------


class DurableFileSystemStorage(FileSystemStorage):
    """Local files, create-only and durable.

    A file is written under a temporary name in its own folder, fsynced, and given its final
    name in one step that fails if the name is taken; then the folder is fsynced. A name is
    never changed to make room. Raises `StorageProblem`.

    A storage without `base_url` is private: its files cannot be read by other accounts.
    """

    def __init__(self, location: str | Path, base_url: str | None = None, **options: Any) -> None:
        self.is_private = base_url is None
        options.setdefault("file_permissions_mode", 0o640 if self.is_private else 0o644)
        options.setdefault("directory_permissions_mode", 0o750 if self.is_private else 0o755)
        super().__init__(location=location, base_url=base_url, **options)

    def url(self, name: str | None) -> str:
        if self.is_private:
            raise ValueError("A private file has no public address.")
        return super().url(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File) -> str:
        final = Path(self.path(name))
        try:
            self._make_folder(final.parent)
            self._write(final, content)
        except FileExistsError as error:
            raise StorageProblem(
                f"The file {name} is there already; it was not touched."
            ) from error
        except OSError as error:
            raise StorageProblem(
                f"The file {name} could not be stored: {reason(error)}."
            ) from error
        return name

    def _make_folder(self, folder: Path) -> None:
        missing = [folder]
        while not missing[-1].parent.exists():
            missing.append(missing[-1].parent)
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                path.chmod(self.directory_permissions_mode or 0o750)  # whatever the umask
                fsync_folder(path.parent)

    def _write(self, final: Path, content: File) -> None:
        handle, part = tempfile.mkstemp(PART_SUFFIX, f".{final.name}.", final.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fchmod(handle, self.file_permissions_mode or 0o640)
                os.fsync(handle)
            give_name(part, final)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
        fsync_folder(final.parent)

    def take_file(self, name: str, source: Path) -> bool:
        """Give a file of our own scratch folder the name `name` too, without copying it.

        False where that cannot be done (another file system, no hard links). The source must
        never be written to again. Raises `StorageProblem` if the name is taken.
        """
        final = Path(self.path(name))
        try:
            self._make_folder(final.parent)
            with open(source, "rb") as file:
                os.fchmod(file.fileno(), self.file_permissions_mode or 0o640)
                os.fsync(file.fileno())
            os.link(source, final)
        except FileExistsError as error:
            raise StorageProblem(
                f"The file {name} is there already; it was not touched."
            ) from error
        except OSError:
            return False
        fsync_folder(final.parent)
        return True

    def delete(self, name: str) -> None:
        """Remove the file; one that is not there is no error."""
        super().delete(name)
        with contextlib.suppress(FileNotFoundError):
            fsync_folder(Path(self.path(name)).parent)


def give_name(part: str | Path, final: Path) -> None:
    """Let `part` be known as `final`; `FileExistsError` if something has that name."""
    try:
        os.link(part, final)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if final.exists():
            raise FileExistsError(final) from None
        os.rename(part, final)


def fsync_folder(folder: Path) -> None:
    """Make the folder's list of names durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: OSError) -> str:
    """Why a file operation failed, without naming a path of this machine."""
    return (error.strerror or type(error).__name__).lower()


def hash_path(path: str | Path) -> str:
    """The SHA-256 of a file on this machine as hexadecimal text. Raises `OSError`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_file(storage: Storage, name: str) -> str:
    """The SHA-256 of a stored file as hexadecimal text. Raises `StorageProblem`."""
    try:
        with storage.open(name, "rb") as file:
            digest = hashlib.sha256()
            for chunk in file.chunks():
                digest.update(chunk)
    except OSError as error:
        raise StorageProblem(f"The file {name} cannot be read: {reason(error)}.") from error
    return digest.hexdigest()


def save_file(
    storage: Storage, name: str, source_path: str | Path, sha256: str, *, hashed: bool = False
) -> None:
    """Store a local file under `name` and verify it by reading it back.

    The same bytes there already are fine: somebody was interrupted after storing them.
    Other bytes there, or other bytes than announced, are a `StorageProblem`. `hashed` says that
    `sha256` was made from the source as it lies there: a file that is only given a second name,
    not copied, is then not read once more.
    """
    taken = False
    if not storage.exists(name):
        try:
            taken = _store(storage, name, Path(source_path))
        except FileNotFoundError as error:
            raise StorageProblem(f"The bytes for {name} are gone.") from error
        except StorageProblem:
            if not storage.exists(name):
                raise  # else somebody else was quicker: look whether it is the same
    if not (taken and hashed) and not holds(storage, name, sha256):
        raise StorageProblem(f"The file {name} does not hold the bytes it should.")


def holds(storage: Storage, name: str, sha256: str, *, read: bool = False) -> bool:
    """Whether a stored file has these bytes.

    Where the storage keeps checksums itself its word is taken, unless `read` asks to fetch the
    bytes. Raises `StorageProblem` for a file that is missing or cannot be read.
    """
    if not hasattr(storage, "holds"):
        return hash_file(storage, name) == sha256
    try:
        return storage.holds(name, sha256, read=read)
    except FileNotFoundError as error:
        raise StorageProblem(f"The file {name} is missing.") from error


def _store(storage: Storage, name: str, source_path: Path) -> bool:
    """Bring the bytes in; True if our own scratch file got another name instead of a copy."""
    own = source_path.resolve().is_relative_to(Path(settings.SPOOL_DIR).resolve())
    durable = isinstance(storage, DurableFileSystemStorage)
    if own and durable and storage.take_file(name, source_path):
        return True
    with open(source_path, "rb") as source:
        saved = storage.save(name, File(source, name=name))
    if saved != name:  # another storage made room: somebody else was quicker
        storage.delete(saved)
    return False


@contextlib.contextmanager
def local_copy(storage: Storage, name: str) -> Iterator[str]:
    """A path on this machine where the stored file can be read while the context lasts."""
    try:
        path = storage.path(name)
    except NotImplementedError:
        Path(settings.SPOOL_DIR).mkdir(parents=True, exist_ok=True)
        suffix = Path(name).suffix
        with tempfile.NamedTemporaryFile(dir=settings.SPOOL_DIR, suffix=suffix) as target:
            _fetch(storage, name, target)
            target.flush()
            yield target.name
        return
    if not os.path.isfile(path):
        raise StorageProblem(f"The file {name} is missing.")
    yield path


def _fetch(storage: Storage, name: str, target: Any) -> None:
    try:
        if hasattr(storage, "fetch"):
            storage.fetch(name, target)
            return
        with storage.open(name, "rb") as source:
            shutil.copyfileobj(source, target)
    except FileNotFoundError as error:
        raise StorageProblem(f"The file {name} is missing.") from error
