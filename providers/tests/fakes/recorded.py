"""Answers of services, documented or seen, as written in `tests/answers/<kind>/answers.json`.

Each has a name, a `status` (200 unless told), perhaps `headers`, and a `body`, or a `page` or a
`text` that is no JSON; `from` says where a rare one was seen. "<id>" stands for what a fake fills
in. Of an answer without a picture `becomes` names the error that it must be, `billed` and `facts`
what that error tells; `ends` marks what is said of a call or job that had been taken.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from providers.answers import HttpAnswer
from providers.errors import ProviderProblem
from providers.tests.fakes.messages import Reply

FOLDER = Path(__file__).parents[1] / "answers"
GAP = re.compile(r"<(\w+)>")


@lru_cache
def answers(kind: str) -> dict[str, dict[str, Any]]:
    """What is written down of a service, by name."""
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / kind / "answers.json").read_text())
    return found


def reply(kind: str, name: str, **given: Any) -> Reply:
    """The answer as the service sends it, its gaps filled."""
    entry = answers(kind)[name]
    status, headers = entry.get("status", 200), entry.get("headers", {})
    for part, content_type in (("page", "text/html"), ("text", "text/plain; charset=utf-8")):
        if part in entry:
            return Reply(status, entry[part].encode(), {"content-type": content_type, **headers})
    return Reply.json(filled(entry["body"], given), status, headers)


def filled(value: Any, given: Mapping[str, Any]) -> Any:
    """`value` with its gaps filled: a whole text by anything, a part of one by text."""
    if isinstance(value, dict):
        return {name: filled(item, given) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, given) for item in value]
    if not isinstance(value, str):
        return value
    if (whole := GAP.fullmatch(value)) and whole[1] in given:
        return given[whole[1]]
    return GAP.sub(lambda gap: str(given.get(gap[1], gap[0])), value)


def problems(kind: str, *, ends: bool = False) -> list[str]:
    """The answers that must become an error: of calls, or what is said once they had been taken."""
    return [
        name
        for name, entry in answers(kind).items()
        if "becomes" in entry and entry.get("ends", False) == ends
    ]


def http(kind: str, name: str) -> HttpAnswer:
    """The answer as an adapter gets to see it."""
    sent = reply(kind, name)
    return HttpAnswer(sent.status, sent.headers, sent.body)


def check(kind: str, name: str, problem: ProviderProblem) -> None:
    """The error is what is written down of the answer."""
    entry = answers(kind)[name]
    told = problem.to_dict()
    assert (told["type"], told["billed"]) == (entry["becomes"], entry["billed"])
    facts = entry.get("facts", {})
    assert {name: told[name] for name in facts} == facts
