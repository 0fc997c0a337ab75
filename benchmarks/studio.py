"""Pictures a second of CPU, drawn and stored by one worker at 640x416, and its memory."""

import time
from pathlib import Path

from benchmarks.common import Worker, figure, heading, manage, own_data, write_posts

POSTS, SECTIONS = 40, 9  # 400 pictures
WIDTH, HEIGHT = 640, 416


def main() -> None:
    with own_data() as folder:
        queue_pictures(folder)
        started = time.monotonic()
        worker = Worker(folder, "--until-idle")
        worker.wait()
        wall = time.monotonic() - started
        tell(worker, wall)


def queue_pictures(folder: Path) -> None:
    from prompts.models import ImageSetting

    ImageSetting.objects.create(name="Bench", slug="bench", width=WIDTH, height=HEIGHT)
    write_posts(folder / "posts", POSTS, SECTIONS)
    manage("import_posts", str(folder / "posts"))
    manage("generate_images", "--all", "--slots", "hero,section", "--setting", "bench")


def tell(worker: Worker, wall: float) -> None:
    from imagegen.models import ImageOutput

    sizes = list(ImageOutput.objects.values_list("width", "height"))
    assert set(sizes) == {(WIDTH, HEIGHT)}, "The pictures have another size."
    count = len(sizes)
    heading(f"Studio: {count} pictures of {WIDTH}x{HEIGHT}, drawn and stored")
    figure("pictures a second of CPU", f"{count / worker.cpu:.1f}", "at least 8")
    figure("CPU a picture", f"{1000 * worker.cpu / count:.0f} ms")
    figure("wall", f"{wall:.1f} s, {count / wall:.1f} a second")
    figure("memory of the worker, children and all", f"{worker.peak:.0f} MB", "under 300 MB")


if __name__ == "__main__":
    main()
