"""How well a worker uses the machine when an archive gets a changed watermark.

Posts with pictures are published with a watermark; the watermark is changed, and every place is
made and served anew. What counts is the CPU time of the worker and its children by what the
cores could give in that time. On a machine that others use too that says little: then look at
how long the processes that draw had a core or waited for one.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import (
    Worker,
    core_seconds,
    figure,
    heading,
    machine_cpu,
    manage,
    own_data,
    tree_cpu,
    until,
    write_posts,
)

POSTS, SECTIONS = 100, 9  # 1,000 pictures
SIZE = (480, 312)  # two widths, each as AVIF and JPEG


def main() -> None:
    with own_data() as folder:
        draw_pictures(folder)
        approve()
        worker = Worker(folder)
        try:
            until_published()
            tell(change_watermark(worker.pid))
        finally:
            worker.stop()
        heading("The worker that did it")
        figure("memory, children and all", f"{worker.peak:.0f} MB")
        figure("errors “database is locked”", str(worker.log.count("database is locked")), "0")


def draw_pictures(folder: Path) -> None:
    from prompts.models import ImageSetting

    width, height = SIZE
    ImageSetting.objects.create(name="Bench", slug="bench", width=width, height=height)
    write_posts(folder / "posts", POSTS, SECTIONS)
    manage("import_posts", str(folder / "posts"))
    manage("generate_images", "--all", "--slots", "hero,section", "--setting", "bench")
    Worker(folder, "--until-idle").wait()


def approve() -> None:
    """Approve every picture under a watermark: imported with a date, the posts are public."""
    from imagegen.models import ImageOutput, WatermarkProfile
    from imagegen.services.review import approve_output
    from imagegen.services.watermark_profiles import save_profile

    mark = WatermarkProfile(name="Bench", text="© The Magazine", is_default=True)
    save_profile(profile=mark, user=None)
    for output in ImageOutput.objects.order_by("pk"):
        approve_output(output=output, user=None)


def until_published(note: Callable[[], object] = lambda: None) -> float:
    """Wait until no place is due; `note` is called now and then. The seconds that it took."""
    from imagegen.services.publishing import places_to_publish

    def done() -> bool:
        note()
        return not places_to_publish().exists()

    return until(done, seconds=900, every=0.1)


@dataclass
class Run:
    """What the change took: seconds, CPU seconds, and how many places were made anew.

    `drawing` is the part of its time, 0 to 1, that a child had work.
    """

    wall: float
    worker: float
    children: float
    others: float
    drawing: float
    places: int

    @property
    def cpu(self) -> float:
        return self.worker + self.children


def change_watermark(pid: int) -> Run:
    from django.conf import settings

    from imagegen.models import WatermarkProfile
    from imagegen.services.publishing import places_to_publish
    from imagegen.services.watermark_profiles import save_profile

    cpu, all_cpu = tree_cpu(pid), machine_cpu()
    had_work = core_seconds(pid)
    before = sum(had_work.values())
    started = time.monotonic()
    mark = WatermarkProfile.objects.get()
    mark.text = "© The Magazine 2026"
    save_profile(profile=mark, user=None)
    places = places_to_publish().count()
    until_published(lambda: had_work.update(core_seconds(pid)))
    wall = time.monotonic() - started
    worker, children = (now - then for now, then in zip(tree_cpu(pid), cpu, strict=True))
    return Run(
        wall=wall,
        worker=worker,
        children=children,
        others=machine_cpu() - all_cpu - worker - children,
        drawing=(sum(had_work.values()) - before) / wall / settings.DRAW_PROCESSES,
        places=places,
    )


def tell(run: Run) -> None:
    from imagegen.models import PublicCopy

    cores = len(os.sched_getaffinity(0))
    files = PublicCopy.objects.live().count()
    heading(f"{run.places} places get a changed watermark, {files} files, {cores} cores")
    figure("wall", f"{run.wall:.1f} s, {run.places / run.wall:.1f} a second")
    each = [f"{1000 * cpu / run.places:.0f} ms" for cpu in (run.children, run.worker)]
    figure("CPU a picture: drawing, all else", ", ".join(each))
    figure("CPU / (wall x cores)", f"{run.cpu / run.wall / cores:.2f}", "at least 0.85")
    figure("cores taken by others meanwhile", f"{run.others / run.wall:.2f}", "0")
    figure("part of the time that drawers had work", f"{run.drawing:.2f}", "at least 0.85")


if __name__ == "__main__":
    main()
