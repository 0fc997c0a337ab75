"""The placeholders that a template or an example may use, with a word on each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Field:
    """One placeholder: its name, what it stands for, the most characters taken from it."""

    name: str
    label: str
    limit: int
    required_by: str  # what to do when it is empty

    @property
    def origin(self) -> str:
        """Where its text comes from: post, section, style, format or hand."""
        return "hand" if self.name == "description" else self.name.split(".")[0]

    @property
    def placeholder(self) -> str:
        return "{" + self.name + "}"


def _post(name: str, label: str, limit: int) -> Field:
    return Field(name=f"post.{name}", label=label, limit=limit, required_by="Fill it in")


def _section(name: str, label: str, limit: int) -> Field:
    advice = "Use it for sections only"
    return Field(name=f"section.{name}", label=label, limit=limit, required_by=advice)


def _style(name: str, label: str, limit: int = 2000) -> Field:
    return Field(name=f"style.{name}", label=label, limit=limit, required_by="Choose a style")


def _format(name: str, label: str, limit: int = 2000) -> Field:
    return Field(name=f"format.{name}", label=label, limit=limit, required_by="Choose a format")


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        _post("title", "the post's title", 200),
        _post("summary", "the post's summary", 600),
        _post("text", "the post's text without markup", 1500),
        _post("headings", "the headings of the post's sections", 600),
        _post("tags", "the post's tags, separated by commas", 200),
        _post("author", "the post's author", 100),
        _post("language", "the code of the post's language, such as en", 20),
        _post("slug", "the post's address", 200),
        _section("heading", "the section's heading", 200),
        _section("text", "the section's text without markup", 1200),
        _section("anchor", "the section's address in the page", 200),
        _style("name", "the style's name", 100),
        _style("fragment", "the style's words"),
        _style("palette", "the style's colours, such as #1b2a41, #f4efe6", 100),
        _format("name", "the format's name", 100),
        _format("fragment", "the format's words"),
        _format("aspect_ratio", "the format's aspect ratio, such as 3:2", 20),
        Field(
            name="description",
            label="what the picture shows, from an example or written by hand",
            limit=4000,
            required_by="Write a description",
        ),
    )
}
