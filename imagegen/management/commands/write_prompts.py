"""Writes the prompts of posts' places as drafts, by the template or by a text model."""

from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from imagegen.errors import ImagegenError
from imagegen.management.base import ALL_DONE, SOME_FAILED, TextCommand
from imagegen.management.choices import add_place_choice, find_places
from imagegen.models import GenerationBatch, ImageSlot, PromptDraft
from imagegen.services import texts, writing
from imagegen.services.wording import count_text


class Command(TextCommand):
    """Drafts wait to be read and accepted in the admin; `--accept` takes them unread.

    Exit code 0: all written; 1: some failed; 2: nothing could start.
    """

    noun = "prompt"
    help = "Writes prompts for the wanted places of posts, as drafts."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which places")
        add_place_choice(which)
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

    def run(self, options: dict[str, Any]) -> int:
        slots = find_places(options)
        if not slots:
            self.say("There is nothing to do: no such place wants a picture.")
            return ALL_DONE
        if options["model"] is None:
            return self._by_template(slots, options)
        plan = writing.plan_writing(slots=slots, model=texts.find_text_model(options["model"]))
        tell = partial(self._tell_drafts, accept=options["accept"])
        return self.have_written(plan, writing.create_writing, tell, options)

    def _by_template(self, slots: list[ImageSlot], options: dict[str, Any]) -> int:
        """One draft after the other, offline and free."""
        failed = 0
        if options["dry_run"]:
            count = count_text(len(slots), self.noun)
            self.say(f"{count} from the template, free. Nothing was written.")
            return ALL_DONE
        for slot in slots:
            try:
                draft = writing.draft_by_template(slot=slot, user=None)
            except ImagegenError as error:
                failed += 1
                self.say(f"{slot}: {error}")
                continue
            self._tell(draft, accept=options["accept"])
        self.say(f"{count_text(len(slots) - failed, self.noun)} written, {failed} failed.")
        return SOME_FAILED if failed else ALL_DONE

    def _tell_drafts(self, batch: GenerationBatch, *, accept: bool) -> None:
        for draft in PromptDraft.objects.filter(job__batch=batch).exclude(text="").order_by("pk"):
            self._tell(draft, accept=accept)

    def _tell(self, draft: PromptDraft, *, accept: bool) -> None:
        if accept:
            writing.accept_draft(draft=draft, user=None)
        self.say(f"{draft.slot}: {draft.text}")
