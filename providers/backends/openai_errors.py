"""What an answer of OpenAI, or of a gateway that speaks like it, means when it is no success.

The body's own code is read before the status: a spent budget comes as 400 or 429, a refusal as
400, and gateways wrap all of it into 500 (seen 2026-11). Codes are those of the API, of LiteLLM
and of new-api; a status alone is left to `answers.problem_for`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, dict_in, list_in, problem_for, retry_after
from providers.keeping import one_line

REFUSED = frozenset(
    {
        "moderation_blocked",
        "content_policy_violation",
        "image_content_policy_violation",
        "responsible_ai_policy_violation",
        "content_filter",
        "invalid_prompt",
        "bio_policy",
        "misalignment_policy_violation",
    }
)
# Code (or type) -> error, the sentence for an editor, the hint for an operator.
MEANINGS: tuple[tuple[tuple[str, ...], type[errors.ProviderProblem], str, str], ...] = (
    (
        (
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            "budget_exceeded",
            "insufficient_user_quota",
        ),
        errors.QuotaExhausted,
        "{name} has no credit left, or its spending limit is reached.",
        "Top up the account or raise its limit.",
    ),
    (
        ("rate_limit_exceeded", "rate_limit_error"),
        errors.RateLimited,
        "{name} asks us to slow down.",
        "Lower the requests or images per minute of the connection.",
    ),
    (
        ("invalid_api_key", "account_deactivated", "incorrect_api_key"),
        errors.AuthFailed,
        "{name} does not accept the secret.",
        "Look at the environment variable that the connection names.",
    ),
    (
        ("model_not_found", "deployment_not_found", "model_deprecated"),
        errors.ModelUnavailable,
        "{name} does not have this model (any more).",
        "It may have been retired, or the account has no access to it.",
    ),
    (
        ("insufficient_scope", "missing_scope"),
        errors.AccessDenied,
        "{name} does not allow this with the secret in use.",
        "Give the key the scopes that it lacks.",
    ),
    (
        ("unsupported_country_region_territory", "organization_not_verified"),
        errors.AccessDenied,
        "{name} does not allow this with the account in use.",
        "",
    ),
    (
        (
            "unknown_parameter",
            "unsupported_parameter",
            "unsupported_value",
            "invalid_value",
            "invalid_type",
            "invalid_size",
            "missing_required_parameter",
            "string_above_max_length",
            "integer_above_max_value",
            "integer_below_min_value",
            "context_length_exceeded",
            "invalid_image_file",
            "image_too_large",
        ),
        errors.InvalidRequest,
        "{name} does not take this request.",
        "If the values look right, the capabilities of the model in the catalogue are out of date.",
    ),
)
BY_CODE = {code: (kind, text, hint) for codes, kind, text, hint in MEANINGS for code in codes}
# What is told in words alone: by LiteLLM, and to restricted keys, as a 401 (2026-06).
IN_WORDS = {
    "ContentPolicyViolation": "content_policy_violation",
    "Missing scopes": "insufficient_scope",
}
VERIFY = (
    "The organisation must be verified before it may use this model: "
    "https://platform.openai.com/settings/organization/general"
)
WAIT = re.compile(r"try again (?:in|after) ((?:[\d.]+ ?(?:ms|[hms])[a-z]*)+)", re.IGNORECASE)
TIMES = re.compile(r"([\d.]+) ?(ms|[hms])", re.IGNORECASE)
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
VIOLATIONS = re.compile(r"safety_violations=\[([^\]]*)\]")
KEY_LIKE = re.compile(r"\bsk-[\w*.-]{4,}")
LONG_RUN = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
LONGEST = 400  # characters of a service's own sentence


@dataclass(frozen=True)
class Told:
    """What the body of a failure says, as plain short texts."""

    message: str = ""
    code: str = ""
    type: str = ""
    param: str = ""
    stage: str = ""
    categories: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, body: Any) -> "Told | None":
        """`body` is the parsed JSON; None when it speaks of no error."""
        if not isinstance(body, Mapping):
            return None
        error = body if body.get("object") == "error" else body.get("error")
        error = error or body.get("detail")
        if isinstance(error, str) and error:
            return cls(message=cleaned(error), code=_word(body.get("code")))
        if not isinstance(error, Mapping):
            return None
        name = "moderation_details"
        details = dict_in(error, name) or dict_in(body, name)
        message = cleaned(str(error.get("message") or ""))
        return cls(
            message=message,
            code=_word(error.get("code")),
            type=_word(error.get("type")),
            param=_word(error.get("param")),
            stage=_word(details.get("moderation_stage")),
            categories=_categories(details, message),
        )


def problem(answer: HttpAnswer, name: str) -> errors.ProviderProblem:
    """The error for an answer of the connection `name` that is no success."""
    try:
        told = Told.read(json.loads(answer.body or b""))
    except (ValueError, RecursionError):
        told = None
    if told is not None and (known := known_problem(told, answer, name)):
        return known
    told = told or Told(message=cleaned(answer.excerpt(LONGEST)))
    found = problem_for(HttpAnswer(answer.status, answer.headers, told.message.encode()), name)
    found.code = told.code or found.code
    if isinstance(found, errors.RateLimited):
        found.retry_after = waiting_time(answer.headers, told.message)
    if isinstance(found, errors.InvalidRequest) and told.message:
        found.message = f"{found.message} {told.message}"
    if isinstance(found, errors.AccessDenied) and "verif" in told.message.lower():
        found.hint = f"{VERIFY}. {found.hint}"
    return found


def known_problem(told: Told, answer: HttpAnswer, name: str) -> errors.ProviderProblem | None:
    """The error that the service's own code names; None when it is not one that we know."""
    details: dict[str, Any] = {
        "code": told.code or told.type,
        "request_id": answer.request_id,
        "hint": f"HTTP {answer.status}: {told.message}",
    }
    said = [told.code, told.type]
    said += [code for words, code in IN_WORDS.items() if words in told.message]
    if REFUSED & set(said):
        return _refusal(told, name, details)
    meaning = next((BY_CODE[code] for code in said if code in BY_CODE), None)
    if meaning is None:
        return None
    kind, sentence, hint = meaning
    message = sentence.format(name=name)
    details["hint"] = f"{hint} {details['hint']}".strip()
    if kind is errors.RateLimited:
        wait = waiting_time(answer.headers, told.message)
        return errors.RateLimited(message, retry_after=wait, **details)
    if kind is errors.InvalidRequest:
        message = " ".join(filter(None, [message, told.message, told.param and f"({told.param})"]))
    return kind(message, **details)


