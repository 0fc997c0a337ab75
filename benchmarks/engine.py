"""How near the engine comes to the ideal: bare tasks, and the full way of images with the stub.

The ideal wall time is N x seconds / in flight: what it would take if everything but the waiting
were free.
"""

import time
from pathlib import Path

from benchmarks.common import Worker, figure, heading, manage, own_data, until, write_posts

IN_FLIGHT = 64
BARE_TASKS = 1000
POSTS, SECTIONS, CALL_SECONDS = 64, 9, 5.0  # 64 posts of 10 pictures: 640 calls


def main() -> None:
    with own_data() as folder:
        worker = Worker(folder, "--threads", str(IN_FLIGHT))
        try:
            wait_for_worker()
            bare()
            full(folder)
        finally:
            worker.stop()
        heading("The worker that did both")
        figure("errors “database is locked”", str(worker.log.count("database is locked")), "0")
        figure("memory, children and all", f"{worker.peak:.0f} MB", "at most 300 MB")


def wait_for_worker() -> None:
    from imagegen.services.workers import worker_is_present

    until(worker_is_present, seconds=30)
    time.sleep(1)


def bare() -> None:
    """Tasks that only wait, through the queue."""
    from benchmarks.tasks import SECONDS, bare_task
    from imagegen.models import NamedLease

    rows = NamedLease.objects.bulk_create(
        NamedLease(name=f"bench-{number}") for number in range(BARE_TASKS)
    )
    started = time.monotonic()
    for row in rows:
        bare_task.enqueue(row.pk)
    sent = time.monotonic() - started
    waiting = NamedLease.objects.filter(name__startswith="bench-", owner="")
    until(lambda: not waiting.exists(), seconds=120)
    tell("Bare tasks", BARE_TASKS, SECONDS, time.monotonic() - started)
    figure("sending them", f"{BARE_TASKS / sent:.0f} a second")


def full(folder: Path) -> None:
    """Posts in, originals, previews and rows out, with a provider that takes its time."""
    from imagegen.models import GenerationJob, ImageOutput

    make_stub()
    write_posts(folder / "posts", POSTS, SECTIONS)
    manage("import_posts", str(folder / "posts"), "--json")
    started = time.monotonic()
    manage("generate_images", "--all", "--slots", "hero,section", "--provider", "stub")
    planned = time.monotonic() - started
    jobs = GenerationJob.objects.all()
    began = jobs.order_by("attempts__sent_at").values_list("attempts__sent_at", flat=True)
    until(
        lambda: not jobs.filter(state__in=GenerationJob.OPEN_STATES).exists(),
        seconds=20 * 60,
        every=0.5,
    )
    ended = jobs.order_by("-finished_at").values_list("finished_at", flat=True).first()
    wall = (ended - began.exclude(attempts__sent_at=None).first()).total_seconds()
    count = jobs.count()
    tell("The full way with the stub", count, CALL_SECONDS, wall)
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


def tell(name: str, count: int, seconds: float, wall: float) -> None:
    ideal = count * seconds / IN_FLIGHT
    heading(f"{name}: {count} of {seconds:g} s, {IN_FLIGHT} in flight")
    figure("wall", f"{wall:.2f} s", f"ideal {ideal:.2f} s")
    figure("wall / ideal", f"{wall / ideal:.3f}", "bare: at most 1.10")
    figure("ideal / wall", f"{ideal / wall:.3f}", "full: at least 0.90")


if __name__ == "__main__":
    main()
