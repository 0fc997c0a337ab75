"""From a specification to a finished picture."""

from dataclasses import dataclass

from PIL import Image

from providers.backends.studio.canvas import Art, Canvas, seeded_chance
from providers.backends.studio.colour import DEFAULT_PALETTES, Palette
from providers.backends.studio.describe import describe
from providers.backends.studio.families import family
from providers.backends.studio.layouts import layout
from providers.backends.studio.layouts.page import Words
from providers.backends.studio.options import (
    FAMILIES,
    LAYOUTS,
    check_family,
    check_layout,
    check_size,
)
from providers.backends.studio.type import GROTESQUE, LABEL, SERIF, settable

# Far more than can be shown; what goes beyond would only cost time.
_LONGEST_TITLE, _LONGEST_LABEL = 1000, 200
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
    title = settable(spec.title[:_LONGEST_TITLE], _FACES[wished])
    kicker = settable(spec.kicker[:_LONGEST_LABEL], LABEL)
    footer = settable(spec.footer[:_LONGEST_LABEL], LABEL)
    notes = []
    if spec.title.strip() and not title.text:
        notes.append("The title has no characters that the studio's fonts can show: pattern only.")
    elif title.dropped:
        notes.append(_left_out(title.dropped, "the title"))
    if title.text and kicker.dropped + footer.dropped:
        notes.append(_left_out(kicker.dropped + footer.dropped, "the small texts"))
    return Words(title.text, title.face, kicker.text, footer.text), tuple(notes)


def _left_out(count: int, where: str) -> str:
    what, verb = ("character", "was") if count == 1 else ("characters", "were")
    return f"{count} {what} of {where} cannot be shown and {verb} left out."
