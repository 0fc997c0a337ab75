"""Fills a template in and keeps account of what came from where."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from prompts.fields import FIELDS
from prompts.parts import MissingField, Origin, Part
from prompts.templating import Group, Literal, Node, Placeholder, parse_template
from prompts.words import clean_text, clip_text, keep_inside_quotes


class StyleWords(Protocol):
    """What composing needs of a style: a model row or a StyleState."""

    @property
    def name(self) -> str: ...
    @property
    def fragment(self) -> str: ...
    @property
    def negative_fragment(self) -> str: ...
    @property
    def palette(self) -> Iterable[str]: ...


class FormatWords(Protocol):
    """What composing needs of a format."""

    @property
    def name(self) -> str: ...
    @property
    def fragment(self) -> str: ...
    @property
    def aspect_ratio(self) -> str: ...


class PromptBuilder:
    """One prompt in the making: its parts so far, and which fields were used or clipped.

    `limits`: characters taken of a field, over the catalogue's. `room`: the most that fits.
    """

    def __init__(
        self, *, asked_by: str, limits: Mapping[str, int], room: Mapping[str, int]
    ) -> None:
        self.asked_by = asked_by
        self.limits = limits
        self.room = room
        self.parts: list[Part] = []
        self.texts: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.spoken: set[str] = set()  # fields that need no (further) place in the prompt
        self.lengths: dict[str, int] = {}  # characters used of each field of post and section
        self.clipped: set[str] = set()
        self.description: tuple[Node, ...] = ()
        self.description_origin: Origin = "hand"

    def add_sources(
        self, values: Mapping[str, str], style: StyleWords | None, format: FormatWords | None
    ) -> None:
        """Takes the words that may be filled in."""
        own = {name for name, field in FIELDS.items() if field.origin in ("post", "section")}
        self.texts = {name: clean_text(values[name]) for name in own & set(values)}
        if style is not None:
            version = getattr(style, "version", None)
            label = f"{style.name}, version {version}" if version else style.name
            self._add("style", label, style, ("name", "fragment"))
            self.texts["style.palette"] = ", ".join(style.palette)
        if format is not None:
            self._add("format", format.name, format, ("name", "fragment", "aspect_ratio"))

    def _add(self, prefix: str, label: str, source: object, attributes: Iterable[str]) -> None:
        for attribute in attributes:
            text = clean_text(getattr(source, attribute))
            if attribute == "fragment":
                text = text.rstrip(".;, ")
            self.texts[f"{prefix}.{attribute}"] = text
            self.sources[f"{prefix}.{attribute}"] = label

    def set_description(self, description: str, origin: Origin, hand: str) -> None:
        """An example's description is a template of its own; one by hand is plain words."""
        self.description_origin = origin
        if origin == "example":
            self.description = parse_template(description.strip())
        elif cleaned := clean_text(description):
            self.description = (Literal(cleaned),)
        said = clean_text(f"{description} {hand}").casefold()
        for name in ("style.fragment", "format.fragment"):
            fragment = self.texts.get(name, "")
            if fragment and fragment.casefold() in said:
                self.spoken.add(name)

    def fill(self, nodes: Iterable[Node], origin: Origin) -> None:
        """Adds a template's words with its fields filled in."""
        for node in nodes:
            if isinstance(node, Literal):
                self._add_words(node.text, origin)
            elif isinstance(node, Group):
                if all(self._has(inner) for inner in node.nodes if isinstance(inner, Placeholder)):
                    self.fill(node.nodes, origin)
            else:
                self._fill_placeholder(node)

    def _has(self, placeholder: Placeholder) -> bool:
        """Whether a placeholder of an optional part lets the part stand."""
        return placeholder.optional or self._has_text(placeholder.field.name)

    def _has_text(self, name: str) -> bool:
        if name in self.spoken:
            return False
        return bool(self.description if name == "description" else self.texts.get(name))

    def _fill_placeholder(self, placeholder: Placeholder) -> None:
        field = placeholder.field
        if not self._has_text(field.name):
            if placeholder.optional or field.name in self.spoken:
                return
            raise MissingField(field, self.asked_by)
        if field.name == "description":
            self._fill_description()
            return
        if field.name.endswith(".fragment"):
            self.spoken.add(field.name)
        text = self._clip(placeholder)
        if placeholder.quoted:
            text = keep_inside_quotes(text)
        source = self.sources.get(field.name, field.name)
        self._append(Part(text, field.origin, source))  # type: ignore[arg-type]

    def _fill_description(self) -> None:
        self.spoken.add("description")
        asked_by, self.asked_by = self.asked_by, "The description"
        self.fill(self.description, self.description_origin)
        self.asked_by = asked_by

    def _clip(self, placeholder: Placeholder) -> str:
        name = placeholder.field.name
        limit = placeholder.limit or self.limits.get(name, placeholder.field.limit)
        text = clip_text(self.texts[name], min(limit, self.room.get(name, limit)))
        if text != self.texts[name]:
            self.clipped.add(name)
        if placeholder.field.origin in ("post", "section"):
            self.lengths[name] = max(self.lengths.get(name, 0), len(text))
        return text

    def append_unplaced(self) -> None:
        """Puts description, style and format that no placeholder took at the end."""
        if "description" not in self.spoken and self.description:
            self._start_sentence()
            self._fill_description()
        for prefix in ("style", "format"):
            name = f"{prefix}.fragment"
            if name not in self.spoken:
                self.append_sentence(self.texts.get(name, ""), prefix, self.sources.get(name, ""))

    def append_sentence(self, text: str, origin: Any, source: str = "") -> None:
        """Adds words after a full stop."""
        if text:
            self._start_sentence()
            self._append(Part(text, origin, source))

    def append_negatives(self, negatives: Iterable[tuple[str, Origin]]) -> None:
        """Adds "Avoid: …" with each term under its own origin."""
        words = "Avoid: "
        for term, origin in negatives:
            if words == "Avoid: ":
                self._start_sentence()
            self._append(Part(words, "template"))
            self._append(Part(term, origin))
            words = ", "
        if words == ", ":
            self._append(Part(".", "template"))

    def _start_sentence(self) -> None:
        tail = self._tail().rstrip()
        if tail:
            ended = tail[-1] in ".!?…:;,"
            self._add_words(" " if ended else ". ", "template")

    def _tail(self) -> str:
        return self.parts[-1].text if self.parts else ""

    def _add_words(self, words: str, origin: Origin) -> None:
        """Adds template words without doubling the space or full stop before them."""
        tail = self._tail()
        if words[:1] == "." and words[1:2] != "." and tail[-1:] in tuple(".!?…"):
            words = words[1:]
        bare = words.lstrip()
        space = words[: len(words) - len(bare)]
        if space and (not tail or tail[-1].isspace()):
            if tail and "\n" in space and "\n" not in tail[len(tail.rstrip()) :]:
                self._replace_tail(tail.rstrip())
            else:
                words = bare
        self._append(Part(words, origin))

    def _replace_tail(self, text: str) -> None:
        last = self.parts.pop()
        if text:
            self.parts.append(Part(text, last.origin, last.source))

    def _append(self, part: Part) -> None:
        if not part.text:
            return
        last = self.parts[-1] if self.parts else None
        if last and (last.origin, last.source) == (part.origin, part.source):
            self.parts[-1] = Part(last.text + part.text, last.origin, last.source)
        else:
            self.parts.append(part)

    def finish(self) -> tuple[Part, ...]:
        """The parts without space at either end."""
        self._strip_ends(0, str.lstrip)
        self._strip_ends(-1, str.rstrip)
        return tuple(self.parts)

    def _strip_ends(self, index: int, strip: Callable[[str], str]) -> None:
        while self.parts:
            part = self.parts[index]
            if text := strip(part.text):
                self.parts[index] = Part(text, part.origin, part.source)
                return
            self.parts.pop(index)
