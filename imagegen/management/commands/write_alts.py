"""Drafts alt texts of stored images by a vision model; people take them over in the admin."""

from typing import Any

from django.core.management.base import CommandParser

from imagegen.management.base import ALL_DONE, TextCommand
from imagegen.management.choices import add_post_choice, check_limit, find_posts
from imagegen.models import AltDraft, GenerationBatch, ImageOutput
from imagegen.services import describing, texts


class Command(TextCommand):
    """Images that have an alt text, a draft or their provider's own words are left out.

    Exit code 0: all drafted; 1: some failed; 2: nothing could start.
    """

    noun = "alt text"
    help = "Drafts alt texts of candidates and approved images by a vision model."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which images")
        add_post_choice(which)
        which.add_argument("--limit", type=int, metavar="N", help="At most N texts.")
        how = parser.add_argument_group("how")
        how.add_argument(
            "--model", metavar="PROVIDER:MODEL", default="", help="Default: the site's."
        )
        how.add_argument("--max-cost", metavar="AMOUNT", help="The most that it may cost.")
        how.add_argument("--dry-run", action="store_true", help="Show count and cost; do nothing.")

    def run(self, options: dict[str, Any]) -> int:
        outputs = self._outputs(options)
        if not outputs:
            self.say("There is nothing to do: every image has words or a draft.")
            return ALL_DONE
        model = texts.find_text_model(options["model"])
        plan = describing.plan_describing(outputs=outputs, model=model)
        return self.have_written(plan, describing.create_describing, self._tell, options)

    def _tell(self, batch: GenerationBatch) -> None:
        for draft in AltDraft.objects.filter(job__batch=batch).exclude(text="").order_by("pk"):
            self.say(f"Image {draft.output_id}: {draft.text}")

    def _outputs(self, options: dict[str, Any]) -> list[ImageOutput]:
        posts = find_posts(options["post"], everything=options["all"])
        limit = check_limit(options["limit"])
        rows = ImageOutput.objects.filter(slot__post__in=posts).exclude(state="rejected")
        return describing.undescribed(list(rows.order_by("pk")))[:limit]
