"""What commands share: their exit codes, refusals in a sentence, lines that show at once."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from imagegen.errors import ImagegenError
from imagegen.management.choices import NothingCanStart, find_amount
from imagegen.management.waiting import BatchWatch
from imagegen.models import GenerationBatch
from imagegen.services.asking import Plan
from imagegen.services.wording import cost_range, count_text

ALL_DONE, SOME_FAILED, NOTHING_STARTED = 0, 1, 2


class WorkCommand(BaseCommand):
    """A command whose exit code tells: 0: all done; 1: some failed; 2: nothing could start."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.run(options)
        except (NothingCanStart, ImagegenError) as error:
            raise CommandError(str(error), returncode=NOTHING_STARTED) from error
        if code:
            raise SystemExit(code)

    def run(self, options: dict[str, Any]) -> int:
        """Do it; return the exit code. May raise `NothingCanStart` and our own errors."""
        raise NotImplementedError

    @property
    def talk(self) -> Any:
        """The stream for people."""
        return self.stdout

    def say(self, text: str, ending: str = "\n") -> None:
        """A line for people, at once."""
        self.talk.write(text, ending=ending)
        self.talk.flush()

    def is_terminal(self) -> bool:
        """Whether a person looks on, so that a line may be drawn anew."""
        return self.talk.isatty()

    def watch(self, batch: GenerationBatch) -> BatchWatch:
        return BatchWatch(batch=batch, write=self.say, terminal=self.is_terminal())


class TextCommand(WorkCommand):
    """A command that has a model write; `noun` is one of these."""

    noun: str

    def have_written(
        self,
        plan: Plan,
        create: Callable[..., GenerationBatch],
        tell: Callable[[GenerationBatch], None],
        options: dict[str, Any],
    ) -> int:
        """Ask for what was planned under `--max-cost`, wait, and `tell` what came."""
        title = count_text(len(plan.items), self.noun)
        self.say(f"{title}, {cost_range(plan.low, plan.high)}.")
        for problem in plan.problems:
            self.say(f"Left out: {problem}")
        if options["dry_run"]:
            self.say("Nothing was asked for: this was a dry run.")
            return SOME_FAILED if plan.problems else ALL_DONE
        cap = find_amount(options["max_cost"])
        door = GenerationBatch.Door.COMMAND
        batch = create(plan=plan, user=None, door=door, title=title, cap=cap)
        watch = self.watch(batch)
        watch.wait()
        watch.tell_end()
        tell(batch)
        lacking = plan.problems or watch.is_unfinished() or watch.has_failures()
        return SOME_FAILED if lacking else ALL_DONE
