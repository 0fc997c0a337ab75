"""A social card with the post's title set beside its hero.

Type and layout are the studio's own. Runs in a child process and knows no Django.
"""

from PIL import Image, ImageOps

from imagegen.imaging.encode import JPEG, SOCIAL_SIZE, social_crop
from imagegen.imaging.reading import RECEIVED, as_shown, read_picture
from imagegen.imaging.writing import write_picture
from imagegen.imaging.xmp import packet
from providers.backends.studio.canvas import Art, Canvas, seeded_chance
from providers.backends.studio.colour import Palette, to_hex
from providers.backends.studio.layouts.page import Words
from providers.backends.studio.layouts.split import draw
from providers.backends.studio.type import LABEL, SERIF, settable

COLOURS = 6


def text_card(path: str, out_path: str, facts: dict, title: str, site: str) -> dict:
    """A JPEG of 1200 x 630 pixels: the title on a calm ground, the picture beside it.

    The colours are the picture's own. A title in a script that the fonts do not have gives a
    card without text: the middle of the picture.
    """
    picture = as_shown(read_picture(path, RECEIVED)[0])
    words = settable(title, SERIF)
    if words.text:
        canvas = Canvas(*SOCIAL_SIZE, palette_of(picture), seeded_chance("card", title))
        footer = settable(site, LABEL).text
        texts = Words(words.text, words.face, footer=footer)
        card = draw(canvas, lambda pane: Art(_filling(picture, pane.size), ""), texts).image
    else:
        card = social_crop(picture)
    return write_picture(card, out_path, **JPEG, xmp=packet(**facts))


def palette_of(picture: Image.Image) -> Palette:
    """The picture's main colours."""
    small = picture.resize((64, 64), Image.Resampling.BOX)
    flat = (small.quantize(COLOURS, Image.Quantize.MEDIANCUT).getpalette() or [])[: COLOURS * 3]
    found = zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
    return Palette.from_hex([to_hex(colour) for colour in found])


def _filling(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
