"""The bytes of a post page's pictures beside those that Wagtail gives at the same widths.

Both sides start from the same files. A browser takes the smallest file that has a pixel for each
of the screen's; Wagtail gets the width that it takes from us, so that what is compared has the
same size. `as served` compares the files as they are; at `equal DSSIM` ours are encoded at
several qualities, and what they would weigh at the DSSIM of Wagtail's file is read off between
them. Lossless files have no equal. DSSIM is 1 / SSIM - 1, of luma, the mean of three scales.

`python -m benchmarks.page_weight FOLDER` takes the pictures of a folder in too. Wagtail is a
peer to compare with, no part of the project: .venv/bin/pip install wagtail, better elsewhere.
"""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from benchmarks.common import ROOT, figure, heading

SIZE = (1536, 1024)
GRAIN = 10  # deviation in levels: between plain art and a photograph
PICTURES_ON_A_PAGE = 5  # a hero and four sections
SCREENS = {
    "390 px @2x": (390, 844, 2),
    "1440 px @1x": (1440, 900, 1),
    "1440 px @2x": (1440, 900, 2),
}
QUALITIES = (48, 56, 63, 70)
SOURCES = {"PNG": {"compress_level": 1}, "JPEG": {"quality": 95, "subsampling": "4:4:4"}}
FACTS = {
    "digital_source_type": "trainedAlgorithmicMedia",
    "alt": "Layered paper hills under a red sun",
    "language": "en",
    "credit": "The Magazine",
}
AVIF = {"format": "AVIF", "facts": FACTS}
PEER_APPS = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "taggit",
    "wagtail",
    "wagtail.images",
)


@dataclass
class Sized:
    """One picture at one width: bytes and DSSIM of both sides."""

    own: tuple[int, float] = (0, 0.0)
    peer: tuple[int, float] = (0, 0.0)
    curve: list[tuple[int, float]] = field(default_factory=list)

    def own_at_equal(self) -> float:
        """What ours would weigh at the DSSIM of the peer's, read off between two qualities."""
        points = sorted((math.log(dssim), math.log(size)) for size, dssim in self.curve)
        wanted = math.log(self.peer[1])
        pairs = list(zip(points, points[1:], strict=False))
        low, high = next((pair for pair in pairs if wanted <= pair[1][0]), pairs[-1])
        share = (wanted - low[0]) / (high[0] - low[0])
        return math.exp(low[1] + share * (high[1] - low[1]))


def main(folder: str = "") -> None:
    if not find_spec("wagtail"):
        print("  Page weight: no comparison, wagtail is not installed (pip install wagtail).")
        return
    set_up()
    with tempfile.TemporaryDirectory(prefix="frontispiece-bench-") as scratch:
        corpus = make_corpus(Path(scratch), folder)
        heading(f"Page weight: {len(corpus)} pictures, {PICTURES_ON_A_PAGE} on a page")
        for source in SOURCES:
            tell(source, corpus, measure(Path(scratch), corpus, source))


