"""Reading settings written by people and other tools into structured ones. Pure.

Four kinds of text: JSON (our own export, or any object of values), one entry per line
(`Cinematic: 1024x576, steps: 30, cfg 7`), a block of one value per line under a name, and the
parameter text that A1111 and its relatives write below a picture.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from prompts.placing import (
    COLUMNS,
    OPTIONS,
    OUTPUT_FORMATS,
    RATIO,
    SAMPLERS,
    SIZE,
    ParsedSettings,
    is_known_key,
    normal_key,
    place,
    place_extra,
)

_KEY_VALUE = re.compile(r"([A-Za-z][\w .+/-]{0,60}?)\s*[:=]\s*(.*)\Z", re.S)
_NAME = re.compile(r"([^:=,\"{}]{1,100}?)\s*:\s*(.*)\Z", re.S)
_FLAG = re.compile(r"--?([A-Za-z][\w-]*)(?:[\s=]+(.*))?\Z", re.S)
_FLAGS = re.compile(r"\s+(?=--[A-Za-z])")
_PARAMETER_LINE = re.compile(r"Steps:\s*\d+\s*,.*:", re.I)
_NEGATIVE = re.compile(r"Negative prompt:\s*", re.I)
_WORDED = sorted({*COLUMNS, *OPTIONS}, key=len, reverse=True)
_ANY_KEY = "|".join(re.escape(key).replace(r"\ ", "[ _-]") for key in _WORDED)
_KEY_HERE = re.compile(rf"(?:(?<=\s)|^)(?:{_ANY_KEY})\s*[:=]", re.I)
_KEY_AND_WORD = re.compile(rf"({_ANY_KEY})\s+(\S.*)\Z", re.I | re.S)
_RUN = re.compile(
    r"(\d+\s*[x×*]\s*\d+(?:px)?|\d+\s+steps?"
    r"|(?:steps|cfg[ _-]scale|cfg|guidance[ _-]scale|guidance|seed|width|height)\s*-?\d+(?:\.\d+)?)"
    r"(?:\s+|\Z)",
    re.I,
)
_OPEN, _CLOSE = "([{<", ")]}>"


class SettingsFileError(ValueError):
    """A text of settings cannot be read at all; the sentence says why."""


def parse_settings_text(text: str) -> list[ParsedSettings]:
    """Every entry of a text. Raises SettingsFileError when there is none or the JSON is broken."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise SettingsFileError("This is not a text: it holds NUL characters.")
    if text.lstrip()[:1] == "{" or re.match(r"\s*\[\s*[{\]]", text):
        return parse_settings_data(_json(text))
    entries = [entry for start, lines in _paragraphs(text) for entry in _entries(start, lines)]
    if not entries:
        raise SettingsFileError("There are no settings in it.")
    return entries


def parse_settings_data(data: Any) -> list[ParsedSettings]:
    """Every entry of decoded JSON: one object, a list of them, or {"settings": [...]}."""
    if isinstance(data, dict) and isinstance(data.get("settings"), list):
        data = data["settings"]
    rows = data if isinstance(data, list) else [data]
    if not rows:
        raise SettingsFileError("There are no settings in it.")
    return [_from_object(number, row) for number, row in enumerate(rows, start=1)]


def _json(text: str) -> Any:
    """The decoded JSON, without what no database can keep."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
        again = json.dumps(data, ensure_ascii=False)
        again.encode()
    except SettingsFileError:
        raise
    except json.JSONDecodeError as error:
        raise SettingsFileError(f"Line {error.lineno}: the JSON is broken: {error.msg}.") from None
    except RecursionError:
        raise SettingsFileError("The JSON is nested too deeply.") from None
    except UnicodeEncodeError:
        raise SettingsFileError("The JSON holds half a character (a lone surrogate).") from None
    except ValueError:
        raise SettingsFileError("The JSON holds a number that is too long.") from None
    if "\\u0000" in again:
        raise SettingsFileError("The JSON holds a NUL character; remove it.")
    return data


def _refuse_constant(name: str) -> None:
    raise SettingsFileError(f"The JSON holds {name}, which is no number; remove it.")


def _from_object(number: int, row: Any) -> ParsedSettings:
    entry = ParsedSettings(where=f"entry {number}", strict_links=True)
    if not isinstance(row, dict):
        entry.errors.append("it is not an object of names and values")
        return entry
    for key, value in row.items():
        place(entry, key, value)
    return entry


def _paragraphs(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines between empty ones, with the number of their first line; no comments."""
    start, lines = 0, []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip() and not lines:
            start = number
        if line.strip():
            lines.append("" if line.lstrip().startswith("#") else line.strip())
        elif lines:
            yield start, lines
            lines = []


def _entries(start: int, lines: list[str]) -> Iterator[ParsedSettings]:
    """The entries of a paragraph: one of A1111's, named blocks, one block, or one per line."""
    if any(_PARAMETER_LINE.match(line) for line in lines) and not _PARAMETER_LINE.match(lines[0]):
        yield from _parameter_texts(start, lines)
        return
    if _is_one_block(lines):
        yield _from_items(start, ", ".join(line for line in lines if line))
        return
    block: tuple[int, list[str]] | None = None
    for number, line in enumerate(lines, start=start):
        if header := _header(line):
            if block:
                yield _from_items(block[0], ", ".join(block[1]))
            block = (number, [f"name: {json.dumps(header, ensure_ascii=False)}"])
        elif block and line:
            block[1].append(line)
        elif line:
            yield _from_items(number, line)
    if block:
        yield _from_items(block[0], ", ".join(block[1]))


