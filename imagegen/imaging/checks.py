"""What looks wrong with a picture that came in: hints for whoever reviews it, no verdicts.

Knows no Django; runs in a child process on a picture reduced to about 256 pixels. The limits
were found with model pictures and wanted patterns in November 2026: they miss rather than nag.
"""

import numpy as np
from PIL import Image

REDUCED_SIDE = 256
UNIFORM = 3.0  # standard deviation of the luma, 0 to 255
FAINT = 6.0
BLACK = 16  # the 99th percentile of the luma
NO_DETAIL = 5.0  # variance of the Laplacian
ONE_COLOUR = 0.9  # share of the picture
NEAR_COLOUR = 12  # levels of each channel that count as the same colour
FLAT_ROW = 1.5  # standard deviation of the luma along a row
HALF = 0.2  # share of flat rows at the bottom
TOLERANCE = 0.03  # of the sides that were asked for

Hint = dict[str, str]


def notice(
    image: Image.Image,
    *,
    wanted_size: tuple[int, int] | None = None,
    drawn_by_program: bool = False,
) -> list[Hint]:
    """What is worth a second look: a list of `code` and `text`, empty for most pictures.

    `image` is RGB as shown, `wanted_size` its size as asked for, in pixels. What is wanted in
    patterns (large plain areas, soft gradients) is no hint where a program drew them.
    """
    small = image.reduce(max(1, round(max(image.size) / REDUCED_SIDE)))
    colours = np.asarray(small.convert("RGB"))
    luma = np.asarray(small.convert("L"), dtype=np.float32)
    content = _empty(luma) or ([] if drawn_by_program else _poor(colours, luma))
    return [*content, *_size(image.size, wanted_size)]


def _empty(luma: np.ndarray) -> list[Hint]:
    """The picture shows nothing at all; further looks at its content would say no more."""
    spread = float(luma.std())
    if np.percentile(luma, 99) < BLACK:
        return [
            _hint(
                "black",
                "The picture is all but black, as services send it in place of one that they "
                "hold back.",
            )
        ]
    if spread < UNIFORM:
        return [_hint("blank", "The picture is blank: one shade from edge to edge.")]
    if spread < FAINT:
        return [_hint("faint", "The picture has hardly any contrast.")]
    return []


def _poor(colours: np.ndarray, luma: np.ndarray) -> list[Hint]:
    """What is missing in a picture that shows something."""
    share = _largest_colour(colours)
    flat = _flat_bottom(luma)
    if flat >= HALF and abs(share - flat) < 0.1:
        return [
            _hint(
                "half",
                f"The lower {flat * 100:.0f} % are one flat colour: perhaps only a part was drawn.",
            )
        ]
    if share > ONE_COLOUR:
        return [
            _hint(
                "one-colour",
                f"{share * 100:.0f} % of the picture are one colour: a notice or a card?",
            )
        ]
    if _detail(luma) < NO_DETAIL:
        return [_hint("detail", "The picture holds little detail: it may be blurred.")]
    return []


def _largest_colour(colours: np.ndarray) -> float:
    """The share of the pixels that are near the most frequent colour."""
    coarse = colours.astype(np.uint16) >> 3
    keys = (coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]).ravel()
    most = np.bincount(keys, minlength=1 << 15).argmax()
    flat = colours.reshape(-1, 3).astype(np.int16)
    centre = flat[keys == most].mean(axis=0)
    return float((np.abs(flat - centre) <= NEAR_COLOUR).all(axis=1).mean())


def _flat_bottom(luma: np.ndarray) -> float:
    """The share of rows, counted from the bottom, that are flat and alike."""
    flat = (luma.std(axis=1) < FLAT_ROW) & (np.abs(luma.mean(axis=1) - luma[-1].mean()) < 4)
    upwards = flat[::-1]
    rows = len(upwards) if upwards.all() else int(upwards.argmin())
    return rows / len(upwards)


def _detail(luma: np.ndarray) -> float:
    """The variance of the Laplacian: high where there are edges. A line of pixels has none."""
    if min(luma.shape) < 3:
        return 0.0
    centre = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((around - 4 * centre).var())


def _size(size: tuple[int, int], wanted: tuple[int, int] | None) -> list[Hint]:
    if not wanted or not all(wanted):
        return []
    told = f"The picture has {size[0]}×{size[1]} pixels; {wanted[0]}×{wanted[1]} were asked for"
    across, down = size[0] / wanted[0], size[1] / wanted[1]
    if max(across, down) / min(across, down) > 1 + TOLERANCE:
        return [_hint("shape", f"{told}: its shape is another.")]
    if abs(across - 1) > TOLERANCE or abs(down - 1) > TOLERANCE:
        return [_hint("size", f"{told}.")]
    return []


def _hint(code: str, text: str) -> Hint:
    return {"code": code, "text": text}