def set_up() -> None:
    """The rules of the pages need settings, no database."""
    os.environ |= {"ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ["DATA_DIR"] = tempfile.gettempdir()
    import django

    django.setup()


# --- The corpus -------------------------------------------------------------------------


def make_corpus(scratch: Path, folder: str) -> dict[str, tuple[int, int]]:
    """Pictures in each format of `SOURCES`: their names and sizes."""
    sizes = {}
    for name, image in [*drawn(), *given(folder)]:
        for format, options in SOURCES.items():
            image.save(scratch / f"{name}.{format.lower()}", format, **options)
        sizes[name] = image.size
    return sizes


def drawn() -> Iterator[tuple]:
    """Patterns and covers of the studio in several palettes, plain and with grain."""
    from providers.backends.studio.colour import DEFAULT_PALETTES
    from providers.backends.studio.draw import StudioSpec, draw
    from providers.backends.studio.options import FAMILIES, LAYOUTS

    covers = dict(zip(FAMILIES, LAYOUTS, strict=False))
    for number, family in enumerate(FAMILIES):
        palette = DEFAULT_PALETTES[number % len(DEFAULT_PALETTES)]
        spec = StudioSpec(*SIZE, palette=palette, seed=number, family=family)
        pattern = draw(spec).image.convert("RGB")
        yield f"plain-{family}", pattern
        yield f"grain-{family}", with_grain(pattern, number)
        if family in covers:
            words = {"title": "What the river left behind", "layout": covers[family]}
            titled = StudioSpec(*SIZE, palette=palette, seed=number, family=family, **words)
            yield f"cover-{family}", draw(titled).image.convert("RGB")


def with_grain(image, seed: int):
    """The picture with detail at every scale, as a model's pictures have it."""
    import numpy as np
    from PIL import Image

    from benchmarks.imaging import texture

    pixels = np.asarray(image, dtype=np.float32)
    noise = texture(np.random.default_rng(seed))[:, :, None]
    return Image.fromarray(np.clip(pixels + GRAIN * noise, 0, 255).astype(np.uint8))


def given(folder: str) -> Iterator[tuple]:
    from imagegen.errors import Undecodable
    from imagegen.imaging.reading import RECEIVED, as_shown, read_picture

    for path in sorted(Path(folder).iterdir()) if folder else ():
        try:
            image = as_shown(read_picture(path, RECEIVED)[0])
        except (Undecodable, OSError):
            continue
        yield f"given-{path.stem}", image


# --- What a browser loads ---------------------------------------------------------------


def role_of(number: int) -> str:
    return "section" if number % PICTURES_ON_A_PAGE else "hero"


def picked_width(size: tuple[int, int], role: str, screen: tuple[int, int, int]) -> int:
    """The width of the file that a browser takes from our srcset."""
    from imagegen.services.recipes import widths_for
    from imagegen.services.srcsets import File, sizes_for, sources_for

    files = [File(url="x", width=width, format="AVIF") for width in widths_for(size[0])]
    offered = re.findall(r"(\d+)w", sources_for(files, role)[0].srcset)
    widths = [int(width) for width in offered]
    needed = shown_width(sizes_for(role, *size), screen) * screen[2]
    return next((width for width in widths if width >= needed), widths[-1])


def shown_width(sizes: str, screen: tuple[int, int, int]) -> float:
    """What a `sizes` attribute gives in a window, in CSS pixels."""
    for part in re.split(r",\s*(?![^()]*\))", sizes):
        condition, length = re.fullmatch(r"(\([^)]*\))?\s*(.*)", part).groups()
        if condition is None or holds(condition, screen):
            return min(product(each, screen) for each in length.removeprefix("min(").split(","))
    raise ValueError(f"No part of “{sizes}” holds.")


def holds(condition: str, screen: tuple[int, int, int]) -> bool:
    name, length = condition.strip("()").split(":")
    limit = product(length, screen)
    return screen[0] <= limit if name == "max-width" else screen[0] >= limit


def product(text: str, screen: tuple[int, int, int]) -> float:
    """A length, or a length times a number."""
    units = {"px": 1, "rem": 16, "vw": screen[0] / 100, "vh": screen[1] / 100, "": 1}
    result = 1.0
    for factor in text.strip(" )").split("*"):
        number, unit = re.fullmatch(r"\s*([\d.]+)([a-z]*)\s*", factor).groups()
        result *= float(number) * units[unit]
    return result


# --- Both sides -------------------------------------------------------------------------

Key = tuple[str, int]  # name, width


def measure(scratch: Path, corpus: dict[str, tuple[int, int]], source: str) -> dict[Key, Sized]:
    wanted = {
        (name, picked_width(size, role_of(number), screen))
        for number, (name, size) in enumerate(corpus.items())
        for screen in SCREENS.values()
    }
    made = peer_files(scratch, sorted(wanted), source)
    found = {}
    for name in corpus:
        widths = sorted(width for each, width in wanted if each == name)
        path = str(scratch / f"{name}.{source.lower()}")
        found |= sized(path, {width: made[name, width] for width in widths}, name)
    return found


def sized(path: str, peers: dict[int, str], name: str) -> dict[Key, Sized]:
    """Our files of one picture beside the peer's, and what each has lost if both lose."""
    from imagegen.imaging.renditions import render

    files = {width: own(path, width) for width in peers}
    render(path, [({"width": width, **AVIF}, file) for width, file in files.items()])
    found = {}
    for width, peer in peers.items():
        if peer.endswith(".png"):
            entry = Sized(own=(os.path.getsize(files[width]), 0), peer=(os.path.getsize(peer), 0))
        else:
            entry = weighed(path, width, files[width], peer)
        found[name, width] = entry
    return found


def weighed(path: str, width: int, file: str, peer: str) -> Sized:
    """Both files of one width with their DSSIM, and ours at other qualities."""
    from PIL import Image

    from imagegen.imaging.reading import RECEIVED, as_shown, read_picture
    from imagegen.imaging.renditions import Master
    from imagegen.imaging.writing import encoding, write_picture
    from imagegen.imaging.xmp import packet

    original, master = as_shown(read_picture(path, RECEIVED)[0]), Master(path)
    with Image.open(file) as ours, Image.open(peer) as other:
        size, peer_size = ours.size, other.size  # Wagtail cuts a height off that we round
    lost = Lost(original.resize(size, Image.Resampling.LANCZOS))
    peer_lost = lost
    if peer_size != size:
        peer_lost = Lost(original.resize(peer_size, Image.Resampling.LANCZOS))
    entry = Sized(own=lost.weigh(file), peer=peer_lost.weigh(peer))
    reduced = master.part((0, 0, *master.size), size)
    for quality in QUALITIES:
        tried = own(path, f"{width}-{quality}")
        write_picture(reduced, tried, **encoding("AVIF", packet(**FACTS), quality=quality))
        entry.curve.append(lost.weigh(tried))
    return entry


def own(path: str, name: object) -> str:
    return f"{path}-own-{name}.avif"


def peer_files(scratch: Path, wanted: list[Key], source: str) -> dict[Key, str]:
    """Wagtail's renditions of these widths, made in a process of its own."""
    extension = source.lower()
    jobs = [
        (
            str(scratch / f"{name}.{extension}"),
            width,
            str(scratch / f"{name}-{width}-peer.{extension}"),
        )
        for name, width in wanted
    ]
    command = [sys.executable, "-m", "benchmarks.page_weight", "--peer"]
    subprocess.run(command, cwd=ROOT, check=True, input=json.dumps(jobs).encode())
    return {key: job[2] for key, job in zip(wanted, jobs, strict=True)}


def run_peer(jobs: Iterable[tuple[str, int, str]]) -> None:
    """Wagtail with the settings that it comes with."""
    import django
    from django.conf import settings

    settings.configure(INSTALLED_APPS=PEER_APPS, STATIC_URL="/static/")
    django.setup()
    from wagtail.images.models import Filter

    picture = SimpleNamespace(is_svg=lambda: False)  # all that is asked of the row
    for path, width, target in jobs:
        with open(path, "rb") as file, open(target, "w+b") as out:
            Filter(spec=f"width-{width}").run(picture, out, source=file)


# --- DSSIM ------------------------------------------------------------------------------


class Lost:
    """How much of a picture's structure a file of it has lost."""

    def __init__(self, original) -> None:
        self._scales = [(scale, *moments(scale)) for scale in scales(original)]

    def weigh(self, path: str) -> tuple[int, float]:
        """The file's bytes and its DSSIM."""
        from PIL import Image

        with Image.open(path) as opened:
            pairs = zip(self._scales, scales(opened.convert("RGB")), strict=True)
            similar = [similarity(*before, after) for before, after in pairs]
        return os.path.getsize(path), max(1 / (sum(similar) / len(similar)) - 1, 1e-9)


def scales(image) -> list:
    import numpy as np

    luma = image.convert("L")
    return [np.asarray(luma.reduce(2**step), dtype=np.float32) for step in range(3)]


def moments(values) -> tuple:
    mean = smooth(values)
    return mean, smooth(values * values) - mean * mean


def similarity(before, mean, variance, after) -> float:
    """The mean SSIM of two planes of 8 bit."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    other_mean, other_variance = moments(after)
    shared = smooth(before * after) - mean * other_mean
    light = (2 * mean * other_mean + c1) / (mean**2 + other_mean**2 + c1)
    return float((light * (2 * shared + c2) / (variance + other_variance + c2)).mean())


def smooth(values):
    """Gaussian of deviation 1.5 over 11 pixels, without the edges."""
    weights = [math.exp(-((at - 5) ** 2) / (2 * 1.5**2)) for at in range(11)]
    weights = [weight / sum(weights) for weight in weights]
    height, width = values.shape[0] - 10, values.shape[1] - 10
    values = sum(values[at : at + height] * weight for at, weight in enumerate(weights))
    return sum(values[:, at : at + width] * weight for at, weight in enumerate(weights))


# --- Telling ----------------------------------------------------------------------------


def tell(source: str, corpus: dict[str, tuple[int, int]], found: dict[Key, Sized]) -> None:
    heading(f"Pictures that came as {source}: ours as AVIF, Wagtail's as {source}")
    for name, screen in SCREENS.items():
        shown = [
            found[picture, picked_width(size, role_of(number), screen)]
            for number, (picture, size) in enumerate(corpus.items())
        ]
        tell_screen(name, shown)


def tell_screen(name: str, shown: list[Sized]) -> None:
    ours, peers = sum(each.own[0] for each in shown), sum(each.peer[0] for each in shown)
    pages = 1000 * len(shown) / PICTURES_ON_A_PAGE
    figure(f"{name}: kB a page, ours and Wagtail's", f"{ours / pages:.0f}, {peers / pages:.0f}")
    figure("  ratio as served", f"{ours / peers:.2f}")
    if not shown[0].curve:
        return
    own_loss = 1000 * sum(each.own[1] for each in shown) / len(shown)
    peer_loss = 1000 * sum(each.peer[1] for each in shown) / len(shown)
    figure("  mean DSSIM x 1000, ours and Wagtail's", f"{own_loss:.1f}, {peer_loss:.1f}")
    equal = sum(each.own_at_equal() for each in shown)
    figure("  ratio at equal DSSIM", f"{equal / peers:.2f}", "at most 0.70")


if __name__ == "__main__":
    if sys.argv[1:] == ["--peer"]:
        run_peer(json.load(sys.stdin))
    else:
        main(*sys.argv[1:2])
