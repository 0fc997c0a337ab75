"""Secrets are named, never stored: a connection knows the name of an environment variable."""

import os
import re
from pathlib import Path

NAME = re.compile(r"[A-Z_][A-Z0-9_]*")  # in capitals, which some secrets themselves are not
# Secrets of the site itself must never be sent to a service, whoever configures it.
FORBIDDEN = frozenset({"SECRET_KEY", "DATABASE_URL", "DEMO_PASSWORD", "ENV"})  # and ENV_FILE
FORBIDDEN_PREFIXES = (
    "AWS_", "BROKER_", "C2PA_", "CELERY_", "DJANGO_", "EMAIL_", "PG", "POSTGRES_", "REDIS_",
)  # fmt: skip
FILE = "_FILE"  # behind a variable's name: that of the file which holds its value


class MissingSecret(Exception):
    """No usable secret under this name; the text says what to do."""


def check_secret_name(name: str) -> None:
    """`ValueError` with a sentence unless `name` may hold a provider's secret."""
    if not NAME.fullmatch(name):
        raise ValueError(
            "Write the name of an environment variable, in capitals, such as OPENAI_API_KEY."
        )
    bare = name.removesuffix(FILE)
    if bare in FORBIDDEN or bare.startswith(FORBIDDEN_PREFIXES):
        raise ValueError(f"{name} belongs to the site itself and is not sent to a provider.")


def read_secret(name: str) -> str:
    """The secret from the variable `name` or the file that `<name>_FILE` points at.

    An empty name means that no secret is wanted. `MissingSecret` names the variable. A name that
    may not hold one, and a file of several lines, are none, whoever has written the row.
    """
    if not name:
        return ""
    try:
        check_secret_name(name)
    except ValueError as error:
        raise MissingSecret(str(error)) from error
    file_name = os.environ.get(f"{name}{FILE}", "")
    if not file_name:
        secret = os.environ.get(name, "").strip()
    else:
        try:
            secret = Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise MissingSecret(
                f"{name}{FILE} points at a file that cannot be read as text."
            ) from error
    if len(secret.splitlines()) > 1:
        raise MissingSecret(f"{name} holds more than one line, which no secret does.")
    if not secret:
        raise MissingSecret(f"Set {name} (or {name}{FILE}) in the environment of the site.")
    return secret


def has_secret(name: str) -> bool:
    """True if `name` is empty or leads to a secret."""
    try:
        read_secret(name)
    except MissingSecret:
        return False
    return True
