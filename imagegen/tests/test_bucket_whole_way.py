"""A published picture goes to an S3 server that is not ours, is served from there, and returns."""

import hashlib
from contextlib import redirect_stderr
from io import StringIO

import boto3
import pytest
import requests
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from imagegen import s3_facts, storage
from imagegen.errors import StorageProblem
from imagegen.models import PublicCopy, WatermarkProfile
from imagegen.services import edits, moving, publishing
from imagegen.services.doctor import find_problems
from imagegen.services.watermarks import set_watermark
from imagegen.tests.buckets import use_buckets
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.pictures import png
from imagegen.tests.stored import choose, in_this_process  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_this_process")]
MOVES = [("originals", "originals_s3"), ("published", "published_s3")]


@pytest.fixture
def moto(settings, roles_move):
    """Two empty buckets of moto."""
    moto_server = pytest.importorskip("moto.server")
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with redirect_stderr(StringIO()):
        server.start()
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        requests.post(f"{address}/moto-api/reset", timeout=5)  # it remembers earlier servers
        use_buckets(settings, address, timeout=5.0)
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        for bucket in ("private", "public"):
            client.create_bucket(Bucket=bucket)
        yield client
        server.stop()


def hashes(alias: str) -> dict[str, str]:
    """Name and SHA-256 of every file of a storage, read from it."""
    kept = storages[alias]
    names = [entry.name for entry in moving.entries(kept, moving.role_for(alias))]
    return {name: hashlib.sha256(kept.open(name).read()).hexdigest() for name in names}


def test_archive_goes_to_a_server_and_back_with_equal_hashes(moto, client, monkeypatch):
    post = make_post(published=True)
    choose(hero_of(post))
    publishing.publish_pictures(post_id=post.pk)
    before = {alias: hashes(alias) for alias, _ in MOVES}

    for here, there in MOVES:
        assert moving.move_storage(source=here, target=there).switched
        assert hashes(there) == before[here]
    assert [problem.message for problem in find_problems(deep=True)] == []
    copy = PublicCopy.objects.public().first()
    served = b"".join(client.get(f"/media/{copy.path}").streaming_content)
    assert hashlib.sha256(served).hexdigest() == copy.sha256

    for here, there in MOVES:
        for name in before[here]:
            storages[here].delete(name)
        assert moving.move_storage(source=there, target=here).switched
        assert hashes(here) == before[here]
    assert storage.originals() is storages["originals"]

    # The same server, and a file in parts: made once, whole, and never replaced.
    monkeypatch.setattr(s3_facts, "PART_BYTES", 5 * 1024 * 1024)
    large = b"0123456789" * 600_000
    bucket = storages["originals_s3"]
    bucket.save("originals/large.png", ContentFile(large))
    assert storage.holds(bucket, "originals/large.png", hashlib.sha256(large).hexdigest())
    with pytest.raises(StorageProblem, match="is there already"):
        bucket.save("originals/large.png", ContentFile(large + b"!"))


def live_hashes(post):
    """What readers get of a post, by variant."""
    publishing.publish_pictures(post_id=post.pk)
    return {row.variant + row.purpose: row.sha256 for row in PublicCopy.objects.public()}


def test_picture_is_marked_unmarked_and_cropped_on_the_server(moto, editor, administrator):
    post = make_post(published=True)
    output = choose(hero_of(post), data=png(1, (400, 300)))
    plain = live_hashes(post)
    for here, there in MOVES:
        assert moving.move_storage(source=here, target=there).switched
    profile = WatermarkProfile.objects.create(name="House", slug="house", text="The Field")
    set_watermark(outputs=[output], watermarking="profile", profile=profile, user=editor)
    assert live_hashes(post) != plain
    set_watermark(outputs=[output], watermarking="inherit", profile=None, user=editor)
    assert live_hashes(post) == plain

    made = edits.crop_output(output=output, region=(0, 0, 1, 0.8), user=administrator)
    assert (made.parent, storage.hash_file(storage.originals(), made.path)) == (output, made.sha256)
    on_server = hashes("originals_s3")
    back = moving.move_storage(source="originals_s3", target="originals", resume=True)
    assert back.switched
    assert hashes("originals") == on_server
