"""From a specification to a finished picture, or to a file: the studio's two entrances."""

from dataclasses import dataclass, fields
from typing import Any

from PIL import Image

from .canvas import Art, Canvas, seeded_chance
from .colour import DEFAULT_PALETTES, Palette
from .describe import describe
from .families import family
from .layouts import layout
from .layouts.page import Words
from .names import FAMILIES, LAYOUTS, check_family, check_layout, check_size
from .type import GROTESQUE, LABEL, SERIF, settable

_FACES = {"split": SERIF, "poster": GROTESQUE, "full-bleed": GROTESQUE}


@dataclass(frozen=True)
class StudioSpec:
    """What to draw.

    Sizes are in pixels; the palette holds hex colours (empty: one of the house's own, by seed).
    An empty family or layout is chosen by the seed. Without a title there is no layout.
    """

    width: int
    height: int
    palette: tuple[str, ...] = ()
    seed: int = 0
    prompt: str = ""
    family: str = ""
    layout: str = ""
    title: str = ""
    kicker: str = ""
    footer: str = ""


@dataclass(frozen=True)
class Drawing:
    """A finished picture, what was chosen for it, and its alt text.

    `notes` are sentences for the editor, for example on characters that were left out.
    """

    image: Image.Image
    family: str
    layout: str
    palette: tuple[str, ...]
    description: str
    notes: tuple[str, ...] = ()


def draw(spec: StudioSpec) -> Drawing:
    """Draw a picture; the same specification gives the same pixels.

    Raises ValueError, with a sentence for the editor, for an impossible size, an unknown family
    or layout, or a palette entry that is no colour.
    """
    check_size(spec.width, spec.height)
    check_family(spec.family)
    check_layout(spec.layout)
    facts = (spec.prompt, spec.seed, *spec.palette)
    choice = seeded_chance("choice", *facts)
    colours = spec.palette or DEFAULT_PALETTES[choice.randint(len(DEFAULT_PALETTES))]
    name = spec.family or list(FAMILIES)[choice.randint(len(FAMILIES))]
    wished = spec.layout or list(LAYOUTS)[choice.randint(len(LAYOUTS))]
    palette = Palette.from_hex(colours)
    canvas = Canvas(spec.width, spec.height, palette, seeded_chance("drawing", name, *facts))
    words, notes = _words(spec, wished)
    if not words.title:
        art: Art = family(name)(canvas)
        text = describe(art.image, art.subject)
        return Drawing(art.image, name, "", palette.colours, text, notes)
    cover = layout(wished)(canvas, family(name), words)
    text = describe(cover.image, cover.subject, cover.title)
    return Drawing(cover.image, name, wished, palette.colours, text, notes)


def _words(spec: StudioSpec, wished: str) -> tuple[Words, tuple[str, ...]]:
    """Reduce the texts to what the fonts can show, and say what was left out."""
    title = settable(spec.title, _FACES[wished])
    kicker, footer = settable(spec.kicker, LABEL), settable(spec.footer, LABEL)
    notes = []
    if spec.title.strip() and not title.text:
        notes.append("The title has no characters that the studio's fonts can show: pattern only.")
    elif title.dropped:
        notes.append(
            f"{_characters(title.dropped)} of the title cannot be shown and were left out."
        )
    dropped = kicker.dropped + footer.dropped
    if title.text and dropped:
        notes.append(
            f"{_characters(dropped)} of the small texts cannot be shown and were left out."
        )
    return Words(title.text, title.face, kicker.text, footer.text), tuple(notes)


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count} characters"


def spec_from_dict(data: dict[str, Any]) -> StudioSpec:
    """Build a specification from plain values; ValueError names one that is not known."""
    known = {f.name for f in fields(StudioSpec)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise ValueError(f"The studio does not know: {', '.join(unknown)}.")
    return StudioSpec(**{**data, "palette": tuple(data.get("palette") or ())})


def render_to_file(data: dict[str, Any], path: str, file_format: str = "png") -> dict[str, Any]:
    """Draw a specification (plain values) into a file; for use in a child process.

    Returns family, layout, palette, description, notes, width and height as plain values. The
    file carries no metadata: marking copies is the publisher's work.
    """
    drawing = draw(spec_from_dict(data))
    if file_format == "png":
        drawing.image.save(path, format="PNG", compress_level=1)
    elif file_format in ("jpeg", "jpg"):
        drawing.image.save(path, format="JPEG", quality=92, subsampling=0)
    else:
        raise ValueError(f"The studio writes png and jpeg, not {file_format!r}.")
    return {
        "family": drawing.family,
        "layout": drawing.layout,
        "palette": list(drawing.palette),
        "description": drawing.description,
        "notes": list(drawing.notes),
        "width": drawing.image.width,
        "height": drawing.image.height,
    }
