"""Writes the prompts of posts' places as drafts, by the template or by a text model."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from blog.models import Post
from imagegen.errors import ImagegenError
from imagegen.management.choices import NothingCanStart, find_amount, find_posts, find_roles
from imagegen.management.waiting import BatchWatch
from imagegen.models import GenerationBatch, ImageSlot, PromptDraft
from imagegen.services import texts, writing
from imagegen.services.selection import select_slots
from imagegen.services.slots import ensure_slots
from imagegen.services.wording import cost_range

ALL_DONE, SOME_FAILED, NOTHING_STARTED = 0, 1, 2


class Command(BaseCommand):
    """Drafts wait to be read and accepted in the admin; `--accept` takes them unread.

    Exit code 0: all written; 1: some failed; 2: nothing could start.
    """

    help = "Writes prompts for the wanted places of posts, as drafts."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which places")
        which.add_argument("--post", nargs="+", action="extend", metavar="SLUG|ID", default=[])
        which.add_argument("--all", action="store_true", help="Every post.")
        which.add_argument("--slots", metavar="hero,social,section", help="Default: hero,section.")
        which.add_argument("--only-missing", action="store_true", help="Places without a picture.")
        which.add_argument("--limit", type=int, metavar="N", help="At most N prompts.")
        how = parser.add_argument_group("how")
        how.add_argument(
            "--model",
            metavar="PROVIDER:MODEL",
            nargs="?",
            const="",
            help="Let a text model write; without a name the site's. Default: the template.",
        )
        how.add_argument("--max-cost", metavar="AMOUNT", help="The most that it may cost.")
        how.add_argument("--accept", action="store_true", help="Take what is written, unread.")
        how.add_argument("--dry-run", action="store_true", help="Show count and cost; do nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self._run(options)
        except (NothingCanStart, ImagegenError) as error:
            raise CommandError(str(error), returncode=NOTHING_STARTED) from error
        if code:
            raise SystemExit(code)

    def _run(self, options: dict[str, Any]) -> int:
        slots = self._slots(options)
        if not slots:
            self.stdout.write("There is nothing to do: no such place wants a picture.")
            return ALL_DONE
        if options["model"] is None:
            return self._by_template(slots, options)
        return self._by_model(slots, options)

    def _slots(self, options: dict[str, Any]) -> list[ImageSlot]:
        roles = find_roles(options["slots"])
        posts = find_posts(options["post"], everything=options["all"])
        for post in posts:
            if not options["dry_run"]:
                ensure_slots(post=post)
        return select_slots(
            posts=Post.objects.filter(pk__in=[post.pk for post in posts]),
            roles=roles,
            only_missing=options["only_missing"],
            only_failed=False,
            limit=options["limit"],
        )

    def _by_template(self, slots: list[ImageSlot], options: dict[str, Any]) -> int:
        """One draft after the other, offline and free."""
        failed = 0
        if options["dry_run"]:
            self.stdout.write(f"{len(slots)} prompts from the template, free. Nothing was written.")
            return ALL_DONE
        for slot in slots:
            try:
                draft = writing.draft_by_template(slot=slot, user=None)
            except ImagegenError as error:
                failed += 1
                self.stdout.write(f"{slot}: {error}")
                continue
            self._tell(draft, accept=options["accept"])
        self.stdout.write(f"{len(slots) - failed} prompts written, {failed} failed.")
        return SOME_FAILED if failed else ALL_DONE

    def _by_model(self, slots: list[ImageSlot], options: dict[str, Any]) -> int:
        """One batch of calls under a cap; stays until all have ended."""
        plan = writing.plan_writing(slots=slots, model=texts.find_text_model(options["model"]))
        self.stdout.write(f"{len(plan.items)} prompts, {cost_range(plan.low, plan.high)}.")
        for problem in plan.problems:
            self.stdout.write(f"Left out: {problem}")
        if options["dry_run"]:
            self.stdout.write("Nothing was asked for: this was a dry run.")
            return SOME_FAILED if plan.problems else ALL_DONE
        batch = writing.create_writing(
            plan=plan,
            user=None,
            door=GenerationBatch.Door.COMMAND,
            title=f"{len(plan.items)} prompts",
            cap=find_amount(options["max_cost"]),
        )
        watch = BatchWatch(batch=batch, write=self._say, terminal=self.stdout.isatty())
        watch.wait()
        watch.tell_end()
        for draft in PromptDraft.objects.filter(job__batch=batch).exclude(text="").order_by("pk"):
            self._tell(draft, accept=options["accept"])
        lacking = plan.problems or watch.is_unfinished() or watch.has_failures()
        return SOME_FAILED if lacking else ALL_DONE

    def _tell(self, draft: PromptDraft, *, accept: bool) -> None:
        if accept:
            writing.accept_draft(draft=draft, user=None)
        self.stdout.write(f"{draft.slot}: {draft.text}")

    def _say(self, text: str, ending: str = "\n") -> None:
        self.stdout.write(text, ending=ending)
        self.stdout.flush()
