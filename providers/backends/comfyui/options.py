"""Options of a ComfyUI connection."""

import re
from dataclasses import dataclass

from providers.addresses import check_base_url
from providers.errors import ConfigurationError
from providers.options import Options, must_be

HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")


@dataclass(frozen=True, kw_only=True)
class ComfyOptions(Options):
    """`hosts` are more base URLs beside the connection's own: servers with the same models."""

    hosts: tuple[str, ...] = ()
    auth_header: str = "Authorization"  # this one carries "Bearer SECRET", any other the secret
    websocket: bool = True  # ask for percentages
    poll_interval: float = 0.5  # seconds between the first two looks at a job

    def __post_init__(self) -> None:
        for host in self.hosts:
            try:
                check_base_url(host)
            except ValueError as error:
                raise ConfigurationError(f"An address in hosts cannot be used. {error}") from error
        if not HEADER.fullmatch(self.auth_header):
            raise must_be("auth_header", "the name of a header")
        if not 0 < self.poll_interval <= 60:
            raise must_be("poll_interval", "a number of seconds up to 60")
