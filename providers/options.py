"""What the options of a connection may hold, whatever its kind. Pure."""

import re
from typing import Any

from providers.keeping import names_in

# Limits of every call, not the adapter's own.
LIMITS = ("connect_timeout", "read_timeout", "deadline", "max_bytes")
# Names under which services take secrets: api_key, x-api-key, access_token, client_secret …
SECRET = re.compile(
    r"(.*[-_.])?(api[-_]?key|key|token|secret|password|passwd|bearer|authorization|cookie)"
)


def check_options(options: Any) -> None:
    """`ValueError` with a sentence unless `options` are a mapping without secrets, with limits
    that can be kept."""
    if not isinstance(options, dict):
        raise ValueError('Options are written as {"name": value}.')
    if secrets := sorted({name for name in names_in(options) if SECRET.fullmatch(name)}):
        raise ValueError(
            f"{', '.join(secrets)}: a secret belongs in the environment; name it above."
        )
    for name in LIMITS:
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{name} must be a number above 0.")
    if not isinstance(options.get("max_bytes", 1), int):
        raise ValueError("max_bytes must be a whole number.")


def split_limits(options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the limits among `options`, the adapter's own options)."""
    given = dict(options or {})
    return {name: given.pop(name) for name in LIMITS if name in given}, given
