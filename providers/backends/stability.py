"""Stability AI: Stable Image Ultra and Core, Stable Diffusion 3.5.

API: https://platform.stability.ai/docs/api-reference (v2beta, stable-image/generate), read
2026-11-21.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, list_in, problem_for
from providers.backends._hosted import (
    HostedProvider,
    body_of,
    details_of,
    refuse_the_rest,
)
from providers.backends._pictures import Picture, pictures_of
from providers.backends._shapes import named_shape, nominal_sizes
from providers.types import (
    Capabilities,
    ImageRequest,
    Issue,
    Recovery,
    Result,
    Sink,
    SpoolFile,
    Validation,
)

# One megapixel each.
SIZES = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "2:3": (832, 1216),
    "3:2": (1216, 832),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
CORE_SIDE = 1254  # "1.5 megapixels"; the very sizes are not documented
STRENGTH = 0.6  # how much of a reference picture is given up, unless told
STYLES = (
    "3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance",
    "fantasy-art", "isometric", "line-art", "low-poly", "modeling-compound", "neon-punk",
    "origami", "photographic", "pixel-art", "tile-texture",
)  # fmt: skip

FAMILY = Capabilities(
    sizes=tuple(f"{width}x{height}" for width, height in SIZES.values()),
    output_formats=("jpeg", "png", "webp"),
    max_prompt_length=10_000,
    negative_prompt=True,
    seed=True,
    max_seed=4_294_967_294,
    extra=("style_preset",),
    choices={"style_preset": STYLES},
)
ULTRA = replace(FAMILY, reference_images=1, extra=("style_preset", "strength"))
CORE = replace(FAMILY, sizes=nominal_sizes(SIZES, [CORE_SIDE]))
SD_3 = replace(ULTRA, output_formats=("jpeg", "png"), guidance_scale=True)

COMMON = ("negative_prompt", "seed", "output_format")
CARRIED = {
    "core": COMMON,
    "ultra": (*COMMON, "reference_images"),
    "sd3": (*COMMON, "reference_images", "guidance_scale"),
}

# `name` of an error: "You will not be charged for failed generations" (API reference, 2026-11).
BY_NAME: dict[str, tuple[type[errors.ProviderProblem], str]] = {
    "bad_request": (errors.InvalidRequest, "{name} does not take this request."),
    "unauthorized": (errors.AuthFailed, "{name} does not accept the secret."),
    "payment_required": (errors.QuotaExhausted, "{name} has no credit left."),
    "permission_denied": (errors.AccessDenied, "{name} does not allow this with the secret."),
    "not_found": (errors.ModelUnavailable, "{name} does not know this model."),
    "internal_error": (errors.ProviderError, "{name} failed while drawing."),
    "internal_server_error": (errors.ProviderError, "{name} failed while drawing."),
}
TIMED_OUT = 60.0  # seconds: who is too fast is shut out for so long (150 calls in 10 seconds)


class StabilityProvider(HostedProvider):
    recovery = Recovery.NOTHING
    home = "https://api.stability.ai"
    account_path = "v1/user/balance"

    def capabilities(self, model: str, row: Mapping[str, Any] | None = None) -> Capabilities:
        endpoint = self._endpoint(model)
        family = {"ultra": ULTRA, "core": CORE, "sd3": SD_3}[endpoint]
        if "turbo" in model:
            family = replace(family, negative_prompt=False)
        return family.overlaid(row)

    def _endpoint(self, model: str) -> str:
        """The last part of the path; `ModelUnavailable` for models of other kinds."""
        bare = model.removeprefix("stable-image-")
        if bare in ("ultra", "core"):
            return bare
        if model.startswith("sd3"):
            return "sd3"
        raise errors.ModelUnavailable(
            f"{self.connection.name} does not know the model {model}.",
            hint="It has ultra, core and those that begin with sd3.",
        )

    def validate(self, request: ImageRequest, capabilities: Capabilities) -> Validation:
        """Refuses the seed 0 as well, which means any seed, and a strength that means nothing."""
        validation = super().validate(request, capabilities)
        return Validation(validation.request, (*validation.issues, *own_issues(request)))

    def submit(self, request: ImageRequest, key: str, sink: Sink) -> Result:
        endpoint = self._endpoint(request.model)
        refuse_the_rest(request, CARRIED[endpoint], ("style_preset", "strength"))
        pictures = pictures_of(request)
        fields = build_payload(request, endpoint, bool(pictures))
        sent: dict[str, Any] = {"model": request.model, **fields}
        headers = self.headers() | {"Accept": "application/json"}
        if pictures:
            sent["image"] = pictures[0].told
        sink.sending(sent)
        path, form = f"v2beta/stable-image/generate/{endpoint}", form_of(fields, pictures)
        told, files, answer = self.draw(path, ["image"], sink, files=form, headers=headers)
        body = told if isinstance(told, dict) else {}
        self._check(body, files, answer)
        return Result(
            files=tuple(files),
            model=request.model,
            seed=body.get("seed"),
            request_id=self._identity(answer),
            parameters=sent,
            notes=("Its size follows the reference picture.",) if pictures else (),
        )

    # --- Answers --------------------------------------------------------------------------

    def _check(
        self, body: Mapping[str, Any], files: Sequence[SpoolFile], answer: HttpAnswer
    ) -> None:
        """Raise what a success without a good picture really is."""
        who, reason = self.connection.name, str(body.get("finish_reason") or "")
        if reason == "CONTENT_FILTERED":
            # The picture is there, but blurred; whether it is charged is not documented.
            raise errors.ContentRejected(
                f"{who} blurred this picture for its content.",
                stage="output",
                categories=[reason],
                code=reason,
                request_id=self._identity(answer),
            )
        if not files or reason not in ("", "SUCCESS"):
            raise errors.InvalidResponse(
                f"{who} answered without a picture.",
                hint=f"Finish reason: {reason or 'none'}. {_sentences(body)}".strip(),
                code=reason,
                request_id=str(body.get("id") or self._identity(answer)),
            )

    @staticmethod
    def _identity(answer: HttpAnswer) -> str:
        return answer.request_id or answer.headers.get("x-stability-request-id", "")

    def problem(self, answer: HttpAnswer) -> errors.ProviderProblem:
        """Errors are `{id, name, errors}`: the name says more than the status."""
        who, body = self.connection.name, body_of(answer)
        name = str(body.get("name") or "")
        details = details_of(answer, name, _sentences(body))
        details["request_id"] = str(body.get("id") or details["request_id"])
        if name == "content_moderation":
            # "… your request was denied and you were not charged."
            return errors.ContentRejected(
                f"{who} refused this request for its content.",
                stage="input",
                billed="no",
                **details,
            )
        problem = problem_for(answer, who)
        if isinstance(problem, errors.RateLimited):
            wait = TIMED_OUT if problem.retry_after is None else problem.retry_after
            return errors.RateLimited(problem.message, retry_after=wait, **details)
        if name in BY_NAME:
            kind, sentence = BY_NAME[name]
            return kind(sentence.format(name=who), billed="no", **details)
        return problem

    # --- About the service ----------------------------------------------------------------

    def discover(self) -> list[dict[str, Any]]:
        """The service lists only the engines of its old interface."""
        return []


def _sentences(body: Mapping[str, Any]) -> str:
    return " ".join(str(sentence) for sentence in list_in(body, "errors"))[:300]


def own_issues(request: ImageRequest) -> Iterator[Issue]:
    """What capabilities cannot say of a request."""
    if request.seed == 0:
        yield Issue("seed", "seed 0 means any seed there; take another.", "error", 0)
    strength = request.extra.get("strength")
    if strength is None:
        return
    if not request.reference_images:
        told = "strength is of a reference picture, and there is none."
        yield Issue("extra.strength", told, "error", strength)
    elif not isinstance(strength, int | float) or not 0 <= strength <= 1:
        yield Issue("extra.strength", "strength must be a number from 0 to 1.", "error", strength)


def build_payload(request: ImageRequest, endpoint: str, guided: bool) -> dict[str, Any]:
    """The fields of the form but for the picture; `guided` by one, the ratio is the picture's."""
    fields: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt or None,
        "seed": request.seed,
        "output_format": request.output_format or "jpeg",
        "style_preset": request.extra.get("style_preset"),
    }
    if endpoint == "sd3":
        fields["model"] = request.model
        fields["cfg_scale"] = request.guidance_scale
        fields["mode"] = "image-to-image" if guided else "text-to-image"
    if guided:
        fields["strength"] = request.extra.get("strength", STRENGTH)
    else:
        fields["aspect_ratio"] = named_shape(request, SIZES, {})[0]
    return {name: value for name, value in fields.items() if value is not None}


def form_of(fields: Mapping[str, Any], pictures: Sequence[Picture]) -> list[tuple[str, Any]]:
    """Every part of the form, which must be multipart even without a file."""
    form: list[tuple[str, Any]] = [(name, (None, str(value))) for name, value in fields.items()]
    for picture in pictures[:1]:
        form.append(("image", ("picture", picture.content, picture.mime)))
    return form
