"""The imagined service behind the stub: it draws test pictures, misbehaves on request and
keeps a ledger of what it charged.

It answers like an HTTP service, whether it is called in this process or by `stub_server`:

    POST   v1/images           draw (200 and the picture) or queue (202 and the job's id)
    GET    v1/jobs/<id>        state of a queued job
    GET    v1/jobs/<id>/image  its picture
    DELETE v1/jobs/<id>        stop it
    GET    v1/health, v1/account
"""

import hashlib
import json
import sqlite3
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, key TEXT, at REAL, script TEXT);
CREATE TABLE IF NOT EXISTS charges (id INTEGER PRIMARY KEY, key TEXT, at REAL, behaviour TEXT);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, data TEXT, ready_at REAL, charged INTEGER DEFAULT 0,
    state TEXT DEFAULT 'running'
);
"""
LONG_SIDE = 96  # pixels of a test picture, unless asked for in full size
QUEUES = ("lookup", "handle")


class Cut(Exception):
    """The connection is to be cut without an answer."""


class Stall(Exception):
    """No answer is to come, and the connection stays open."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; with `cut` the connection breaks in the middle of the body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class Ledger:
    """What the service was asked and what it charged, in a SQLite file or in memory.

    The file may be shared by processes and outlives their kill; what is not written when the
    machine itself stops is lost, which is no harm to imagined money. Each charge is one row:
    key, time, behaviour.
    """

    def __init__(self, path: str = "") -> None:
        self.path = path
        self._memory: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        if not path:
            self._memory = sqlite3.connect(":memory:", check_same_thread=False)
            self._memory.isolation_level = None
            self._memory.executescript(SCHEMA)
        else:
            with closing(self._connect()) as database:
                database.execute("PRAGMA journal_mode=WAL")
                database.executescript(SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        database.execute("PRAGMA synchronous=OFF")
        return database

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone among all processes."""
        with self._lock, closing(self._connect()) if self.path else self._shared() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _shared(self) -> Iterator[sqlite3.Connection]:
        assert self._memory is not None  # noqa: S101 - for the type checker
        yield self._memory

    def charges(self) -> list[tuple[str, str]]:
        """(key, behaviour) of every charge, in order."""
        with self.write() as database:
            return list(database.execute("SELECT key, behaviour FROM charges ORDER BY id"))

    def calls(self) -> list[str]:
        """The key of every call for a picture, in order."""
        with self.write() as database:
            return [row[0] for row in database.execute("SELECT key FROM calls ORDER BY id")]

    def note_call(self, key: str, script: str) -> int:
        """Write a call down; the number of earlier calls with the same script."""
        with self.write() as database:
            earlier = database.execute("SELECT COUNT(*) FROM calls WHERE script=?", (script,))
            number: int = earlier.fetchone()[0]
            database.execute(
                "INSERT INTO calls (key, at, script) VALUES (?, ?, ?)", (key, time.time(), script)
            )
            return number

    def put_job(self, job: str, data: Mapping[str, Any], ready_at: float, *, again: bool) -> None:
        """Take a job in; `again` starts a known id anew, as another job that costs."""
        verb = "REPLACE" if again else "IGNORE"
        with self.write() as database:
            database.execute(
                f"INSERT OR {verb} INTO jobs (id, data, ready_at) VALUES (?, ?, ?)",  # noqa: S608
                (job, json.dumps(data), ready_at),
            )

    def job(self, job: str) -> tuple[dict[str, Any], float, str] | None:
        """(data, time when ready, state), or None for an unknown id."""
        with self.write() as database:
            row = database.execute(
                "SELECT data, ready_at, state FROM jobs WHERE id=?", (job,)
            ).fetchone()
        return None if row is None else (json.loads(row[0]), row[1], row[2])

    def end_job(self, job: str, state: str) -> bool:
        """Move a running job to `state`; False if it was not running."""
        with self.write() as database:
            done = database.execute(
                "UPDATE jobs SET state=? WHERE id=? AND state='running'", (state, job)
            )
            return done.rowcount == 1

    def charge(self, job: str, key: str, behaviour: str) -> None:
        """Charge a job, once."""
        with self.write() as database:
            first = database.execute(
                "UPDATE jobs SET charged=1 WHERE id=? AND charged=0", (job,)
            ).rowcount
            if first:
                database.execute(
                    "INSERT INTO charges (key, at, behaviour) VALUES (?, ?, ?)",
                    (key, time.time(), behaviour),
                )


class StubService:
    """Answers requests; everything that it must remember is in the ledger."""

    def __init__(self, ledger: Ledger, sleep: Callable[[float], None] = time.sleep) -> None:
        self.ledger = ledger
        self._sleep = sleep

    def answer(self, method: str, path: str, data: Mapping[str, Any]) -> Reply:
        """The reply to one request; `Cut` or `Stall` where none is to come."""
        parts = path.strip("/").split("/")
        match (method, parts):
            case ("GET", ["v1", "health" | "account"]):
                return _json(200, {"ok": True})
            case ("POST", ["v1", "images"]):
                return self._images(data)
            case ("GET", ["v1", "jobs", job]):
                return self._state(job)
            case ("GET", ["v1", "jobs", job, "image"]):
                return self._image(job)
            case ("DELETE", ["v1", "jobs", job]):
                stopped = self.ledger.end_job(job, "cancelled")
                return _json(200 if stopped else 409, {"stopped": stopped})
        return _error(404, "not_found")

    def _images(self, data: Mapping[str, Any]) -> Reply:
        number = self.ledger.note_call(data["key"], data["behaviour"])
        steps = data["behaviour"].split(",")
        data = {**data, "behaviour": steps[min(number, len(steps) - 1)].strip()}
        behaviour, recovery = data["behaviour"], data["recovery"]
        if behaviour in REFUSALS:
            return REFUSALS[behaviour](data)
        queued = recovery in QUEUES or behaviour in ("handle", "lost")
        job = _job_id(data)
        ready_at = time.time() + (data["delay"] if behaviour != "stall" else 1e9)
        self.ledger.put_job(job, data, ready_at, again=recovery != "own_key")
        self._charge(job, data, "start")
        if queued:
            return self._queued(job, data)
        if behaviour == "stall":
            raise Stall
        self._sleep(data["delay"])
        self._charge(job, data, "end")
        return self._outcome(job, data)

    def _queued(self, job: str, data: Mapping[str, Any]) -> Reply:
        """The answer to a job that was taken in, or the fault in its place."""
        if data["behaviour"] == "cut_after":
            raise Cut
        if data["behaviour"] == "server_error":
            return _error(500, "internal")
        return _json(202, {"id": job})

    def _charge(self, job: str, data: Mapping[str, Any], when: str) -> None:
        """Charge the job if that is due at this point, "start" or "end"."""
        if data["charge_at"] == when and data["behaviour"] not in FREE_FAILURES:
            self.ledger.charge(job, data["key"], data["behaviour"])

    def _outcome(self, job: str, data: Mapping[str, Any]) -> Reply:
        """What a finished job answers."""
        behaviour = data["behaviour"]
        if behaviour == "cut_after":
            raise Cut
        if behaviour == "server_error":
            return _error(500, "internal")
        if behaviour in FREE_FAILURES:
            return _error(500, FREE_FAILURES[behaviour])
        if behaviour == "refuse_200":
            return _json(200, {"refused": True, "stage": "output", "categories": ["nudity"]})
        pictures = _pictures(job, data)
        headers = {
            "content-type": "image/png",
            "x-request-id": f"stub-{job}",
            "x-sizes": ",".join(str(len(picture)) for picture in pictures),
            "x-facts": json.dumps(_facts(data)),
        }
        return Reply(200, b"".join(pictures), headers, cut=behaviour == "cut_body")

    def _state(self, job: str) -> Reply:
        found = self.ledger.job(job)
        if found is None:
            return _error(404, "unknown_job")
        data, ready_at, state = found
        if data["behaviour"] == "lost":
            return _error(410, "lost_job")
        if state == "running" and time.time() >= ready_at:
            self._charge(job, data, "end")
            state = "failed" if data["behaviour"] in FREE_FAILURES else "done"
        total = max(data["delay"], 0.001)
        progress = min(1.0, max(0.0, 1 - (ready_at - time.time()) / total))
        code = FREE_FAILURES.get(data["behaviour"], "")
        return _json(200, {"state": state, "progress": progress, "code": code})

    def _image(self, job: str) -> Reply:
        found = self.ledger.job(job)
        if found is None:
            return _error(404, "unknown_job")
        data = found[0]
        if data["behaviour"] in ("cut_after", "server_error"):
            data = {**data, "behaviour": "ok"}  # the fault was in the answer to the POST
        return self._outcome(job, data)


def _job_id(data: Mapping[str, Any]) -> str:
    """Our own key where the class knows it, else a name that only the service chooses."""
    if data["recovery"] in ("own_key", "lookup"):
        return str(data["key"])
    return uuid.uuid4().hex


# --- Answers ----------------------------------------------------------------------------


def _json(status: int, data: Mapping[str, Any], **headers: str) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"content-type": "application/json", **headers})


def _error(status: int, code: str, **details: Any) -> Reply:
    headers = {"x-request-id": f"stub-{uuid.uuid4().hex[:12]}"}
    if "retry_after" in details:
        headers["retry-after"] = f"{details['retry_after']:g}"
    return _json(status, {"error": {"code": code, **details}}, **headers)


# Said before anything is drawn; never charged.
REFUSALS: dict[str, Callable[[Mapping[str, Any]], Reply]] = {
    "refuse": lambda data: _error(400, "content_policy", stage="input", categories=["violence"]),
    "rate_limit": lambda data: _error(429, "rate_limited", retry_after=data["retry_after"]),
    "auth": lambda data: _error(401, "bad_key"),
    "quota": lambda data: _error(402, "no_credit"),
    "access": lambda data: _error(403, "not_allowed"),
    "model": lambda data: _error(404, "model_not_found"),
    "invalid": lambda data: _error(422, "bad_parameter"),
}
# Failures of the drawing itself, which this service does not charge for.
FREE_FAILURES = {"fail": "generation_failed", "out_of_memory": "out_of_memory"}
PICTURES = ("ok", "empty", "truncated", "not_an_image", "wrong_size", "two_images", "cut_body")
# Behaviours that do not depend on a table above.
OTHERS = (
    "stall",
    "server_error",
    "refuse_200",
    "cut_before",
    "cut_after",
    "handle",
    "lost",
    "slow",
)
BEHAVIOURS = frozenset({*REFUSALS, *FREE_FAILURES, *PICTURES, *OTHERS})


# --- Pictures ---------------------------------------------------------------------------


def _facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """What was drawn with, to be read again by whoever collects the job."""
    return {"model": data["model"], "seed": data["seed"], "parameters": data["parameters"]}


def _pictures(job: str, data: Mapping[str, Any]) -> list[bytes]:
    """The files of the answer, as the behaviour has them."""
    width, height = _size(data)
    picture = draw_png(f"{job}", width, height)
    match data["behaviour"]:
        case "empty":
            return []
        case "truncated":
            return [picture[: len(picture) // 2]]
        case "not_an_image":
            return [b"<!doctype html><title>Sign in</title>"]
        case "wrong_size":
            return [draw_png(job, max(1, width // 2), height)]
        case "two_images":
            return [picture, draw_png(f"{job}-2", width, height)]
    return [picture]


def _size(data: Mapping[str, Any]) -> tuple[int, int]:
    """The size asked for, scaled down to a small picture of the same shape by default."""
    width, height = data["parameters"]["width"], data["parameters"]["height"]
    scale = 1.0 if data["full_size"] else min(1.0, LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_png(key: str, width: int, height: int) -> bytes:
    """A PNG of 9 by 8 shaded blocks in one colour, both told by `key`."""
    digest = hashlib.sha256(key.encode()).digest() + hashlib.sha512(key.encode()).digest()
    red, green, blue = digest[:3]
    palette = b"".join(
        bytes((red * n // 15, green * n // 15, blue * (15 - n) // 15)) for n in range(16)
    )
    rows = [
        b"\0" + bytes(digest[8 + 9 * block + 9 * x // width] & 15 for x in range(width))
        for block in range(8)
    ]
    pixels = b"".join(rows[8 * y // height] for y in range(height))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"IDAT", zlib.compress(pixels, 1)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
