"""An object store on loopback that keeps S3's promises, and breaks them on request.

`FakeS3` checks SHA-256 and `If-None-Match` as S3 does. `faults` is a list of (operation, fault)
that are used up in order: the next call of the operation ("PUT", "GET", "HEAD", "PART",
"COMPLETE", …) suffers the fault:

503      answers SlowDown
403      refuses the key
cut      closes the connection after half of the body
lost     does what was asked and never answers
wrong    keeps other bytes than it got
slow     answers after 50 ms
"""

import base64
import hashlib
import threading
import time
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree  # noqa: S405 - our own client's documents
from xml.sax.saxutils import escape

LOST_SECONDS = 0.5


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@dataclass
class Kept:
    """One object."""

    data: bytes
    headers: dict[str, str]
    sha256: str
    kind: str = "FULL_OBJECT"


@dataclass
class FakeS3:
    """The store. `objects` by bucket/key; `calls` is what was asked, in order."""

    objects: dict[str, Kept] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    checksums: bool = True
    page: int = 1000

    def __enter__(self) -> "FakeS3":
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        handler = type("Bound", (Handler,), {"store": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        """An empty store in good health."""
        for kept in (self.objects, self.uploads, self.headers, self.faults, self.calls):
            kept.clear()
        self.checksums, self.page = True, 1000

    def fault(self, operation: str) -> str:
        """The fault that this call suffers, "" for none."""
        with self.lock:
            self.calls.append(operation)
            for number, (name, fault) in enumerate(self.faults):
                if name == operation:
                    del self.faults[number]
                    return fault
        return ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: FakeS3

    def log_message(self, *args: Any) -> None:
        pass

    # --- Ways in --------------------------------------------------------------------

    def do_PUT(self) -> None:
        self._serve("PART" if "partNumber" in self.query else "PUT")

    def do_POST(self) -> None:
        self._serve("CREATE" if "uploads" in self.query else "COMPLETE")

    def do_GET(self) -> None:
        self._serve("LIST" if "list-type" in self.query else "GET")

    def do_HEAD(self) -> None:
        self._serve("HEAD")

    def do_DELETE(self) -> None:
        self._serve("ABORT" if "uploadId" in self.query else "DELETE")

    @property
    def query(self) -> dict[str, str]:
        parsed = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _serve(self, operation: str) -> None:
        self.operation, self.mishap = operation, self.store.fault(operation)
        length = int(self.headers.get("Content-Length") or 0)
        if self.mishap == "cut" and length:
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        self.body = self.rfile.read(length)
        if self.mishap in ("503", "403"):
            code = {"503": "SlowDown", "403": "InvalidAccessKeyId"}[self.mishap]
            self._refuse(int(self.mishap), code)
            return
        if self.mishap == "slow":
            time.sleep(0.05)
        if self.mishap == "wrong" and self.body:
            self.body = bytes([self.body[0] ^ 1]) + self.body[1:]
        getattr(self, f"_{operation.lower()}")()

    # --- Answers --------------------------------------------------------------------

    def _answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        if self.mishap == "lost":
            self.store.stopped.wait(LOST_SECONDS)
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.mishap == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>AKIAEXAMPLE at /srv</Message></Error>"
        self._answer(status, text.encode())

    # --- Operations -----------------------------------------------------------------

    def _put(self) -> None:
        told = self.headers.get("x-amz-checksum-sha256")
        if self.mishap != "wrong" and told != checksum(self.body):
            self._refuse(400, "BadDigest")
            return
        self._keep(Kept(self.body, self._labels(), checksum(self.body)))

    def _keep(self, kept: Kept) -> None:
        with self.store.lock:
            taken = self.headers.get("If-None-Match") == "*" and self.key in self.store.objects
            if not taken:
                self.store.objects[self.key] = kept
        if taken:
            self._refuse(412, "PreconditionFailed")
            return
        self._answer(200, b"<r/>", ETag='"e"')

    def _labels(self) -> dict[str, str]:
        return {
            name.lower(): value
            for name, value in self.headers.items()
            if name.lower().startswith(("x-amz-meta", "x-amz-server", "content-type", "cache-"))
        }

    def _create(self) -> None:
        upload = uuid.uuid4().hex
        self.store.uploads[upload] = {}
        self.store.headers[upload] = self._labels()
        text = (
            "<InitiateMultipartUploadResult>"
            f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        )
        self._answer(200, text.encode())

    def _part(self) -> None:
        query = self.query
        self.store.uploads[query["uploadId"]][int(query["partNumber"])] = self.body
        self._answer(200, ETag='"p"')

    def _complete(self) -> None:
        upload = self.query["uploadId"]
        parts = self.store.uploads.pop(upload, None)
        if parts is None:
            self._refuse(404, "NoSuchUpload")
            return
        numbers = [
            int(part.text or 0)
            for part in ElementTree.fromstring(self.body).iter()  # noqa: S314
            if part.tag.endswith("PartNumber")
        ]
        pieces = [parts[number] for number in numbers]
        joined = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
        told = f"{checksum(joined)}-{len(pieces)}"
        self._keep(Kept(b"".join(pieces), self.store.headers[upload], told, "COMPOSITE"))

    def _abort(self) -> None:
        if self.store.uploads.pop(self.query["uploadId"], None) is None:
            self._refuse(404, "NoSuchUpload")
            return
        self._answer(204)

    def _head(self) -> None:
        self._get()

    def _get(self) -> None:
        kept = self.store.objects.get(self.key)
        if kept is None:
            self._refuse(404, "NoSuchKey")
            return
        headers = {
            **kept.headers,
            "Content_Length": str(len(kept.data)),
            "Last-Modified": formatdate(usegmt=True),
            "ETag": '"e"',
        }
        if self.store.checksums and self.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers |= {"x-amz-checksum-sha256": kept.sha256, "x-amz-checksum-type": kept.kind}
        self._answer(200, kept.data, **headers)

    def _delete(self) -> None:
        self.store.objects.pop(self.key, None)
        self._answer(204)

    def _item(self, key: str) -> str:
        kept, name = self.store.objects[key], key.split("/", 1)[1]
        etag = hashlib.md5(kept.data, usedforsecurity=False).hexdigest()
        return (
            f"<Contents><Key>{escape(name)}</Key><Size>{len(kept.data)}</Size>"
            f"<ETag>{etag}</ETag></Contents>"
        )

    def _list(self) -> None:
        bucket, query = self.key.split("/")[0], self.query
        start, after = query.get("prefix", ""), query.get("continuation-token", "")
        keys = [key.removeprefix(f"{bucket}/") for key in sorted(self.store.objects)]
        keys = [key for key in keys if key.startswith(start)]
        below = set()
        if query.get("delimiter"):
            below = {
                start + key[len(start) :].split("/")[0] + "/"
                for key in keys
                if "/" in key[len(start) :]
            }
            below = set() if after else below
            keys = [key for key in keys if "/" not in key[len(start) :]]
        rest = [key for key in keys if key > after]
        page, more = rest[: self.store.page], len(rest) > self.store.page
        items = "".join(map(self._item, [f"{bucket}/{key}" for key in page]))
        items += "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            for name in sorted(below)
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{items}</ListBucketResult>"
        )
        self._answer(200, text.encode())
