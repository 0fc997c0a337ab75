"""What these servers answer: their errors in every spelling, and the facts in `info`.

Observed on Forge and stable-diffusion.cpp's server and read in the sources of A1111 and SD.Next,
November 2026.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from providers import errors
from providers.answers import HttpAnswer, problem_for
from providers.keeping import plain_line

NO_API = "Start it with --api, and give its address without /sdapi as the base URL."
MEMORY_WORDS = ("out of memory", "outofmemory", "not enough memory", "failed to allocate")
INFOTEXT_MODEL = re.compile(r"(?:^|, |\n)Model: ([^,\n]+)")


# --- Errors -------------------------------------------------------------------------------


def problem_of(answer: HttpAnswer, name: str) -> errors.ProviderProblem:
    """The error for a failed answer of the connection `name`: its words before its status.

    These servers run on somebody's own hardware: none of their errors is billed. What something
    between us and them says leaves the outcome open.
    """
    told = _told(answer)
    reason = plain_line(told)
    details: dict[str, Any] = {
        "code": _code(answer),
        "hint": f"HTTP {answer.status}: {reason or 'no reason given'}",
        "billed": "no",
    }
    words = told.lower()
    if any(word in words for word in MEMORY_WORDS):
        text = f"{name} ran out of memory. A smaller picture may pass."
        return errors.OutOfMemory(text, **details)
    if answer.status == 404 and words in ("", "not found"):
        return errors.ConfigurationError(
            f"{name} answers, but not as an image server.", **details | {"hint": NO_API}
        )
    if answer.status in (400, 404, 405, 409, 413, 415, 422) and reason:
        return errors.InvalidRequest(f"{name} does not take this request: {reason}", **details)
    if answer.status == 401:
        return errors.AuthFailed(
            f"{name} does not accept the user name and password.",
            **details | {"hint": 'The secret is "user:password", as in --api-auth.'},
        )
    if answer.status == 500 and not _is_page(answer):
        return errors.ProviderError(f"{name} could not draw this picture.", **details)
    problem = problem_for(answer, name)
    if not isinstance(problem, errors.OutcomeUnknown):
        problem.billed = "no"
    return problem


def _is_page(answer: HttpAnswer) -> bool:
    """An HTML page comes from something between us and the server."""
    return "html" in answer.headers.get("content-type", "")


def _code(answer: HttpAnswer) -> str:
    data = _object(answer)
    error = data.get("error")
    named = isinstance(error, str) and re.fullmatch(r"\w{1,60}", error)
    return str(error) if named else str(answer.status)


def _object(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        data = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return {}
    if isinstance(data, str):  # SD.Next words a TypeError so
        return {"message": data}
    return data if isinstance(data, Mapping) else {}


def _told(answer: HttpAnswer) -> str:
    """What the error says, wherever this server says it; "" for a page or for nothing.

    A1111 and SD.Next: `{error, detail, body, errors}`. FastAPI: `{detail}` as a text or as a list
    of fields. stable-diffusion.cpp: `{error}`, or `{error: "server_error", message}`. Forge:
    plain text for what it did not expect.
    """
    data = _object(answer)
    detail = data.get("detail")
    if isinstance(detail, list):
        return "; ".join(_field_problem(item) for item in detail[:5])
    for value in (detail, data.get("message"), data.get("errors"), data.get("error")):
        if value and isinstance(value, str):
            return value
    if data or _is_page(answer):
        return ""
    return (answer.body or b"")[:1000].decode("utf-8", "replace").strip()


def _field_problem(item: Any) -> str:
    """One entry of FastAPI's list. Its `input` repeats what was sent, so it is left out."""
    if not isinstance(item, Mapping):
        return "unknown field"
    place = item.get("loc")
    names = [str(part) for part in place if part != "body"] if isinstance(place, list) else []
    return f"{'.'.join(names) or 'request'}: {item.get('msg', 'not taken')}"


# --- A good answer's facts ----------------------------------------------------------------


def info_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts in `info`: a JSON text, an object, or (stable-diffusion.cpp) the empty text."""
    info = data.get("info")
    if isinstance(info, str) and info:
        try:
            info = json.loads(info)
        except (ValueError, RecursionError):
            return {}
    return info if isinstance(info, Mapping) else {}


def seed_of(info: Mapping[str, Any], otherwise: int) -> int:
    """The seed of the first picture."""
    seeds = info.get("all_seeds")
    seed = seeds[0] if isinstance(seeds, list) and seeds else info.get("seed")
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else otherwise


def first_picture(info: Mapping[str, Any]) -> int:
    """How many grids come before the pictures."""
    index = info.get("index_of_first_image")
    return index if isinstance(index, int) and index > 0 else 0


def facts_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """What the server says that it did, where it is more than was asked."""
    names = ("sampler_name", "sd_model_hash", "sd_vae_name", "steps", "cfg_scale", "version")
    kept = {name: info[name] for name in names if isinstance(info.get(name), str | int | float)}
    return {"drawn_with": kept} if kept else {}


def model_used(info: Mapping[str, Any]) -> str:
    """The checkpoint that drew, by `sd_model_name` or by the text that goes into the PNG."""
    if isinstance(name := info.get("sd_model_name"), str) and name:
        return name
    texts = info.get("infotexts")
    text = texts[0] if isinstance(texts, list) and texts else ""
    found = INFOTEXT_MODEL.search(text) if isinstance(text, str) else None
    return found[1].strip() if found else ""


# --- Checkpoints --------------------------------------------------------------------------


def checkpoint_named(name: str, entries: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The entry of /sd-models that `name` means: its model name, or its title with or without
    the hash that a server adds once it has counted it."""
    for entry in entries:
        title = str(entry.get("title", ""))
        if name and name in (entry.get("model_name"), title, _without_hash(title)):
            return entry
    return None


def is_same_checkpoint(entry: Mapping[str, Any], used: str) -> bool:
    """Whether the model named in `info` is this one: titles carry folders, endings and hashes."""
    title = _without_hash(str(entry.get("title", "")))
    names = {str(entry.get("model_name", "")), title, title.replace("\\", "/").split("/")[-1]}
    return _stem(used) in {_stem(each) for each in names if each}


def _without_hash(title: str) -> str:
    return re.sub(r" \[[0-9A-Za-z]*\]$", "", title)


def _stem(name: str) -> str:
    return re.sub(r"\.(safetensors|ckpt|gguf|pth?|bin)$", "", _without_hash(name).lower())
