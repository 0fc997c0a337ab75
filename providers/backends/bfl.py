"""Black Forest Labs: FLUX.2 and FLUX 3 by the makers' own API.

API: https://docs.bfl.ai/quick_start/generating_images, /api_integration/errors and
/flux_3/flux3_image_generate, read 2026-11-21.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, dict_in, list_in, problem_for, retry_after
from providers.backends._hosted import (
    body_of,
    details_of,
    model_path,
    refuse_the_rest,
    text_in,
)
from providers.backends._pictures import Picture, Writer, pictures_of, told
from providers.backends._queued import QueuedProvider
from providers.backends._shapes import named_shape, nominal_sizes
from providers.keeping import keepable_cost
from providers.types import Capabilities, Handle, ImageRequest, Result, Sink

FLUX_2 = Capabilities(
    min_side=64,
    max_side=4096,
    multiple_of=16,
    max_pixels=4 * 1024 * 1024,
    output_formats=("jpeg", "png"),
    seed=True,
    reference_images=8,
    extra=("safety_tolerance",),
)
# The one of them whose steps and guidance can be set (2026-11).
FLUX_2_FLEX = {"steps": True, "guidance_scale": True}
FLEX_EXTRA = ("safety_tolerance", "prompt_upsampling")

RATIOS_3 = (
    "21:9", "2:1", "16:9", "3:2", "7:5", "4:3", "5:4", "1:1",
    "4:5", "3:4", "5:7", "2:3", "9:16", "1:2", "9:21",
)  # fmt: skip
# 1.5k exists too, but has no price (2026-10).
CLASSES_3 = {"768sq": 768, "1k": 1024, "2k": 2048, "4k": 4096}
# FLUX 3 has no seed and no choice of format, and answers 422 to fields that it does not know.
FLUX_3 = Capabilities(
    sizes=nominal_sizes(RATIOS_3, CLASSES_3.values()),
    reference_images=10,
    extra=("safety_tolerance", "grounding", "version"),
)

CARRIED_2 = ("seed", "steps", "guidance_scale", "output_format", "reference_images")
CARRIED_3 = ("reference_images",)

COUNT = int | float
TOLD = ("cost", "input_mp", "output_mp")  # of the usage, in the answer that takes a job
CENT = Decimal("0.01")  # what one credit costs
# Neither of the two is charged (help pages, 2026-06-12).
MODERATED = {"Request Moderated": "input", "Content Moderated": "output"}


class BflProvider(QueuedProvider):
    home = "https://api.bfl.ai/v1"
    # Jobs are looked at where they run: api.eu2.bfl.ai, api.us3.bfl.ai, … (2026-11).
    family = ("bfl.ai",)
    account_path = "credits"
    secret_header = ("x-key", "{}")

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        return self._family(model).overlaid(row)

    def _family(self, model: str) -> Capabilities:
        if is_flux_3(model):
            return FLUX_3
        if "flex" in model:
            return FLUX_2.overlaid({**FLUX_2_FLEX, "extra": FLEX_EXTRA})
        if "klein" in model:
            return FLUX_2.overlaid({"reference_images": 4})
        if model.startswith("flux-2-"):
            return FLUX_2
        raise errors.ModelUnavailable(
            f"{self.connection.name} is not used for {model}.",
            hint="This adapter speaks to the models flux-2-… and flux-3-image.",
        )

    # --- The call -------------------------------------------------------------------------

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Handle:
        self._family(request.model)
        refuse_the_rest(request, CARRIED_3 if is_flux_3(request.model) else CARRIED_2)
        pictures = pictures_of(request)
        sent = {"model": request.model, **build_payload(request, pictures, told)}
        payload = build_payload(request, pictures)
        job = self.send(model_path(request.model), payload, sent, sink, self.headers())
        return Handle(
            {
                "id": str(job.get("id") or ""),
                "polling_url": self.address_in(job, "polling_url"),
                "model": request.model,
                "sent": sent,
                # The price in credits and how it came about are only told here.
                "usage": {name: job[name] for name in TOLD if isinstance(job.get(name), COUNT)},
            }
        )

    def poll(self, handle: Handle, sink: Sink) -> Result | None:
        answer = self.look(self.stored(handle, "polling_url"))
        state = self.state_of(answer) if answer.ok else body_of(answer)
        status = str(state.get("status") or "")
        # A 404 has a status in its body too.
        if status == "Task not found":
            raise self.look_problem(HttpAnswer(404, answer.headers, answer.body))
        if not answer.ok:
            raise self.look_problem(answer)
        if status == "Pending":
            if isinstance(fraction := state.get("progress"), COUNT):
                sink.progress(float(min(1, max(0, fraction))))
            return None
        if status == "Ready":
            return self._result(handle, dict_in(state, "result"), sink)
        raise self._ended(status, state, handle)

    def _result(self, handle: Handle, result: Mapping[str, Any], sink: Sink) -> Result:
        """The picture, fetched at once: its address ends after 10 minutes."""
        usage = dict_in(handle.data, "usage")
        credits = keepable_cost(usage.get("cost", "unknown"))
        return self.result(
            handle,
            [text_in(result, "sample", self.connection.name)],
            sink,
            seed=result.get("seed"),
            cost=None if credits is None else credits * CENT,
            usage=usage,
        )

    def _ended(
        self, status: str, state: Mapping[str, Any], handle: Handle
    ) -> errors.ProviderProblem:
        """What a job is that ended without a picture."""
        who, details = self.connection.name, dict_in(state, "details")
        facts: dict[str, Any] = {
            "code": status[:200],
            "request_id": str(handle.data.get("id") or ""),
            "hint": str(state.get("details") or "")[:300],
        }
        if stage := MODERATED.get(status):
            reasons = list_in(details, "Moderation Reasons")
            return errors.ContentRejected(
                f"{who} refused the {'prompt' if stage == 'input' else 'picture'} for its content.",
                stage=stage,
                categories=[str(reason) for reason in reasons],
                billed="no",
                **facts,
            )
        if status in ("Error", "Failed"):
            return errors.ProviderError(f"{who} could not draw this picture.", **facts)
        return self.unknown_state(status)

    def problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        who = self.connection.name
        details = details_of(answer, "", body_of(answer).get("detail"))
        if answer.status == 403:
            # There is no 401: a wrong key is a 403 as well (2026-11).
            return errors.AuthFailed(f"{who} does not accept the secret.", **details)
        if answer.status == 429:
            # At most 24 jobs at a time; how long they take, nobody can say.
            wait = retry_after(answer.headers)
            return errors.RateLimited(f"{who} asks us to slow down.", retry_after=wait, **details)
        return problem_for(answer, who)


def is_flux_3(model: str) -> bool:
    return model.startswith("flux-3-image")


def build_payload(
    request: ImageRequest, pictures: Sequence[Picture] = (), write: Writer = lambda it: it.base64
) -> dict[str, Any]:
    """The request as the model takes it; `write` says how a picture is written down."""
    extra = dict(request.extra)
    if is_flux_3(request.model):
        ratio, size = named_shape(request, RATIOS_3, CLASSES_3)
        payload = {"prompt": request.prompt, "aspect_ratio": ratio, "resolution": size, **extra}
        if pictures:
            payload["images"] = [write(picture) for picture in pictures]
        return payload
    payload = {
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "seed": request.seed,
        "steps": request.steps,
        "guidance": request.guidance_scale,
        "output_format": request.output_format or "jpeg",
        **extra,
    }
    for number, picture in enumerate(pictures, start=1):
        payload["input_image" if number == 1 else f"input_image_{number}"] = write(picture)
    return {name: value for name, value in payload.items() if value is not None}
