"""Secrets are named, never stored: a connection knows the name of an environment variable."""

import os
import re
from pathlib import Path

NAME = re.compile(r"[A-Z_][A-Z0-9_]*", re.IGNORECASE)
# Secrets of the site itself must never be sent to a service, whoever configures it.
FORBIDDEN = frozenset({"SECRET_KEY", "DATABASE_URL", "DEMO_PASSWORD"})
FORBIDDEN_PREFIXES = ("AWS_", "DJANGO_", "CELERY_", "PG", "POSTGRES_")


class MissingSecret(Exception):
    """No usable secret under this name; the text says what to do."""


def check_secret_name(name: str) -> None:
    """`ValueError` with a sentence unless `name` may hold a provider's secret."""
    if not NAME.fullmatch(name):
        raise ValueError("Write the name of an environment variable, such as OPENAI_API_KEY.")
    if name.upper() in FORBIDDEN or name.upper().startswith(FORBIDDEN_PREFIXES):
        raise ValueError(f"{name} belongs to the site itself and is not sent to a provider.")


def read_secret(name: str) -> str:
    """The secret from the variable `name` or the file that `<name>_FILE` points at.

    An empty name means that no secret is wanted. `MissingSecret` names the variable.
    """
    if not name:
        return ""
    file_name = os.environ.get(f"{name}_FILE", "")
    if not file_name:
        secret = os.environ.get(name, "").strip()
    else:
        try:
            secret = Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise MissingSecret(
                f"{name}_FILE points at a file that cannot be read as text."
            ) from error
    if not secret:
        raise MissingSecret(f"Set {name} (or {name}_FILE) in the environment of the site.")
    return secret


def has_secret(name: str) -> bool:
    """True if `name` is empty or leads to a secret."""
    try:
        read_secret(name)
    except MissingSecret:
        return False
    return True
