"""The entries of STORAGES for S3 and what speaks its language, from the environment."""

from typing import Any

from config.env import Env

BUCKET = r"([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])?"
ADDRESS = r"(https?://[^\s/?#@]+(/[^\s?#]*)?)?"
ENCRYPTION = r"(AES256|aws:kms(:\S+)?)?"
PREFIX = r"(?!.*\.\.)([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?)?"
FOR_EVER = "public, max-age=31536000, immutable"


def bucket_storages(env: Env, *, media_url: str) -> dict[str, dict[str, Any]]:
    """`originals_s3` and `published_s3`, each where its bucket is named.

    Without `S3_PUBLIC_URL` the site serves published files itself, under `media_url`. Where no
    keys are set, boto3 finds the rights of the machine.
    """
    private = _bucket(env, "S3_BUCKET_ORIGINALS")
    public = _bucket(env, "S3_BUCKET_PUBLISHED")
    shared = _shared(env)
    public_url = env.text(
        "S3_PUBLIC_URL", pattern=ADDRESS, expected="an address such as https://cdn.example.org"
    )
    serving = {"public_url": public_url} if public_url else {"base_url": media_url}
    labels = {"object_parameters": {"CacheControl": FOR_EVER}}
    found: dict[str, dict[str, Any]] = {}
    if private:
        found["originals_s3"] = _entry(bucket_name=private, **shared)
    if public:
        found["published_s3"] = _entry(bucket_name=public, **shared, **serving, **labels)
    return found


def _entry(**options: Any) -> dict[str, Any]:
    return {"BACKEND": "imagegen.s3.DurableS3Storage", "OPTIONS": options}


def _bucket(env: Env, name: str) -> str:
    return env.text(name, pattern=BUCKET, expected="the name of a bucket, such as blog-originals")


def _shared(env: Env) -> dict[str, Any]:
    """What both buckets have in common."""
    options: dict[str, Any] = {
        "endpoint_url": env.text(
            "S3_ENDPOINT_URL", pattern=ADDRESS, expected="an address such as https://s3.example.org"
        )
        or None,
        "region_name": env.text("S3_REGION") or None,
        "addressing_style": env.choice("S3_ADDRESSING", "auto", ("auto", "path", "virtual")),
        "location": env.text(
            "S3_PREFIX", pattern=PREFIX, expected="a folder without .., such as blog/pictures"
        ).rstrip("/"),
        "encryption": env.text(
            "S3_ENCRYPTION", pattern=ENCRYPTION, expected="AES256, aws:kms or aws:kms:<key>"
        ),
    }
    keys = {
        "access_key": env.secret("AWS_ACCESS_KEY_ID"),
        "secret_key": env.secret("AWS_SECRET_ACCESS_KEY"),
        "security_token": env.secret("AWS_SESSION_TOKEN"),
    }
    return options | {name: value for name, value in keys.items() if value}
