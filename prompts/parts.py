"""The pieces of a prompt and what can go wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prompts.fields import Field

Origin = Literal["template", "post", "section", "style", "format", "example", "draft", "hand"]


class ComposeError(ValueError):
    """A prompt cannot be composed; the sentence says why and what to do."""


class MissingField(ComposeError):
    """A template asks for a field that is empty."""

    def __init__(self, field: Field, asked_by: str) -> None:
        self.placeholder = field.name
        super().__init__(
            f"{asked_by} asks for {{{field.name}}} ({field.label}), which is empty here. "
            f"{field.required_by}, or write {{{field.name}?}} to do without."
        )


class PromptTooLong(ComposeError):
    """A prompt does not fit the model, even with the post's words clipped."""

    def __init__(self, length: int, limit: int) -> None:
        self.length, self.limit = length, limit
        super().__init__(
            f"The prompt has {length:,} characters, {length - limit:,} more than the model takes "
            f"({limit:,}). Shorten the template, the style or the description."
        )


@dataclass(frozen=True)
class Part:
    """A piece of a prompt. `source` names it closer, such as "post.title" or a style's name."""

    text: str
    origin: Origin
    source: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain JSON."""
        return {"text": self.text, "origin": self.origin, "source": self.source}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Part":
        """From the JSON that `to_dict` made."""
        return cls(data["text"], data["origin"], data.get("source", ""))


@dataclass(frozen=True, kw_only=True)
class ComposedPrompt:
    """The exact prompt; `clipped` names the fields that were shortened to fit."""

    parts: tuple[Part, ...]
    negative_text: str = ""
    clipped: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is sent."""
        return "".join(part.text for part in self.parts)

    @property
    def length(self) -> int:
        """Characters of the text."""
        return len(self.text)
