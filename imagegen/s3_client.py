"""The client of an object store: how it is asked, and what becomes of its refusals."""

import functools
import time
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import SuspiciousFileOperation
from storages.backends.s3 import S3Storage

from imagegen.errors import StorageProblem
from imagegen.s3_facts import code_of, is_passing, status_of, why


class BucketStorage(S3Storage):
    """A bucket that is asked by one client for all threads. See `imagegen.s3`."""

    pauses = (0.5, 2.0)  # seconds before each further try

    def get_default_settings(self) -> dict[str, Any]:
        own = {"encryption": "", "public_url": "", "base_url": None, "timeout": 30.0}
        return {**super().get_default_settings(), **own, "file_overwrite": False}

    @property
    def client(self) -> Any:
        """One client for all threads; it repeats nothing by itself."""
        return make_client(
            endpoint=self.endpoint_url,
            region=self.region_name,
            addressing=self.addressing_style or "auto",
            timeout=self.timeout,
            use_ssl=self.use_ssl,
            verify=self.verify,
            keys=(self.access_key, self.secret_key, self.security_token, self.session_profile),
        )

    def _key(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise SuspiciousFileOperation(f"The name {name!r} leads out of the storage.")
        return self._normalize_name(name)

    def _ask(self, operation: str, name: str, **parameters: Any) -> dict[str, Any]:
        """A call that may be repeated. `FileNotFoundError` for 404, else `StorageProblem`."""
        for pause in (*self.pauses, None):
            try:
                return self._call(operation, **parameters)
            except (BotoCoreError, ClientError) as error:
                if status_of(error) == 404 and code_of(error) != "NoSuchBucket":
                    raise FileNotFoundError(f"There is no file {name}.") from error
                if pause is None or not is_passing(error):
                    raise StorageProblem(
                        f"The file {name} cannot be used: {why(error)}."
                    ) from error
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return getattr(self.client, operation)(Bucket=self.bucket_name, **parameters)


@functools.lru_cache(maxsize=8)
def make_client(
    *,
    endpoint: str | None,
    region: str | None,
    addressing: str,
    timeout: float,
    use_ssl: bool,
    verify: Any,
    keys: tuple[str | None, ...],
) -> Any:
    """A client; storages of one account share it, for it takes a while to make."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        connect_timeout=min(10.0, timeout),
        read_timeout=timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=32,
        # Every write brings a SHA-256 of its own.
        request_checksum_calculation="when_required",
    )
    return _session(*keys).client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        use_ssl=use_ssl,
        verify=verify,
        config=config,
    )


@functools.lru_cache(maxsize=4)
def _session(key: str | None, secret: str | None, token: str | None, profile: str | None) -> Any:
    """One session for the storages of an account: what describes S3 is read once."""
    return boto3.session.Session(
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        profile_name=profile,
    )
