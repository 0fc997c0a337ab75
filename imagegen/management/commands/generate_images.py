"""Asks for the pictures of posts: how many, at what cost, and on request until they are there."""

import json
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from blog.models import Post
from imagegen.errors import ImagegenError
from imagegen.management.base import ALL_DONE, NOTHING_STARTED, SOME_FAILED, WorkCommand
from imagegen.management.choices import (
    NothingCanStart,
    add_place_choice,
    find_amount,
    find_options,
    find_places,
)
from imagegen.models import GenerationBatch, ImageSlot
from imagegen.services.batches import BatchPlan, create_batch, plan_batch
from imagegen.services.selection import ask_for_own_card
from imagegen.services.wording import cost_range, count_text, money_text, plain_amount


class Command(WorkCommand):
    """Queues pictures for the wanted places of posts; `--wait` stays until they are stored.

    Exit code 0: all done; 1: some failed; 2: nothing could start.
    """

    help = "Generates pictures for the wanted places of posts."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which places")
        add_place_choice(which)
        which.add_argument(
            "--only-failed", action="store_true", help="Places whose last try failed."
        )
        how = parser.add_argument_group("how")
        how.add_argument("--example", metavar="SLUG", help="A prompt example of the library.")
        how.add_argument("--style", metavar="SLUG")
        how.add_argument("--setting", metavar="SLUG")
        how.add_argument("--provider", metavar="NAME")
        how.add_argument("--model", metavar="PROVIDER:MODEL")
        how.add_argument("--max-cost", metavar="AMOUNT", help="The most that it may cost.")
        how.add_argument("--approve", action="store_true", help="Approve what arrives, unreviewed.")
        act = parser.add_argument_group("what happens")
        act.add_argument("--dry-run", action="store_true", help="Show count and cost; do nothing.")
        act.add_argument("--wait", action="store_true", help="Stay until all is stored.")
        act.add_argument("--json", action="store_true", help="One JSON object at the end.")

    def run(self, options: dict[str, Any]) -> int:
        self.as_json = options["json"]
        try:
            report, code = self._ask(options)
        except (NothingCanStart, ImagegenError) as error:
            if not self.as_json:
                raise
            report, code = {**_empty_report(), "error": str(error)}, NOTHING_STARTED
        if self.as_json:
            self.stdout.write(json.dumps(report))
        return code

    @property
    def talk(self) -> Any:
        """With --json the error stream, so that the object stands alone."""
        return self.stderr if self.as_json else self.stdout

    def _ask(self, options: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Plan, queue and perhaps wait; the report and the exit code."""
        generation = find_options(options)
        cap = find_amount(options["max_cost"])
        slots = find_places(options, only_failed=options["only_failed"])
        if not slots:
            self.say(_nothing_to_do())
            return _empty_report(), ALL_DONE
        plan = plan_batch(slots=slots, options=generation)
        self._show_plan(plan, cap)
        report = _plan_report(plan)
        if not plan.items:
            raise NothingCanStart(plan.problems[0].message)
        if options["dry_run"]:
            self.say("Nothing was asked for: this was a dry run.")
            return report, SOME_FAILED if plan.problems else ALL_DONE
        ask_for_own_card(slots=[item.slot for item in plan.items])
        batch = create_batch(
            plan=plan,
            user=None,
            door=GenerationBatch.Door.COMMAND,
            kind=_kind(slots),
            title=_title(slots),
            cap=cap,
            approve=options["approve"],
        )
        watch = self.watch(batch)
        if options["wait"]:
            watch.wait()
            watch.tell_end()
        else:
            self.say(f"Batch {batch.pk}: {count_text(len(plan.items), 'picture')} queued.")
        unfinished = options["wait"] and watch.is_unfinished()
        lacking = plan.problems or unfinished or watch.has_failures()
        return report | watch.report(), SOME_FAILED if lacking else ALL_DONE

    def _show_plan(self, plan: BatchPlan, cap: Decimal | None) -> None:
        posts = {item.slot.post_id for item in plan.items}
        pictures, in_posts = count_text(len(plan.items), "picture"), count_text(len(posts), "post")
        self.say(f"{pictures} in {in_posts}, {cost_range(plan.low, plan.high)}.")
        if cap is not None:
            self.say(f"No more than {money_text(cap)} will be spent.")
        for note in plan.notes:
            self.say(f"Note: {note}")
        for problem in plan.problems:
            self.say(f"Left out: {problem}")


def _nothing_to_do() -> str:
    if not Post.objects.exists():
        return "There are no posts yet. Bring some in with import_posts."
    return (
        "There is nothing to do: every place that was meant has a picture, one to review, "
        "or one on its way."
    )


def _kind(slots: list[ImageSlot]) -> str:
    one_post = len({slot.post_id for slot in slots}) == 1
    return GenerationBatch.Kind.POST if one_post else GenerationBatch.Kind.BACKFILL


def _title(slots: list[ImageSlot]) -> str:
    titles = list(dict.fromkeys(slot.post_title for slot in slots))
    return titles[0] if len(titles) == 1 else f"{len(titles)} posts"


def _empty_report() -> dict[str, Any]:
    counts = dict.fromkeys(("wanted", "queued", "stored", "failed", "refused", "unknown"), 0)
    cost = {"low": "0", "high": "0", "actual": "0"}
    return {**counts, "cost": cost, "currency": settings.CURRENCY, "notes": [], "problems": []}


def _plan_report(plan: BatchPlan) -> dict[str, Any]:
    report = _empty_report()
    report["wanted"] = len(plan.items) + len(plan.problems)
    report["cost"] |= {"low": plain_amount(plan.low), "high": plain_amount(plan.high)}
    report["notes"] = plan.notes
    report["problems"] = [
        {"post": item.subject.post_title, "place": str(item.subject), "message": item.message}
        for item in plan.problems
    ]
    return report
