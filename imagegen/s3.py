"""Object storage (S3 and what speaks its language) with the promises of our local storage.

A name appears with all of its bytes or not at all and is never given twice: objects are made
by `If-None-Match: *`, sent with their SHA-256 and looked at afterwards. Where an answer never
arrives the store is asked what it holds; nothing is taken for lost or stored by guess.

Only `STORAGES` names this module: it loads boto3.
"""

import contextlib
import hashlib
import logging
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from django.utils.encoding import filepath_to_uri

from imagegen.errors import StorageProblem
from imagegen.s3_client import BucketStorage
from imagegen.s3_facts import (
    Body,
    content_type,
    encryption_facts,
    is_passing,
    status_of,
    to_base64,
    told_sha256,
    why,
)

logger = logging.getLogger("imagegen")

CHUNK_BYTES = 256 * 1024
IN_MEMORY_BYTES = 8 * 1024 * 1024  # of a file that is read; larger ones lie in the spool folder


class DurableS3Storage(BucketStorage):
    """A bucket, create-only and verified. Raises `StorageProblem`, never a server's own words.

    Options besides those of django-storages: `encryption` ("", "AES256", "aws:kms" or
    "aws:kms:<key>"), `public_url` (where readers get the files: a CDN or the bucket),
    `base_url` (where this site serves them instead; neither: private), `timeout` in seconds.
    """

    # --- Names and addresses ------------------------------------------------------------

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def url(self, name: str, *args: Any, **options: Any) -> str:
        """Where readers get a public file."""
        if self.public_url:
            return f"{self.public_url.rstrip('/')}/{filepath_to_uri(self._key(name))}"
        if self.base_url is None:
            raise ValueError("A private file has no public address.")
        return f"{self.base_url}{filepath_to_uri(name)}"

    def signed_url(self, name: str, *, seconds: int, **headers: str) -> str:
        """An address that shows the file to whoever has it, for `seconds`.

        `headers` are those of the answer, as S3 names them (`ResponseContentType=…`).
        """
        try:
            return self.client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket_name, "Key": self._key(name), **headers},
                ExpiresIn=seconds,
            )
        except (BotoCoreError, ClientError) as error:
            raise StorageProblem(f"No address for {name} can be signed: {why(error)}.") from error

    # --- Looking ------------------------------------------------------------------------

    def _head(self, name: str) -> dict[str, Any]:
        return self._ask("head_object", name, Key=self._key(name), ChecksumMode="ENABLED")

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return self._head(name)["ContentLength"]

    def get_modified_time(self, name: str) -> datetime:
        return self._head(name)["LastModified"]

    def delete(self, name: str) -> None:
        """Remove the file; one that is not there is no error."""
        try:
            self._ask("delete_object", name, Key=self._key(name))
        except FileNotFoundError:
            return

    def listing(self, folder: str) -> Iterator[tuple[str, int, str]]:
        """Name, size and a stamp that changes with the content, of all files under a folder."""
        for page in self._pages(folder):
            for entry in page.get("Contents", ()):
                name = entry["Key"][len(self.location) :].lstrip("/")
                if name.endswith("/"):  # consoles lay an empty object where a folder is made
                    continue
                yield name, entry.get("Size", 0), f"{entry.get('ETag')}-{entry.get('LastModified')}"

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        folders: list[str] = []
        files: list[str] = []
        start = self._folder_key(name)
        for page in self._pages(name, Delimiter="/"):
            folders += [
                entry["Prefix"][len(start) : -1] for entry in page.get("CommonPrefixes", ())
            ]
            files += [entry["Key"][len(start) :] for entry in page.get("Contents", ())]
        return folders, [file for file in files if file]

    def _folder_key(self, folder: str) -> str:
        key = self._key(folder)
        return f"{key}/" if key and not key.endswith("/") else key

    def _pages(self, folder: str, **parameters: str) -> Iterator[dict[str, Any]]:
        parameters = {"Prefix": self._folder_key(folder), **parameters}
        while True:
            try:
                page = self._ask("list_objects_v2", folder, **parameters)
            except FileNotFoundError as error:
                raise StorageProblem(f"The folder {folder} cannot be listed.") from error
            yield page
            if not page.get("IsTruncated"):
                return
            parameters["ContinuationToken"] = page["NextContinuationToken"]

    # --- Reading ------------------------------------------------------------------------

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode not in ("r", "rb"):
            raise ValueError("A stored file can only be read.")
        target = _scratch()
        try:
            self.fetch(name, target)
        except BaseException:
            target.close()
            raise
        return File(target, name)

    def fetch(self, name: str, target: IO[bytes], *, believe: bool = False) -> str:
        """Write the whole file into `target` and rewind it; returns its SHA-256.

        What arrives is held against the length that the store tells and, unless its word for
        them is believed, against the checksum. Raises `FileNotFoundError`, `StorageProblem`.
        """
        for pause in (*self.pauses, None):
            answer = self._ask("get_object", name, Key=self._key(name), ChecksumMode="ENABLED")
            try:
                sha256 = self._receive(answer, target, believe)
            except (BotoCoreError, ClientError) as error:
                problem, cause = f"The file {name} cannot be read: {why(error)}.", error
            else:
                if sha256 is not None:
                    return sha256
                problem, cause = f"The file {name} does not hold the bytes it should.", None
            if pause is None:
                raise StorageProblem(problem) from cause
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _receive(self, answer: dict[str, Any], target: IO[bytes], believe: bool) -> str | None:
        """Read one answer; None if it is not what the store says that it is."""
        target.seek(0)
        target.truncate()
        digest, size = hashlib.sha256(), 0
        with contextlib.closing(answer["Body"]) as body:
            for data in body.iter_chunks(CHUNK_BYTES):
                target.write(data)
                digest.update(data)
                size += len(data)
        target.seek(0)
        told = "" if believe else told_sha256(answer)
        if size != answer["ContentLength"] or (told and told != digest.hexdigest()):
            return None
        return digest.hexdigest()

    def holds(self, name: str, sha256: str, *, read: bool = False) -> bool:
        """Whether the file has these bytes, by the store's checksum; by reading it where the
        store keeps none, or on demand. Raises `FileNotFoundError` and `StorageProblem`."""
        head = self._head(name)
        told = told_sha256(head) if "ChecksumSHA256" in head else ""
        if told and not read:
            return told == sha256
        with self._open(name) as file:
            return hashlib.file_digest(file.file, "sha256").hexdigest() == sha256

    # --- Writing ------------------------------------------------------------------------

    def _save(self, name: str, content: File) -> str:
        try:
            body = Body.of(content)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise StorageProblem(f"The file {name} could not be stored: {reason}.") from error
        if self._create(name, body):
            self._verify(name, body)
        return name

    def _create(self, name: str, body: Body) -> bool:
        """Make the object. False where it was found made, by a try whose answer got lost."""
        doubtful = False
        for pause in (*self.pauses, None):
            try:
                self._send(name, body)
                return True
            except (BotoCoreError, ClientError) as error:
                taken = status_of(error) == 412
                if taken and not doubtful:
                    raise self._taken(name) from error
                if not taken and not is_passing(error):
                    raise StorageProblem(
                        f"The file {name} could not be stored: {why(error)}."
                    ) from error
                doubtful = True
                if self._is_there(name, body):
                    return False
                if pause is None:
                    raise StorageProblem(
                        f"The file {name} could not be stored: {why(error)}."
                    ) from error
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _taken(self, name: str) -> StorageProblem:
        return StorageProblem(f"The file {name} is there already; it was not touched.")

    def _is_there(self, name: str, body: Body) -> bool:
        """Whether the object is there with our bytes; with others it is `StorageProblem`."""
        try:
            if self._keeps(name, body):
                return True
        except FileNotFoundError:
            return False
        raise self._taken(name)

    def _keeps(self, name: str, body: Body) -> bool:
        head = self._head(name)
        if head["ContentLength"] != body.size:
            return False
        if told := head.get("ChecksumSHA256"):
            return told in (to_base64(body.sha256), body.composite, body.composite.split("-")[0])
        with _scratch() as file:
            return self.fetch(name, file, believe=True) == body.sha256.hex()

    def _verify(self, name: str, body: Body) -> None:
        """Look at the object that was just made; a wrong one is ours to remove again."""
        for pause in (*self.pauses, None):
            try:
                if self._keeps(name, body):
                    return
                break
            except FileNotFoundError as error:  # some stores list a new object a moment later
                if pause is None:
                    raise StorageProblem(
                        f"The file {name} was taken by the storage and is not there."
                    ) from error
                time.sleep(pause)
        self.delete(name)
        raise StorageProblem(
            f"The storage kept other bytes of {name} than were sent; they were removed again."
        )

    def _send(self, name: str, body: Body) -> None:
        if body.composite:
            self._send_parts(name, body)
            return
        self._call(
            "put_object",
            Key=self._key(name),
            Body=next(body.parts()),
            ChecksumSHA256=to_base64(body.sha256),
            IfNoneMatch="*",
            **self._facts(name, body),
        )

    def _send_parts(self, name: str, body: Body) -> None:
        key = self._key(name)
        made = self._call(
            "create_multipart_upload",
            Key=key,
            ChecksumAlgorithm="SHA256",
            **self._facts(name, body),
        )
        upload = {"Key": key, "UploadId": made["UploadId"]}
        try:
            parts = [
                self._send_part(name, upload, number, data)
                for number, data in enumerate(body.parts(), start=1)
            ]
            self._call(
                "complete_multipart_upload",
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
                **upload,
            )
        except BaseException:
            self._abort(name, upload)
            raise

    def _send_part(self, name: str, upload: dict, number: int, data: bytes) -> dict[str, Any]:
        checksum = to_base64(hashlib.sha256(data).digest())
        try:
            answer = self._ask(
                "upload_part", name, PartNumber=number, Body=data, ChecksumSHA256=checksum, **upload
            )
        except FileNotFoundError as error:
            raise StorageProblem(f"The storage has forgotten the upload of {name}.") from error
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def _abort(self, name: str, upload: dict) -> None:
        """Parts that are left behind cost money: have them removed."""
        try:
            self._ask("abort_multipart_upload", name, **upload)
        except FileNotFoundError:
            return
        except StorageProblem as error:
            logger.error("Parts of %s may be left in the storage. %s", name, error)

    def _facts(self, name: str, body: Body) -> dict[str, Any]:
        """What the object is labelled with."""
        labels = {"sha256": body.sha256.hex()}
        if body.composite:
            labels["composite"] = body.composite
        facts = {**self.get_object_parameters(name), "Metadata": labels}
        facts |= {"ContentType": content_type(name), **encryption_facts(self.encryption)}
        return facts


def _scratch() -> Any:
    """A file for what is read: in memory while it is small, else in the spool folder."""
    folder = Path(settings.SPOOL_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES, dir=folder)
