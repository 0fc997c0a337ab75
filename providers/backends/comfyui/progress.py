"""Percentages over ComfyUI's WebSocket: decoration, and never needed.

Messages come late, in bursts, or not at all, and a socket may fall silent for good while
everything else works. So nothing is ever concluded from one but how far the sampling is, and
whatever goes wrong here ends in silence.
"""

import json
import logging
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from providers.addresses import split_origin
from providers.types import ConnectionConfig
from providers.wire import Call, open_socket, tls_context

OPEN_LIMIT = 5.0  # seconds
# It would write every header of its request into the log, the secret too.
QUIET = logging.getLogger("providers.websocket")
QUIET.setLevel(logging.INFO)
LARGEST = 4 * 1024 * 1024  # bytes of one message; a preview is far smaller
MOST_NODES = 10_000  # that are remembered; who tells of more is not listened to any longer


class Progress:
    """Listens for one job in a thread of its own until the context ends.

    `client` is the client id that the job was sent with: only a socket of that name hears of
    it. Without a `config` it does not listen. `fraction` is None as long as nothing is known.
    """

    def __init__(
        self, config: ConnectionConfig | None, headers: Mapping[str, str], client: str, key: str
    ) -> None:
        self._config, self._headers, self._client, self._key = config, headers, client, key
        self._nodes: dict[str, tuple[float, float]] = {}
        self._socket: socket.socket | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.fraction: float | None = None

    def start(self) -> None:
        """Begin to listen; to be called again does nothing."""
        if self._config is not None and self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(self._config,), name="comfyui", daemon=True
            )
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if (open_one := self._socket) is not None:
            with suppress(OSError):
                open_one.shutdown(socket.SHUT_RDWR)

    def _run(self, config: ConnectionConfig) -> None:
        with suppress(Exception):  # silence is all that may come of trouble here
            self._listen(config)

    def _listen(self, config: ConnectionConfig) -> None:
        from websockets.sync.client import connect

        url = config.base_url.rstrip("/")
        scheme, host, port = split_origin(url)
        end = time.monotonic() + OPEN_LIMIT
        call = Call(config=config, end=end, own=(host, port), spends=False)
        tls: dict[str, Any] = {}
        if scheme == "https":
            tls = {"ssl": tls_context(), "server_hostname": host}
        with connect(
            f"ws{scheme.removeprefix('http')}://{urlsplit(url).netloc}{urlsplit(url).path}/ws?clientId={self._client}",
            sock=open_socket(host, port, call),
            additional_headers=dict(self._headers),
            logger=QUIET,
            user_agent_header="Frontispiece",
            proxy=None,
            compression=None,
            open_timeout=OPEN_LIMIT,
            close_timeout=0.2,
            ping_interval=None,
            max_size=LARGEST,
            **tls,
        ) as web_socket:
            self._socket = web_socket.socket
            while not self._ended.is_set():
                with suppress(TimeoutError):
                    self._hear(web_socket.recv(timeout=0.5))

    def _hear(self, message: str | bytes) -> None:
        """Take the steps of our own job from a message; previews and all else are let go."""
        if not isinstance(message, str):
            return
        told = json.loads(message)
        data = told["data"]
        if data.get("prompt_id") != self._key:
            return
        if told["type"] == "progress_state":
            for node, state in data["nodes"].items():
                self._nodes[str(node)] = float(state["value"]), float(state["max"])
        elif told["type"] == "progress":
            self._nodes[str(data["node"])] = float(data["value"]), float(data["max"])
        if len(self._nodes) > MOST_NODES:
            raise ValueError("no graph has so many nodes")
        self.fraction = fraction_of(self._nodes)


def fraction_of(nodes: Mapping[str, tuple[float, float]]) -> float | None:
    """Steps done of the nodes that count steps; one of a single step tells nothing."""
    counting = [(value, most) for value, most in nodes.values() if most > 1]
    total = sum(most for _, most in counting)
    if not total:
        return None
    return min(max(sum(value for value, _ in counting) / total, 0.0), 1.0)
