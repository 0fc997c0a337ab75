"""Waiting at the command line until changed pictures are published, or publishing them here."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet

from blog.models import Post
from imagegen.models import ImageSlot
from imagegen.services import workers
from imagegen.services.publishing import places_to_publish, publish_pictures
from imagegen.services.wording import count_text, duration_text

PLAIN_EVERY = 5.0  # seconds between plain lines
STALLED = 180.0  # seconds without any progress after which nothing more is waited for
BAR = 28  # characters


class PublishWatch:
    """Shows how many places of `posts` are still due; publishes them where no worker reports."""

    def __init__(
        self, *, posts: QuerySet[Post] | None, write: Callable[..., None], terminal: bool
    ) -> None:
        self._posts, self._write, self._terminal = posts, write, terminal
        self._started, self._last_line, self._last_text = time.monotonic(), 0.0, ""
        self._total = self._due().count()

    def _due(self) -> QuerySet[ImageSlot]:
        due = places_to_publish()
        return due if self._posts is None else due.filter(post__in=self._posts)

    def wait(self) -> int:
        """Return how many places are still due when nothing more can be done about them."""
        if not workers.worker_is_present():
            self._write("No worker has reported for ten seconds: this command publishes itself.")
            self._publish_here()
        else:
            self._wait_for_worker()
        left = self._due().count()
        self._tick(left, final=True)
        return left

    def _wait_for_worker(self) -> None:
        left, moved_at = self._total, time.monotonic()
        while left and time.monotonic() - moved_at < STALLED:
            self._tick(left)
            time.sleep(0.5)
            now = self._due().count()
            if now != left:
                left, moved_at = now, time.monotonic()

    def _publish_here(self) -> None:
        """Each post once, several at a time: drawing is done by child processes."""
        posts = list(self._due().order_by("post_id").values_list("post_id", flat=True).distinct())
        with ThreadPoolExecutor(settings.WORKER_THREADS) as pool:
            for problems in pool.map(_publish, posts):
                for problem in problems:
                    self._write(problem)
                self._tick(None)

    def _tick(self, left: int | None, final: bool = False) -> None:
        """One line of progress: redrawn on a terminal, now and then elsewhere."""
        now = time.monotonic()
        if not final and now - self._last_line < (0.3 if self._terminal else PLAIN_EVERY):
            return
        self._last_line = now
        text = self._line(self._due().count() if left is None else left)
        if self._terminal:
            self._write("\r" + text.ljust(90)[:90], ending="\n" if final else "")
        elif text != self._last_text:
            self._write(text)
        self._last_text = text

    def _line(self, left: int) -> str:
        done = max(0, self._total - left)
        return ", ".join(self._parts(done, left))

    def _parts(self, done: int, left: int) -> Iterator[str]:
        text = f"{done:,} of {count_text(self._total, 'place')} published anew"
        if self._terminal:
            filled = BAR * done // max(self._total, 1)
            text = f"[{'█' * filled}{'·' * (BAR - filled)}] {text}"
        yield text
        elapsed = max(time.monotonic() - self._started, 0.001)
        if done:
            yield f"{done / elapsed:.1f} a second"
            if left:
                yield f"{duration_text(elapsed / done * left)} left"


def _publish(post_id: int) -> list[str]:
    try:
        return publish_pictures(post_id=post_id).problems
    finally:
        connections.close_all()
