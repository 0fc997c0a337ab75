"""How near the engine comes to the ideal: bare tasks, and the full way of images with the stub.

The ideal wall time is N x seconds / in flight: what it would take if everything but the waiting
were free.
"""

import time
from pathlib import Path

from django.db.models import Max, Min

from benchmarks.common import Worker, figure, heading, manage, own_data, until, write_posts

IN_FLIGHT = 64
BARE_TASKS = 1000
POSTS, SECTIONS, CALL_SECONDS = 64, 9, 5.0  # 64 posts of 10 pictures: 640 calls


def main() -> None:
    with own_data() as folder:
        sent = send_bare_tasks()
        worker = Worker(folder, "--threads", str(IN_FLIGHT))
        try:
            bare(sent)
            full(folder)
        finally:
            worker.stop()
        heading("The worker that did both")
        figure("errors “database is locked”", str(worker.log.count("database is locked")), "0")
        figure("memory, children and all", f"{worker.peak:.0f} MB", "at most 300 MB")


def send_bare_tasks() -> float:
    """Fill the queue before anybody works; how many a second went in."""
    from benchmarks.tasks import bare_task
    from imagegen.models import NamedLease

    rows = NamedLease.objects.bulk_create(
        NamedLease(name=f"bench-{number}") for number in range(BARE_TASKS)
    )
    started = time.monotonic()
    for row in rows:
        bare_task.enqueue(row.pk)
    return BARE_TASKS / (time.monotonic() - started)


def bare(sent: float) -> None:
    """Tasks that only wait: from the start of the first to the end of the last."""
    from benchmarks.tasks import SECONDS
    from imagegen.models import NamedLease

    rows = NamedLease.objects.filter(name__startswith="bench-")
    until(lambda: not rows.filter(owner="").exists(), seconds=120)
    ended = rows.aggregate(first=Min("until"), last=Max("until"))
    wall = (ended["last"] - ended["first"]).total_seconds() + SECONDS
    tell("Bare tasks", BARE_TASKS, SECONDS, wall, "wall / ideal at most 1.10")
    figure("sent", f"{sent:.0f} a second")


def full(folder: Path) -> None:
    """Posts in, originals, previews and rows out, with a provider that takes its time."""
    from imagegen.models import GenerationJob, ImageOutput

    make_stub()
    write_posts(folder / "posts", POSTS, SECTIONS)
    manage("import_posts", str(folder / "posts"))
    started = time.monotonic()
    manage("generate_images", "--all", "--slots", "hero,section", "--provider", "stub")
    planned = time.monotonic() - started
    jobs = GenerationJob.objects.all()
    until(
        lambda: not jobs.filter(state__in=GenerationJob.OPEN_STATES).exists(),
        seconds=20 * 60,
        every=0.5,
    )
    times = jobs.aggregate(began=Min("attempts__sent_at"), ended=Max("finished_at"))
    wall = (times["ended"] - times["began"]).total_seconds()
    count = jobs.count()
    tell("The full way with the stub", count, CALL_SECONDS, wall, "ideal / wall at least 0.90")
    figure("stored", f"{ImageOutput.objects.count()} of {count}")
    figure("planning and queueing", f"{planned:.1f} s")


def make_stub() -> None:
    from providers.models import Connection, ImageModel

    connection = Connection.objects.create(
        name="stub", label="Stub", kind="stub", max_concurrent=0, options={"delay": CALL_SECONDS}
    )
    ImageModel.objects.create(
        connection=connection, name="stub-1", is_default=True, price_rule={"kind": "free"}
    )


def tell(name: str, count: int, seconds: float, wall: float, target: str) -> None:
    ideal = count * seconds / IN_FLIGHT
    heading(f"{name}: {count} of {seconds:g} s, {IN_FLIGHT} in flight")
    figure("wall (ideal)", f"{wall:.2f} s ({ideal:.2f} s)")
    figure("wall / ideal, ideal / wall", f"{wall / ideal:.3f}, {ideal / wall:.3f}", target)


if __name__ == "__main__":
    main()
