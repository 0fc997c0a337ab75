"""What is sent to an object store and what its answers mean, apart from the calls themselves."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from django.core.files import File

from imagegen.imaging.sniffing import CONTENT_TYPES, EXTENSIONS

PART_BYTES = 16 * 1024 * 1024  # larger files go in parts of this size
PASSING = frozenset({408, 409, 429})  # besides 5xx: worth another try
NOT_IMPLEMENTED = 501
ENCRYPTION = r"(AES256|aws:kms):?(.*)"
TYPES_BY_SUFFIX = {f".{EXTENSIONS[name]}": kind for name, kind in CONTENT_TYPES.items()}


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is to be stored: a seekable file and its proofs. `composite` is the SHA-256 that S3
    keeps for a file that came in parts, "" for one that did not."""

    file: Any
    size: int
    sha256: bytes
    composite: str

    @classmethod
    def of(cls, content: File) -> "Body":
        """Read the content once from its beginning. Raises `OSError`."""
        whole, parts, size = hashlib.sha256(), [], 0
        content.seek(0)
        while data := content.read(PART_BYTES):
            whole.update(data)
            parts.append(hashlib.sha256(data).digest())
            size += len(data)
        composite = ""
        if size > PART_BYTES:
            joined = hashlib.sha256(b"".join(parts)).digest()
            composite = f"{to_base64(joined)}-{len(parts)}"
        return cls(file=content, size=size, sha256=whole.digest(), composite=composite)

    def parts(self) -> Iterator[bytes]:
        """The bytes in order, in pieces of `PART_BYTES`; one empty piece of an empty file."""
        self.file.seek(0)
        data = self.file.read(PART_BYTES)
        while True:
            yield data
            data = self.file.read(PART_BYTES)
            if not data:
                return


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def told_sha256(facts: dict[str, Any]) -> str:
    """The SHA-256 of the whole file as the store tells it; "" if it does not.

    Of a file that came in parts S3 keeps the checksum of the parts' checksums; not every store
    says so. Such a file bears both as metadata, written by us together with the parts.
    """
    told, labels = facts.get("ChecksumSHA256", ""), facts.get("Metadata", {})
    if not told:
        return labels.get("sha256", "")
    if "composite" in labels:
        same = told.split("-")[0] == labels["composite"].split("-")[0]
        return labels.get("sha256", "") if same else ""
    if "-" in told or facts.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    return base64.b64decode(told).hex()


def status_of(error: Exception) -> int:
    """The HTTP status of a refusal; 0 where there was no answer."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


def code_of(error: Exception) -> str:
    """The store's word for a refusal, such as SlowDown; letters only."""
    if isinstance(error, ClientError):
        return re.sub(r"[^A-Za-z]", "", str(error.response.get("Error", {}).get("Code", "")))[:40]
    return ""


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed a moment later."""
    status = status_of(error)
    if isinstance(error, HTTPClientError | ConnectionError):
        return True
    return status in PASSING or (status >= 500 and status != NOT_IMPLEMENTED)


def why(error: Exception) -> str:
    """Why a call failed, as the end of a sentence. The store's own text is not repeated: it
    may hold keys and addresses."""
    status, code = status_of(error), code_of(error)
    if status in (401, 403):
        return f"the storage refused the access key, or it may not do this ({code or status})"
    if code == "NoSuchBucket":
        return "the bucket is not there"
    if status in (429, 503):
        return f"the storage is overloaded ({code or status})"
    if status == NOT_IMPLEMENTED:
        return "the storage does not know a function that is needed (create-only writes, checksums)"
    if status:
        return f"the storage answered {status} {code}".rstrip()
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "no access key for the storage is set"
    if isinstance(error, ReadTimeoutError):
        return "the storage did not answer in time"
    if isinstance(error, EndpointConnectionError):
        return "the storage cannot be reached"
    return f"the connection to the storage failed ({type(error).__name__})"


def content_type(name: str) -> str:
    """The content type of a file of ours, by its name."""
    suffix = PurePosixPath(name).suffix
    other = "application/json" if suffix == ".json" else "application/octet-stream"
    return TYPES_BY_SUFFIX.get(suffix, other)


def encryption_facts(wanted: str) -> dict[str, str]:
    """What asks for encryption by the store: "AES256", "aws:kms" or "aws:kms:<key>"."""
    match = re.fullmatch(ENCRYPTION, wanted)
    if match is None:
        return {}
    kind, key = match.groups()
    facts = {"ServerSideEncryption": kind}
    return {**facts, "SSEKMSKeyId": key} if key else facts
