"""Drafts of alt texts on the pages of images: asked for, waited for, taken over."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from imagegen.admin.base import Tally, form_key, go_back, not_posted, tell
from imagegen.admin.generation import DOOR
from imagegen.errors import ImagegenError
from imagegen.models import GenerationJob, ImageOutput
from imagegen.services import alts, describing
from imagegen.services.wording import cost_range

UNASKED = 20  # descriptions that one press may ask for


class DescribingPages:
    """Adds the page "describe" and the action of the list to the admin of images."""

    def describe_facts(self, request: HttpRequest, output: ImageOutput) -> dict[str, Any]:
        """What `_output_alt.html` needs: the newest draft, and what another one costs."""
        if output.slot is None or output.slot.post is None:
            return {}
        draft = describing.latest_draft(output, alts.alt_language(output.slot))
        waits = draft is not None and draft.job is not None
        return {
            "alt_draft": draft,
            "alt_waits": waits and draft.job.state in GenerationJob.OPEN_STATES,
            "alt_offer": _offer(output) if self.has_generate_permission(request) else None,
            "alt_key": uuid.uuid4(),
        }

    def describe_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask for one draft at the price that was shown."""
        output = self._output(request, pk)
        if output is None:
            return self.gone(request, pk)
        if request.method != "POST":
            return not_posted()
        here = self._own_page(output)
        try:
            plan = describing.plan_describing(outputs=[output])
        except ImagegenError as error:
            messages.error(request, str(error))
            return go_back(request, here)
        cost = cost_range(plan.low, plan.high)
        if plan.items and request.POST.get("seen_cost") != cost:
            messages.warning(request, f"It costs {cost} now. Press again to ask for it.")
            return go_back(request, here)
        tell(
            request,
            describing.create_describing,
            "The alt text is being drafted.",
            plan=plan,
            door=DOOR,
            title=f"Alt text of image {output.pk}",
            idempotency_key=form_key(request),
        )
        return go_back(request, here)

    @admin.action(permissions=["generate"], description="Draft alt texts with a model")
    def describe(self, request: HttpRequest, queryset: QuerySet) -> None:
        """At most twenty at once; the message says what they may cost."""
        tally = Tally("alt text", "alt texts", "asked for")
        outputs = describing.undescribed(list(queryset[: UNASKED + 1]))
        for _ in range(queryset.count() - len(outputs)):
            tally.skip("Some have an alt text or a draft already, or belong to no post.")
        if len(outputs) > UNASKED:
            tally.fail(f"At most {UNASKED} at once; manage.py write_alts takes more.")
        elif outputs:
            self._ask_for(request, outputs, tally)
        tally.report(request)

    def _ask_for(self, request: HttpRequest, outputs: list[ImageOutput], tally: Tally) -> None:
        with tally.count():
            plan = describing.plan_describing(outputs=outputs)
            for problem in plan.problems:
                tally.fail(str(problem))
            describing.create_describing(plan=plan, user=request.user, door=DOOR, title="Alt texts")
            tally.done += len(plan.items) - 1


def _offer(output: ImageOutput) -> dict[str, str] | None:
    """The model that would be asked and its price; None where nothing can be asked."""
    try:
        plan = describing.plan_describing(outputs=[output])
    except ImagegenError:
        return None
    if not plan.items:
        return None
    return {"model": str(plan.model), "cost": cost_range(plan.low, plan.high)}
