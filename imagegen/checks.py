"""System checks: database options that many threads need, folders, and who may read them."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.files.storage import InvalidStorageError, Storage, storages
from django.db import DatabaseError, connections

from imagegen import storage
from imagegen.faults import VARIABLE as FAULT_VARIABLE

LEAST_TIMEOUT = 5  # seconds
STORAGES = ("originals", "published")


@register(Tags.database)
def check_sqlite(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Threads that draw all write: without these options they fail with "database is locked"."""
    connection = connections["default"]
    if connection.vendor != "sqlite":
        return []
    options = connection.settings_dict.get("OPTIONS", {})
    pragmas = options.get("init_command", "").replace(" ", "").lower()
    lacking = []
    if "journal_mode=wal" not in pragmas:
        lacking.append(("E001", "without the journal mode WAL", "PRAGMA journal_mode=WAL;"))
    if str(options.get("transaction_mode", "")).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        lacking.append(("E002", "without IMMEDIATE transactions", "transaction_mode: IMMEDIATE"))
    if float(options.get("timeout") or 0) < LEAST_TIMEOUT:
        lacking.append(("E003", "without a timeout that lets writers wait", "timeout: 20"))
    return [
        Error(
            f"The SQLite database is opened {fault}.",
            hint=f"Keep the OPTIONS of DATABASES as shipped ({remedy}), or use PostgreSQL.",
            id=f"imagegen.{number}",
        )
        for number, fault, remedy in lacking
    ]


@register(Tags.files)
def check_folders(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Received images are paid for: there must be a place for them."""
    folders = {"DATA_DIR": settings.DATA_DIR, "SPOOL_DIR": settings.SPOOL_DIR}
    for name in STORAGES:
        location = _location(name)
        if location:
            folders[f"the storage “{name}”"] = location
    return [
        Error(
            f"The folder of {name} cannot be written.",
            hint="Make it writable for the account that runs the site and the worker, or set "
            "DATA_DIR to another folder.",
            id="imagegen.E004",
        )
        for name, folder in folders.items()
        if not _can_be_written(Path(folder))
    ]


@register(Tags.files)
def check_storages(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Both storages are there, and the public one does not hold the private one."""
    missing = [name for name in STORAGES if _storage(name) is None]
    if missing:
        return [
            Error(
                f"STORAGES has no usable entry “{name}”.",
                hint="Private originals and public copies each need a storage of their own.",
                id="imagegen.E005",
            )
            for name in missing
        ]
    private, public = _location("originals"), _location("published")
    if private and public and Path(private, "originals").is_relative_to(public):
        return [
            Error(
                "Private originals lie inside the folder of public copies.",
                hint="Give the storage “published” a folder of its own.",
                id="imagegen.E006",
            )
        ]
    return []


@register()
def check_signing(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Who asks for signed renditions gets them, or is told at the start what is missing."""
    if not settings.C2PA_CERTIFICATE:
        return []
    faults = []
    if find_spec("c2pa") is None:
        faults.append(
            (
                "C2PA_CERTIFICATE is set, but the package c2pa-python is not installed.",
                "Install it: pip install -r requirements-c2pa.in. Or unset C2PA_CERTIFICATE.",
            )
        )
    for name in ("C2PA_CERTIFICATE", "C2PA_PRIVATE_KEY"):
        if not os.access(getattr(settings, name) or "", os.R_OK):
            faults.append(
                (
                    f"{name} names no file that can be read.",
                    "Give the path of a PEM file that the account of the worker can read.",
                )
            )
    return [Error(fault, hint=hint, id="imagegen.E008") for fault, hint in faults]


@register(Tags.files)
def check_buckets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What makes the public bucket readable must not open the private one. Opens neither."""
    private, public = (_bucket(f"{name}_s3") for name in STORAGES)
    if not private or private != public:
        return []
    return [
        Error(
            "S3_BUCKET_ORIGINALS and S3_BUCKET_PUBLISHED name the same bucket.",
            hint="Private originals need a bucket that readers have no right to.",
            id="imagegen.E009",
        )
    ]


@register(Tags.database)
def check_roles(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The storages that hold the files now, as the database says, are set up here."""
    try:
        aliases = [storage.alias_of(role) for role in STORAGES] if databases else []
    except DatabaseError:  # not migrated yet
        return []
    return [
        Error(
            f"Files lie in the storage “{alias}”, which is not set up here.",
            hint="Set its variables, such as S3_BUCKET_ORIGINALS, in this environment as well.",
            id="imagegen.E010",
        )
        for alias in aliases
        if alias not in settings.STORAGES
    ]


@register(Tags.security, deploy=True)
def check_faults(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The switch that kills the process at a named point is for tests."""
    if os.environ.get(FAULT_VARIABLE):
        return [
            Error(
                f"{FAULT_VARIABLE} is set: this process would kill itself on purpose.",
                hint=f"Remove {FAULT_VARIABLE} from the environment; it is for tests.",
                id="imagegen.E007",
            )
        ]
    return []


def _storage(name: str) -> Storage | None:
    try:
        return storages[name]
    except InvalidStorageError:
        return None


def _bucket(name: str) -> str:
    """The bucket of a storage by its settings, "" for none."""
    return settings.STORAGES.get(name, {}).get("OPTIONS", {}).get("bucket_name", "")


def _location(name: str) -> str:
    """The folder of a local storage, "" for others."""
    return str(getattr(_storage(name), "location", ""))


def _can_be_written(folder: Path) -> bool:
    """Whether files can be made in the folder, or the folder itself where it is not there."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
