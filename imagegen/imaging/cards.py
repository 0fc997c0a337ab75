"""A social card with the post's title set beside its hero.

Type and layout are the studio's own. Runs in a child process and knows no Django.
"""

from collections.abc import Callable, Sequence

from PIL import Image

from providers.backends.studio.canvas import Art, Canvas, seeded_chance
from providers.backends.studio.colour import Palette, to_hex
from providers.backends.studio.layouts.page import Words
from providers.backends.studio.layouts.split import draw
from providers.backends.studio.type import LABEL, SERIF, settable

SOCIAL_SIZE = (1200, 630)
COLOURS = 6
Fill = Callable[[tuple[int, int]], Image.Image]


def card(
    fill: Fill, *, title: str, site: str = "", palette: Sequence[str] = ()
) -> Image.Image | None:
    """An image of 1200 x 630 pixels: the title on a calm ground, the picture beside it.

    `fill` gives the picture's best part at any size, enlarged where it must be. `palette` are
    hex colours; without them the picture's own are taken. The same title is always laid out in
    the same way. None for a title in a script that the fonts do not have.
    """
    words = settable(title, SERIF)
    if not words.text:
        return None
    colours = Palette.from_hex(list(palette)) if palette else palette_of(fill((64, 64)))
    canvas = Canvas(*SOCIAL_SIZE, colours, seeded_chance("card", title))
    texts = Words(words.text, words.face, footer=settable(site, LABEL).text)
    return draw(canvas, lambda pane: Art(fill(pane.size), ""), texts).image


def palette_of(picture: Image.Image) -> Palette:
    """The main colours of a small picture."""
    flat = (picture.quantize(COLOURS, Image.Quantize.MEDIANCUT).getpalette() or [])[: COLOURS * 3]
    found = zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
    return Palette.from_hex([to_hex(colour) for colour in found])
