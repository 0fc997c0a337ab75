"""Rows for tests: a post with its places, a stub connection, a job ready to run."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from blog.models import Post
from blog.services import publish_post, save_post
from imagegen.models import GenerationBatch, GenerationJob, ImageSlot
from imagegen.services.batches import GenerationOptions, create_batch, plan_batch
from imagegen.services.slots import ensure_slots
from prompts.models import ImageSetting
from providers.models import Connection, ImageModel

BODY = """An introduction.

## Why no mortar

The stones are held by weight and friction alone.

## Tools

A hammer, a string, patience.
"""


def make_post(
    title: str = "A winter of walls", body: str = BODY, published: bool = False, **fields: Any
) -> Post:
    """A saved post with sections and places."""
    post = save_post(post=Post(title=title, body=body, **fields))
    ensure_slots(post=post)
    if published:
        publish_post(post=post)
        post.refresh_from_db()
    return post


def hero_of(post: Post) -> ImageSlot:
    return post.slots.get(role="hero")


def make_stub(
    folder: Path, *, price: str | None = None, name: str = "stub", **options: Any
) -> Connection:
    """A connection to the stub with its ledger in `folder`; `price` per picture, None: free."""
    rule = {"kind": "per_image", "amount": price} if price else {"kind": "free"}
    connection = Connection.objects.create(
        name=name,
        label=name,
        kind="stub",
        enabled=True,
        max_concurrent=0,
        options={"ledger": str(folder / "ledger.sqlite3"), **options},
    )
    ImageModel.objects.create(
        connection=connection,
        name="stub-1",
        label="Stub",
        is_default=True,
        price_rule=rule,
        capabilities={},
    )
    return connection


def make_batch(
    slots: list[ImageSlot],
    connection: Connection,
    *,
    cap: str | None = None,
    setting: ImageSetting | None = None,
    **options: Any,
) -> GenerationBatch:
    """A queued batch for these places with this connection."""
    wanted = GenerationOptions(connection=connection, setting=setting)
    plan = plan_batch(slots=slots, options=wanted)
    assert not plan.problems, plan.problems
    return create_batch(
        plan=plan,
        user=None,
        door=GenerationBatch.Door.COMMAND,
        kind=GenerationBatch.Kind.TEST,
        cap=Decimal(cap) if cap is not None else None,
        **options,
    )


def only_job(batch: GenerationBatch) -> GenerationJob:
    return batch.jobs.get()