def _refusal(told: Told, name: str, details: dict[str, Any]) -> errors.ContentRejected:
    """Before drawing it is free; whether OpenAI charges for a refused outcome is not told."""
    return errors.ContentRejected(
        f"{name} refused this request for its content.",
        stage=told.stage,
        categories=told.categories,
        billed="no" if told.stage == "input" else None,
        **details,
    )


def waiting_time(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds to wait after a 429: by its headers, else by its words."""
    text = headers.get("retry-after-ms", "")
    if text.isascii() and text.isdigit():
        return float(text[:12]) / 1000
    if (seconds := retry_after(headers)) is not None:
        return seconds
    if found := WAIT.search(message):
        try:
            return sum(float(n) * SECONDS[unit.lower()] for n, unit in TIMES.findall(found[1]))
        except ValueError:
            return None
    return None


def cleaned(text: str) -> str:
    """A service's own words as one short line, without parts of keys and encoded files.

    Whole secrets have been taken out at the wire.
    """
    return one_line(LONG_RUN.sub("…", KEY_LIKE.sub("sk-…", text)), LONGEST)


def _word(value: Any) -> str:
    return str(value)[:100] if isinstance(value, str | int) else ""


def _categories(details: Mapping[str, Any], message: str) -> tuple[str, ...]:
    if named := list_in(details, "categories"):
        return tuple(_word(item) for item in named if isinstance(item, str))
    found = VIOLATIONS.search(message)
    return tuple(word.strip() for word in found[1].split(",") if word.strip()) if found else ()
