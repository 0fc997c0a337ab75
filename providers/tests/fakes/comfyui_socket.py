"""The WebSocket of the fake ComfyUI: enough of the protocol to be listened to."""

import base64
import hashlib
import json
import socket
import struct
from contextlib import suppress
from typing import Any

from providers.tests.fakes.messages import Reply, Request

SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PREVIEW = struct.pack(">II", 1, 1) + b"jpeg"  # kind 1, format 1


def serve(connection: socket.socket, request: Request, jobs: list[str]) -> None:
    """Greet, send a preview, the progress of the client's own `jobs`, and another's around it."""
    salted = (request.headers["sec-websocket-key"] + SALT).encode()
    proof = base64.b64encode(hashlib.sha1(salted).digest()).decode()  # noqa: S324 - as RFC 6455
    upgrade = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-accept": proof}
    status = {"status": {"exec_info": {"queue_remaining": len(jobs)}}, "sid": "x"}
    connection.sendall(Reply(101, headers=upgrade).head())
    connection.sendall(_frame(json.dumps({"type": "status", "data": status}).encode()))
    connection.sendall(_frame(PREVIEW, kind=2))
    for key, value in [("another", 8), *((key, 3) for key in jobs), ("another", 9)]:
        connection.sendall(_frame(json.dumps(_progress(key, value)).encode()))
    with suppress(OSError):
        while connection.recv(4096):
            pass


def _progress(key: str, value: int) -> dict[str, Any]:
    """A sampler at `value` of 10 steps, after a loader that is done."""
    about = {"prompt_id": key}
    states = {
        "4": {"value": 1, "max": 1, "state": "finished", "node_id": "4", **about},
        "3": {"value": value, "max": 10, "state": "running", "node_id": "3", **about},
    }
    return {"type": "progress_state", "data": {"prompt_id": key, "nodes": states}}


def _frame(data: bytes, kind: int = 1) -> bytes:
    """A frame as a server sends it: of kind 1 a text, of kind 2 bytes."""
    short = len(data) < 126
    length = bytes([len(data)]) if short else b"\x7e" + struct.pack(">H", len(data))
    return bytes([0x80 | kind]) + length + data
