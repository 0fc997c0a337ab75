"""Reading the environment: typed values, secrets from files, errors that name the variable."""

import os
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured


class Env:
    """Typed reader over django-environ which remembers every name that was asked for.

    A value that cannot be read stops the start with `ImproperlyConfigured`, naming the
    variable and what was expected. `names` feeds the test that compares `.env.example`.
    """

    def __init__(self) -> None:
        self._env = environ.Env()
        self.names: set[str] = set()

    def read_file(self, path: Path) -> None:
        """Take variables from a `.env` file, without overriding the real environment."""
        if path.is_file():
            environ.Env.read_env(path, overwrite=False)

    def _read(self, kind: str, name: str, default, expected: str):
        self.names.add(name)
        if os.environ.get(name, "").strip() == "":
            return default
        try:
            return getattr(self._env, kind)(name)
        except (ValueError, TypeError, ImproperlyConfigured) as error:
            raise ImproperlyConfigured(
                f"{name} in the environment (or .env) must be {expected}."
            ) from error

    def str(self, name: str, default: str = "") -> str:
        return self._read("str", name, default, "text")

    def bool(self, name: str, default: bool) -> bool:
        self.names.add(name)
        text = os.environ.get(name, "").strip().lower()
        if text == "":
            return default
        if text in {"1", "true", "yes", "on"}:
            return True
        if text in {"0", "false", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} in the environment (or .env) must be true or false.")

    def int(self, name: str, default: int, *, low: int | None = None) -> int:
        expected = "a whole number" + (f" of at least {low}" if low is not None else "")
        value = self._read("int", name, default, expected)
        if low is not None and value < low:
            raise ImproperlyConfigured(f"{name} in the environment (or .env) must be {expected}.")
        return value

    def list(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        values = self._read("list", name, list(default), "a list separated by commas")
        return [value.strip() for value in values if value.strip()]

    def path(self, name: str, default: Path) -> Path:
        return Path(self.str(name) or default).expanduser().resolve()

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.str(name, default)
        if value not in choices:
            raise ImproperlyConfigured(
                f"{name} in the environment (or .env) must be one of {', '.join(choices)}."
            )
        return value

    def database(self, name: str, default: str) -> dict:
        """Django's `DATABASES` entry from an address such as `postgres://user@host/name`."""
        return self._url(name, default, environ.Env.db_url_config, "sqlite:///… or postgres://…")

    def _url(self, name: str, default: str, parse, expected: str) -> dict:
        self.names.add(name)
        address = self.secret(name) or default
        try:
            config = parse(address)
        except (ValueError, TypeError, KeyError, ImproperlyConfigured) as error:
            raise ImproperlyConfigured(f"{name} must be an address: {expected}.") from error
        if not config.get("ENGINE"):
            raise ImproperlyConfigured(f"{name} must be an address: {expected}.")
        return config

    def secret(self, name: str, default: str = "") -> str:
        """A secret from the variable `name`, or from the file that `<name>_FILE` points at."""
        self.names.add(name)
        file_name = os.environ.get(f"{name}_FILE", "")
        if not file_name:
            return os.environ.get(name, "") or default
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(
                f"{name}_FILE points at a file that cannot be read as text."
            ) from error


def kept_secret(path: Path) -> str:
    """A random secret that is made at the first start and kept in `path` (mode 600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(value := secrets.token_urlsafe(50))
    return value
