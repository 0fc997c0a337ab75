"""Does the work of the background: generates, stores, publishes, sweeps."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import autodiscover_modules

from imagegen.services import engine, queue, workers
from imagegen.services.publishing import places_to_publish
from imagegen.services.sweeper import Sweeper
from imagegen.services.wording import count_text


class Command(BaseCommand):
    """`run_worker [--threads N] [--until-idle]`: one process with threads, no server needed.

    TERM or Ctrl-C lets running calls end, takes no new ones and exits; a second one exits at
    once. Killed in any other way it loses nothing: the next worker goes on.
    """

    help = "Does the work of the background until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--threads",
            type=int,
            default=settings.WORKER_THREADS,
            help="Calls that may run at the same time (default: WORKER_THREADS).",
        )
        parser.add_argument(
            "--until-idle",
            action="store_true",
            help="End when no job is waiting or running.",
        )

    def handle(self, *args: Any, threads: int, until_idle: bool, **options: Any) -> None:
        if threads < 1:
            raise CommandError("--threads must be at least 1.")
        autodiscover_modules("tasks")
        stopped = threading.Event()
        consumer = self._make_consumer(threads)
        owner = engine.process_owner()
        with workers.Heartbeat(owner=owner, threads=threads), Sweeper(owner=owner):
            consumer.start()
            self._listen(stopped)
            crew = count_text(threads, "thread")
            self.stdout.write(f"Worker {owner} runs with {crew}. Stop it with Ctrl-C.")
            self.stdout.flush()  # a service manager's log shall have it now, not at the end
            self._wait(consumer, stopped, until_idle)
            engine.stop()
            consumer.stop(graceful=True)
        self.stdout.write("Worker stopped; nothing was cut off.")

    def _make_consumer(self, threads: int) -> Any:
        """huey's consumer, which forgets each result record when its task has ended."""
        from django_tasks.signals import task_finished
        from huey.contrib.djhuey import HUEY

        def forget(sender: object, task_result: Any, **kwargs: Any) -> None:
            HUEY.delete(f"djt.{task_result.id}")

        task_finished.connect(forget, weak=False, dispatch_uid="forget-huey-results")
        return HUEY.create_consumer(**{**settings.HUEY["consumer"], "workers": threads})

    def _listen(self, stopped: threading.Event) -> None:
        """The first signal asks for an orderly end, the second one gets it by force."""

        def on_signal(number: int, frame: object) -> None:
            if stopped.is_set():
                raise SystemExit(128 + number)
            stopped.set()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)

    def _wait(self, consumer: Any, stopped: threading.Event, until_idle: bool) -> None:
        idle_rounds = 0
        while not stopped.wait(0.5):
            consumer.check_worker_health()
            busy = queue.has_open_jobs() or places_to_publish().exists()
            idle_rounds = 0 if busy else idle_rounds + 1
            if until_idle and idle_rounds >= 2:
                return