def _header(line: str) -> str:
    """The name in a line that holds only a name: "[Cinematic]" or "Cinematic:"."""
    match = re.fullmatch(r"\[([^\[\]]{1,100})\]|([^:=,\[\]]{1,100}):", line)
    name = (match[1] or match[2]).strip() if match else ""
    return "" if is_known_key(name) else name


def _is_one_block(lines: list[str]) -> bool:
    """Whether every line holds one value under a key of its own."""
    keys = []
    for line in filter(None, lines):
        items = _items(line)
        match = _KEY_VALUE.match(items[0]) if len(items) == 1 else None
        if match is None or not (match[2] and is_known_key(match[1])):
            return False
        keys.append(normal_key(match[1]))
    return len(keys) > 1 and len(set(keys)) == len(keys)


def _parameter_texts(start: int, lines: list[str]) -> Iterator[ParsedSettings]:
    """Prompt, "Negative prompt:" and the line of parameters, perhaps several times over."""
    prompt: list[str] = []
    for number, line in enumerate(lines, start=start):
        if not _PARAMETER_LINE.match(line):
            prompt.append(line)
            continue
        entry = _from_items(number, line)
        positive, *negative = _NEGATIVE.split("\n".join(prompt), maxsplit=1)
        entry.prompt = " ".join(positive.split())
        if negative and negative[0].strip():
            place_extra(entry, "negative prompt", " ".join(negative[0].split()))
        yield entry
        prompt = []


def _from_items(number: int, text: str) -> ParsedSettings:
    entry = ParsedSettings(where=f"line {number}")
    text = _take_name(entry, text)
    for item in _items(text):
        _place_item(entry, item)
    if entry.is_empty and not entry.loose:
        entry.errors.append("there is no setting in it")
    return entry


def _take_name(entry: ParsedSettings, text: str) -> str:
    """Takes a name before a colon off, when what follows it is a setting itself."""
    match = _NAME.match(text)
    if match is None or is_known_key(match[1]) or RATIO.match(text.split(",")[0].strip()):
        return text
    first = (_items(match[2]) or [""])[0]
    if not _is_setting(first):
        return text
    entry.name = " ".join(match[1].split())
    return match[2]


def _is_setting(item: str) -> bool:
    """Whether an item is a setting by its form, so that words before it are a name."""
    pair = _KEY_VALUE.match(item)
    return bool(
        SIZE.match(item)
        or RATIO.match(item)
        or _FLAG.match(item)
        or (pair and is_known_key(pair[1]))
        or _KEY_AND_WORD.match(item)
        or re.match(r"\d+\s+steps?\Z", item, re.I)
    )


def _items(text: str) -> list[str]:
    """The parts of a line: split at commas, semicolons and bars outside quotes and brackets,
    before flags and known keys, and between a size and figures that follow it."""
    items: list[str] = []
    for rough in map(str.strip, _split_outside(text)):
        if '"' in rough:
            items.append(rough)
        else:
            items += [part for flag in _FLAGS.split(rough) for part in _split_keys(flag)]
    return [item for item in items if item]


def _split_keys(item: str) -> list[str]:
    """`steps: 30 cfg: 7` and `1024x768 30 steps cfg 7 euler` in their parts."""
    starts = [match.start() for match in _KEY_HERE.finditer(item)]
    if starts and starts[0] == 0:
        ends = [*starts[1:], len(item)]
        return [item[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    parts, position = [], 0
    while match := _RUN.match(item, position):
        parts.append(match[1])
        position = match.end()
    return [*parts, item[position:]]


def _split_outside(text: str) -> list[str]:
    parts, depth, quoted, previous = [""], 0, False, ""
    for character in text:
        if character == '"' and previous != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (character in _OPEN) - (character in _CLOSE)
        if character in ",;|\n" and not quoted and depth <= 0:
            parts.append("")
            depth = 0
        else:
            parts[-1] += character
        previous = character
    if quoted or depth > 0:  # a quote or bracket that never closes groups nothing
        return re.split(r"[,;|\n]", text)
    return parts


def _place_item(entry: ParsedSettings, item: str) -> None:
    """One part of a line: a size, a ratio, key and value, a flag, or a loose word."""
    if SIZE.match(item):
        place(entry, "size", item)
    elif RATIO.match(item):
        place(entry, "aspect ratio", item)
    elif flag := _FLAG.match(item):
        place(entry, flag[1], True if flag[2] is None else _unquoted(flag[2]))
    elif pair := _KEY_VALUE.match(item):
        place(entry, pair[1], _unquoted(pair[2]))
    elif match := re.match(r"(\d+)\s+steps?\Z", item, re.I):
        place(entry, "steps", match[1])
    elif match := re.match(r"(\w+)\s+(quality|seed)\Z", item, re.I):
        place(entry, match[2], match[1])
    elif word := _KEY_AND_WORD.match(item):
        place(entry, word[1], _unquoted(word[2]))
    elif item.casefold() in OUTPUT_FORMATS:
        place(entry, "output format", item)
    elif SAMPLERS.match(item):
        place_extra(entry, "sampler", item)
    else:
        entry.loose.append(_unquoted(item))


def _unquoted(value: str) -> str:
    """A value without the quotation marks around it."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            decoded = json.loads(value)
        except ValueError:
            return value[1:-1]
        return decoded if isinstance(decoded, str) else value
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    return value
