"""Asks for the pictures of posts: how many, at what cost, and on request until they are there."""

import json
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from blog.models import Post
from imagegen.errors import ImagegenError
from imagegen.management.choices import (
    NothingCanStart,
    find_amount,
    find_options,
    find_posts,
    find_roles,
)
from imagegen.management.waiting import BatchWatch
from imagegen.models import GenerationBatch, ImageSlot
from imagegen.services.batches import BatchPlan, create_batch, plan_batch
from imagegen.services.selection import ask_for_own_card, select_slots
from imagegen.services.slots import ensure_slots
from imagegen.services.wording import cost_range, money_text, plain_amount

ALL_DONE, SOME_FAILED, NOTHING_STARTED = 0, 1, 2


class Command(BaseCommand):
    """Queues pictures for the wanted places of posts; `--wait` stays until they are stored.

    Exit code 0: all done; 1: some failed; 2: nothing could start.
    """

    help = "Generates pictures for the wanted places of posts."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which places")
        which.add_argument("--post", nargs="+", action="extend", metavar="SLUG|ID", default=[])
        which.add_argument("--all", action="store_true", help="Every post.")
        which.add_argument("--slots", metavar="hero,social,section", help="Default: hero,section.")
        which.add_argument("--only-missing", action="store_true", help="Places without a picture.")
        which.add_argument(
            "--only-failed", action="store_true", help="Places whose last try failed."
        )
        which.add_argument("--limit", type=int, metavar="N", help="At most N pictures.")
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

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options["json"]
        try:
            report, code = self._run(options)
        except (NothingCanStart, ImagegenError) as error:
            if self.as_json:
                self.stdout.write(json.dumps({**_empty_report(), "error": str(error)}))
                raise SystemExit(NOTHING_STARTED) from error
            raise CommandError(str(error), returncode=NOTHING_STARTED) from error
        if self.as_json:
            self.stdout.write(json.dumps(report))
        if code:
            raise SystemExit(code)

    def _run(self, options: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Plan, queue and perhaps wait; the report and the exit code."""
        roles = find_roles(options["slots"])
        generation = find_options(options)
        cap = find_amount(options["max_cost"])
        slots = self._slots(options, roles)
        if not slots:
            self._say(_nothing_to_do())
            return _empty_report(), ALL_DONE
        plan = plan_batch(slots=slots, options=generation)
        self._show_plan(plan, cap)
        report = _plan_report(plan)
        if not plan.items:
            raise NothingCanStart(plan.problems[0].message)
        if options["dry_run"]:
            self._say("Nothing was asked for: this was a dry run.")
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
        watch = BatchWatch(batch=batch, write=self._say, terminal=self._terminal())
        unfinished = False
        if options["wait"]:
            watch.wait()
            watch.tell_end()
            unfinished = watch.is_unfinished()
        else:
            count = len(plan.items)
            are = "1 picture is" if count == 1 else f"{count} pictures are"
            self._say(f"Batch {batch.pk}: {are} queued for the worker.")
        report |= watch.report()
        lacking = plan.problems or unfinished or watch.has_failures()
        return report, SOME_FAILED if lacking else ALL_DONE

    def _slots(self, options: dict[str, Any], roles: list[str]) -> list[ImageSlot]:
        posts = find_posts(options["post"], everything=options["all"])
        for post in posts:
            if not options["dry_run"]:
                ensure_slots(post=post)
        limit = options["limit"]
        if limit is not None and limit < 1:
            raise NothingCanStart("--limit must be at least 1.")
        return select_slots(
            posts=Post.objects.filter(pk__in=[post.pk for post in posts]),
            roles=roles,
            only_missing=options["only_missing"],
            only_failed=options["only_failed"],
            limit=limit,
        )

    def _show_plan(self, plan: BatchPlan, cap: Decimal | None) -> None:
        posts = {item.slot.post_id for item in plan.items}
        pictures, in_posts = _count(len(plan.items), "picture"), _count(len(posts), "post")
        self._say(f"{pictures} in {in_posts}, {cost_range(plan.low, plan.high)}.")
        if cap is not None:
            self._say(f"No more than {money_text(cap)} will be spent.")
        for problem in plan.problems:
            self._say(f"Left out: {problem}")

    def _say(self, text: str, ending: str = "\n") -> None:
        """For people; with --json on the error stream, so that the object stands alone."""
        stream = self.stderr if self.as_json else self.stdout
        stream.write(text, ending=ending)
        stream.flush()

    def _terminal(self) -> bool:
        stream = self.stderr if self.as_json else self.stdout
        return stream.isatty()


def _nothing_to_do() -> str:
    if not Post.objects.exists():
        return "There are no posts yet. Bring some in with import_posts."
    return (
        "There is nothing to do: every place that was meant has a picture, one to review, "
        "or one on its way."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _kind(slots: list[ImageSlot]) -> str:
    one_post = len({slot.post_id for slot in slots}) == 1
    return GenerationBatch.Kind.POST if one_post else GenerationBatch.Kind.BACKFILL


def _title(slots: list[ImageSlot]) -> str:
    titles = list(dict.fromkeys(slot.post_title for slot in slots))
    return titles[0] if len(titles) == 1 else f"{len(titles)} posts"


def _empty_report() -> dict[str, Any]:
    counts = dict.fromkeys(("wanted", "queued", "stored", "failed", "refused", "unknown"), 0)
    cost = {"low": "0", "high": "0", "actual": "0"}
    return {**counts, "cost": cost, "currency": settings.CURRENCY, "problems": []}


def _plan_report(plan: BatchPlan) -> dict[str, Any]:
    report = _empty_report()
    report["wanted"] = len(plan.items) + len(plan.problems)
    report["cost"] |= {"low": plain_amount(plan.low), "high": plain_amount(plan.high)}
    report["problems"] = [
        {"post": item.subject.post_title, "place": str(item.subject), "message": item.message}
        for item in plan.problems
    ]
    return report
