"""Queries and CPU of the admin's lists, 50 rows a page, over ten thousand images."""

import statistics
import time
import uuid
from pathlib import Path

from benchmarks.common import figure, heading, manage, own_data, write_posts

POSTS, SECTIONS, CALLS = 400, 23, 250
RUNS = 15
LISTS = (
    "blog_post",
    "imagegen_imageslot",
    "imagegen_imageoutput",
    "imagegen_generationjob",
    "imagegen_generationbatch",
    "imagegen_attempt",
    "imagegen_reviewevent",
)


def main() -> None:
    with own_data() as folder:
        manage("collectstatic", "--noinput")
        fill(folder)
        heading("Lists of the admin over 10,000 images (at most 10 queries and 35 ms of CPU)")
        client = editor_client()
        for name in LISTS:
            queries, cpu, rows = measure(client, name)
            figure(f"{name}, {rows} rows", f"{queries} queries, {cpu:.0f} ms")


def fill(folder: Path) -> None:
    """Posts with many places, some pictures from the stub, and copies of their rows elsewhere."""
    from imagegen.models import ImageOutput, ImageSlot
    from providers.models import Connection, ImageModel

    stub = Connection.objects.create(name="stub", label="Stub", kind="stub", max_concurrent=0)
    ImageModel.objects.create(
        connection=stub, name="stub-1", is_default=True, price_rule={"kind": "free"}
    )
    write_posts(folder / "posts", POSTS, SECTIONS)
    manage("import_posts", str(folder / "posts"))
    manage("generate_images", "--all", "--provider", "stub", "--limit", str(CALLS), "--wait")
    originals = list(ImageOutput.objects.all())
    copies = []
    for number, slot in enumerate(ImageSlot.objects.filter(outputs=None)):
        copy = ImageOutput.objects.get(pk=originals[number % len(originals)].pk)
        copy.pk, copy.uuid, copy.path = None, uuid.uuid4(), f"originals/copy-{number}.png"
        copy.slot, copy.post_id, copy.attempt = slot, slot.post_id, None
        copies.append(copy)
    ImageOutput.objects.bulk_create(copies, batch_size=500)


def editor_client():
    from django.contrib.auth.models import Group, User
    from django.test import Client

    editor = User.objects.create_user("editor", is_staff=True)
    editor.groups.set(Group.objects.filter(name="Editors"))
    client = Client(SERVER_NAME="localhost")
    client.force_login(editor)
    return client


def measure(client, name: str) -> tuple[int, float, int]:
    """Queries, milliseconds of CPU (median) and rows of the first page of a list."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    url = reverse(f"admin:{name}_changelist")
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    asked = len(queries)  # the next request empties the log
    assert answer.status_code == 200, f"{url} answers {answer.status_code}"
    rows = answer.content.count(b'name="_selected_action"') or answer.content.count(b"<tr") - 1
    times = []
    for _ in range(RUNS):
        started = time.process_time()
        client.get(url)
        times.append(time.process_time() - started)
    return asked, 1000 * statistics.median(times), rows


if __name__ == "__main__":
    main()
