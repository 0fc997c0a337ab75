"""Reading the environment: typed values, secrets from files, errors that name the variable."""

import os
import re
import secrets
import tempfile
import zoneinfo
from pathlib import Path
from typing import Any, NoReturn

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class Env:
    """Typed reader of the environment which remembers every name that was asked for.

    A value that cannot be used raises `ImproperlyConfigured`, naming the variable and what
    was expected; an empty value counts as not set. `names` feeds the test that compares
    `.env.example` with what is read.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def read_file(self, path: Path) -> None:
        """Take variables from a `.env` file, without overriding the real environment."""
        if path.is_file():
            environ.Env.read_env(path, overwrite=False)

    def text(self, name: str, default: str = "", *, pattern: str = "", expected: str = "") -> str:
        """Plain text; with `pattern`, a regular expression that the whole of it must match."""
        value = self._raw(name) or default
        if pattern and not re.fullmatch(pattern, value):
            self._refuse(name, expected)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false, in any of the usual spellings."""
        value = self._raw(name).lower()
        if value and value not in TRUE | FALSE:
            self._refuse(name, "true or false")
        return value in TRUE if value else default

    def number(self, name: str, default: int, *, low: int) -> int:
        """A whole number of at least `low`."""
        value = self._raw(name)
        if not value:
            return default
        if not re.fullmatch(r"-?\d{1,15}", value) or int(value) < low:
            self._refuse(name, f"a whole number of at least {low}")
        return int(value)

    def parts(
        self, name: str, default: tuple[str, ...] = (), *, choices: tuple[str, ...] = ()
    ) -> list[str]:
        """Values separated by commas; with `choices` each must be one of them."""
        values = [value.strip() for value in self._raw(name).split(",")]
        values = [value for value in values if value] or list(default)
        if choices and not set(values) <= set(choices):
            self._refuse(name, f"some of {', '.join(choices)}, separated by commas")
        return values

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self._raw(name) or default
        if value not in choices:
            self._refuse(name, f"one of {', '.join(choices)}")
        return value

    def zone(self, name: str, default: str) -> str:
        """The name of a time zone that this machine knows."""
        value = self._raw(name) or default
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse(name, "the name of a time zone, such as Europe/Berlin")
        return value

    def path(self, name: str, default: Path) -> Path:
        """An absolute path."""
        return Path(self._raw(name) or default).expanduser().resolve()

    def folder(self, name: str, default: Path) -> Path:
        """An absolute path of a folder, which is made if it is not there."""
        path = self.path(name, default)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError:
            self._refuse(name, "a folder that can be made and written to")
        return path

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Django's `DATABASES` entry from an address such as `postgres://user@host/name`."""
        address = self.secret(name) or default
        expected = "sqlite:////path/to/file or postgres://user:password@host/name"
        if not re.match(r"(sqlite|postgres|postgresql)://", address):
            self._refuse(name, expected)
        try:
            config = environ.Env.db_url_config(address)
        except (ValueError, TypeError, KeyError, ImproperlyConfigured):
            self._refuse(name, expected)
        if not config.get("NAME"):
            self._refuse(name, expected)
        return config

    def secret(self, name: str, default: str = "") -> str:
        """A secret from the variable `name`, or from the file that `<name>_FILE` points at."""
        self.names.add(name)
        file_name = os.environ.get(f"{name}_FILE", "").strip()
        if not file_name:
            return self._raw(name) or default
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self._refuse(f"{name}_FILE", "the path of a text file that can be read")

    def _raw(self, name: str) -> str:
        self.names.add(name)
        return os.environ.get(name, "").strip()

    def _refuse(self, name: str, expected: str) -> NoReturn:
        """The value itself is not repeated: it might be a secret."""
        raise ImproperlyConfigured(f"{name} in the environment (or .env) must be {expected}.")


def kept_secret(folder: Path) -> str:
    """A random secret that is made at the first start and kept in `folder` (mode 600).

    It appears whole or not at all, so that a server and a worker may start side by side.
    """
    path = folder / "secret_key"
    try:
        if not path.exists():
            _make_secret(path)
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            "DATA_DIR in the environment (or .env) must be a folder that can be written to."
        ) from error


def _make_secret(path: Path) -> None:
    handle, draft = tempfile.mkstemp(prefix=".secret_key-", dir=path.parent)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was first: its secret is the one
    finally:
        os.unlink(draft)
