"""Drafts alt texts of stored images by a vision model; people take them over in the admin."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imagegen.errors import ImagegenError
from imagegen.management.choices import NothingCanStart, find_amount, find_posts
from imagegen.management.waiting import BatchWatch
from imagegen.models import AltDraft, GenerationBatch, ImageOutput
from imagegen.services import describing, texts
from imagegen.services.wording import cost_range

ALL_DONE, SOME_FAILED, NOTHING_STARTED = 0, 1, 2


class Command(BaseCommand):
    """Images that have an alt text, a draft or their provider's own words are left out.

    Exit code 0: all drafted; 1: some failed; 2: nothing could start.
    """

    help = "Drafts alt texts of candidates and approved images by a vision model."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which images")
        which.add_argument("--post", nargs="+", action="extend", metavar="SLUG|ID", default=[])
        which.add_argument("--all", action="store_true", help="Of every post.")
        which.add_argument("--limit", type=int, metavar="N", help="At most N texts.")
        how = parser.add_argument_group("how")
        how.add_argument(
            "--model", metavar="PROVIDER:MODEL", default="", help="Default: the site's."
        )
        how.add_argument("--max-cost", metavar="AMOUNT", help="The most that it may cost.")
        how.add_argument("--dry-run", action="store_true", help="Show count and cost; do nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self._run(options)
        except (NothingCanStart, ImagegenError) as error:
            raise CommandError(str(error), returncode=NOTHING_STARTED) from error
        if code:
            raise SystemExit(code)

    def _run(self, options: dict[str, Any]) -> int:
        outputs = self._outputs(options)
        if not outputs:
            self.stdout.write("There is nothing to do: every image has words or a draft.")
            return ALL_DONE
        model = texts.find_text_model(options["model"])
        plan = describing.plan_describing(outputs=outputs, model=model)
        self.stdout.write(f"{len(plan.items)} alt texts, {cost_range(plan.low, plan.high)}.")
        for problem in plan.problems:
            self.stdout.write(f"Left out: {problem}")
        if options["dry_run"]:
            self.stdout.write("Nothing was asked for: this was a dry run.")
            return SOME_FAILED if plan.problems else ALL_DONE
        batch = describing.create_describing(
            plan=plan,
            user=None,
            door=GenerationBatch.Door.COMMAND,
            title=f"{len(plan.items)} alt texts",
            cap=find_amount(options["max_cost"]),
        )
        watch = BatchWatch(batch=batch, write=self._say, terminal=self.stdout.isatty())
        watch.wait()
        watch.tell_end()
        for draft in AltDraft.objects.filter(job__batch=batch).exclude(text="").order_by("pk"):
            self.stdout.write(f"Image {draft.output_id}: {draft.text}")
        lacking = plan.problems or watch.is_unfinished() or watch.has_failures()
        return SOME_FAILED if lacking else ALL_DONE

    def _outputs(self, options: dict[str, Any]) -> list[ImageOutput]:
        posts = find_posts(options["post"], everything=options["all"])
        limit = options["limit"]
        if limit is not None and limit < 1:
            raise NothingCanStart("--limit must be at least 1.")
        rows = ImageOutput.objects.filter(slot__post__in=posts).exclude(state="rejected")
        return describing.undescribed(list(rows.order_by("pk")))[:limit]

    def _say(self, text: str, ending: str = "\n") -> None:
        self.stdout.write(text, ending=ending)
        self.stdout.flush()
