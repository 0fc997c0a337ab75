"""Options of a ComfyUI connection."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from providers.addresses import check_base_url
from providers.backends._options import check_names
from providers.errors import ConfigurationError

HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")


@dataclass(frozen=True, kw_only=True)
class ComfyOptions:
    """`hosts` are more base URLs beside the connection's own: servers with the same models."""

    hosts: tuple[str, ...] = ()
    auth_header: str = "Authorization"  # this one carries "Bearer SECRET", any other the secret
    websocket: bool = True  # ask for percentages
    poll_interval: float = 0.5  # seconds between the first two looks at a job

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Self:
        """`ConfigurationError` names an option that is unknown or cannot be."""
        check_names(options, [item.name for item in fields(cls)], "ComfyUI")
        hosts = options.get("hosts", ())
        if not isinstance(hosts, list | tuple):
            raise ConfigurationError("hosts must be a list of addresses.")
        read = cls(**{**options, "hosts": tuple(_host(host) for host in hosts)})
        read.check()
        return read

    def check(self) -> None:
        if not isinstance(self.auth_header, str) or not HEADER.fullmatch(self.auth_header):
            raise ConfigurationError("auth_header must be the name of a header.")
        if not isinstance(self.websocket, bool):
            raise ConfigurationError("websocket must be true or false.")
        pause = self.poll_interval
        if isinstance(pause, bool) or not isinstance(pause, int | float) or not 0 < pause <= 60:
            raise ConfigurationError("poll_interval must be a number of seconds, at most 60.")


def _host(text: Any) -> str:
    try:
        check_base_url(text if isinstance(text, str) else "")
    except ValueError as error:
        raise ConfigurationError(f"An address in hosts cannot be used. {error}") from error
    return str(text).rstrip("/")
