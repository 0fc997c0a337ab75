"""Waiting at the command line until changed pictures are published, or publishing them here."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet

from blog.models import Post
from imagegen.management.progress import ProgressLine
from imagegen.models import ImageSlot
from imagegen.services import workers
from imagegen.services.publishing import places_to_publish, publish_pictures
from imagegen.services.wording import count_text

STALLED = 180.0  # seconds without any progress after which nothing more is waited for


class PublishWatch:
    """Shows how many places of `posts` are still due; publishes them where no worker reports."""

    def __init__(
        self, *, posts: QuerySet[Post] | None, write: Callable[..., None], terminal: bool
    ) -> None:
        self._posts, self._write = posts, write
        self._progress = ProgressLine(write=write, terminal=terminal)
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
        self._progress.show(lambda: self._line(left), final=final)

    def _line(self, left: int | None) -> str:
        """How far it is, with `left` places still due; None: not counted yet."""
        left = self._due().count() if left is None else left
        done = max(0, self._total - left)
        text = f"{done:,} of {count_text(self._total, 'place')} published anew"
        return self._progress.with_bar(text, done, self._total) + self._progress.pace(
            done, self._total
        )


def _publish(post_id: int) -> list[str]:
    try:
        return publish_pictures(post_id=post_id).problems
    finally:
        connections.close_all()
