"""Front matter: taking it off the text and reading it.

Scalars of YAML stay text, except true, false and null, so that a title "1.10" or a date keeps
the form in which it was written.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from blog.errors import ImportProblem

MAX_LENGTH = 64 * 1024
# Where generators put what they do not know themselves.
NESTED = ("extra", "params", "taxonomies")


@dataclass(frozen=True, kw_only=True)
class FrontMatter:
    """Values by key, keys in lower case with underscores; `source` is their text."""

    values: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    source: str = ""
    present: bool = False

    def get(self, *keys: str) -> Any:
        """The first of these keys that has a value, at the top level or nested."""
        return next((value for _, value in self.items(*keys)), None)

    def items(self, *keys: str) -> list[tuple[str, Any]]:
        """Each of these keys that has a value, in this order."""
        found = []
        for key in keys:
            for level in (self.values, *map(self._nested, NESTED)):
                if level.get(key) not in (None, ""):
                    found.append((key, level[key]))
                    break
        return found

    def line_of(self, *keys: str) -> int | None:
        """The line on which one of these keys stands."""
        for key in keys:
            words = re.escape(key).replace("_", "[-_]?")
            pattern = rf"^[ \t]*[{{,]?[ \t]*[\"']?{words}[\"']?[ \t]*[:=]"
            if match := re.search(pattern, self.source, re.IGNORECASE | re.MULTILINE):
                return self.source.count("\n", 0, match.start()) + 1
        return None

    def _nested(self, name: str) -> Mapping[str, Any]:
        value = self.values.get(name)
        return normal_keys(value) if isinstance(value, Mapping) else {}


def normal_keys(values: Mapping) -> dict[str, Any]:
    """The same values with keys such as `hero_image` for `Hero-Image`."""
    return {str(key).lower().replace("-", "_"): value for key, value in values.items()}


def split_front_matter(text: str) -> FrontMatter:
    """Front matter and body of a file's text. Raises `ImportProblem` with the line."""
    first, _, rest = text.partition("\n")
    if first.rstrip() == "---":
        source, body = _until(rest, ("---", "..."), "---")
        values = _yaml(source)
    elif first.rstrip() == "+++":
        source, body = _until(rest, ("+++",), "+++")
        values = _toml(source)
    elif re.match(r"\{\s*[\"}]", text):
        values, end = _json(text)
        return _made(values, text[:end], text[end:])
    else:
        return FrontMatter(body=text)
    return _made(values, f"{first}\n{source}", body)


def _made(values: Any, source: str, body: str) -> FrontMatter:
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise ImportProblem("The front matter is no list of keys and values.", line=1)
    return FrontMatter(
        values=normal_keys(values), body=body.lstrip("\n"), source=source, present=True
    )


def _until(text: str, fences: tuple[str, ...], opened: str) -> tuple[str, str]:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.rstrip() in fences:
            source = "\n".join(lines[:number])
            _check_length(source)
            return source, "\n".join(lines[number + 1 :])
    raise ImportProblem(
        f"The front matter begins with {opened} but does not end: the closing {opened} is missing.",
        line=1,
    )


def _check_length(source: str) -> None:
    if len(source) > MAX_LENGTH:
        raise ImportProblem(
            f"The front matter has {len(source):,} characters; {MAX_LENGTH:,} are allowed. "
            "Is its end marked?",
            line=1,
        )


# --- YAML -------------------------------------------------------------------------------


class _PlainLoader(yaml.SafeLoader):
    """YAML whose scalars stay text; the pure Python loader, whose depth is limited.

    Aliases are refused: a few lines of them can stand for more values than a memory holds, or
    for a list that contains itself.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            problem = "aliases such as *name are not supported. Write the value out"
            raise yaml.composer.ComposerError(None, None, problem, mark)
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag.endswith((":null", ":merge"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
YAML_HINTS = {
    "mapping values are not allowed here": "Put quotes round a value that contains a colon.",
    "found character '\\t' that cannot start any token": "Indent with spaces, not with tabs.",
}


def _yaml(source: str) -> Any:
    try:
        return yaml.load(source, Loader=_PlainLoader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it is not valid"
        reason = f"The YAML front matter cannot be read: {problem}. {YAML_HINTS.get(problem, '')}"
        # Lines count from 0 after the opening fence.
        raise ImportProblem(reason.strip(), line=mark.line + 2 if mark else 1) from error
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 2
        raise ImportProblem(
            f"The YAML front matter cannot be read: {error.reason}.", line=line
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ImportProblem("The YAML front matter cannot be read.", line=1) from error


# --- TOML and JSON ----------------------------------------------------------------------


def _toml(source: str) -> Any:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r"\(at line (\d+), column \d+\)", message)
        problem = message[: place.start()].strip() if place else message.split(" (at")[0]
        line = int(place[1]) + 1 if place else source.count("\n") + 2
        raise ImportProblem(
            f"The TOML front matter cannot be read: {problem}.", line=line
        ) from error
    except (ValueError, RecursionError) as error:
        raise ImportProblem("The TOML front matter cannot be read.", line=1) from error


def _json(text: str) -> tuple[Any, int]:
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        raise ImportProblem(
            f"The JSON front matter cannot be read: {error.msg}.", line=error.lineno
        ) from error
    except (ValueError, RecursionError) as error:
        raise ImportProblem("The JSON front matter cannot be read.", line=1) from error
    _check_length(text[:end])
    return values, end
