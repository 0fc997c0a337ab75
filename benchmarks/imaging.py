"""CPU of watermarks and renditions against pyvips in the same run, memory, looks at arrival.

pyvips is a peer to compare with, no part of the project: .venv/bin/pip install "pyvips[binary]".
Each part runs in processes of its own, in turns; of all runs the quickest counts.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from benchmarks.common import ROOT, figure, heading

SIZE = (1536, 1024)
WIDTHS = (320, 640, 960, 1280, 1536)
TURNS = 3
MARK = {
    "kind": "text",
    "text": "© The Magazine",
    "position": "bottom-right",
    "margin": 0.03,
    "size": 0.035,
    "opacity": 0.72,
}
FACTS = {
    "digital_source_type": "trainedAlgorithmicMedia",
    "alt": "Layered paper hills under a red sun",
    "language": "en",
    "credit": "The Magazine",
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="frontispiece-bench-") as folder:
        in_child("draw_master", folder)
        parts = ["looks", "stamp", "srcset"]
        if find_spec("pyvips"):
            parts += ["peer_stamp", "peer_srcset"]
        found = [(part, in_child(part, folder)) for _ in range(TURNS) for part in parts]
    tell({part: least(part, found) for part in parts})


def in_child(part: str, folder: str) -> dict[str, float]:
    """What a part gives in a fresh process: `cpu` in milliseconds, `peak` in megabytes."""
    command = [sys.executable, "-m", "benchmarks.imaging", part, folder]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout or "{}")


def least(part: str, found: list[tuple[str, dict[str, float]]]) -> dict[str, float]:
    runs = [result for name, result in found if name == part]
    return {"cpu": min(run["cpu"] for run in runs), "peak": max(run["peak"] for run in runs)}


def tell(results: dict[str, dict[str, float]]) -> None:
    width, height = SIZE
    heading(f"Imaging: a picture of {width}x{height}, CPU, best of {TURNS} processes")
    compare("watermark and JPEG of a decoded picture", "stamp", results, 1.15)
    compare(f"{len(WIDTHS)} widths as AVIF and JPEG", "srcset", results, 1.10)
    peak = results["srcset"]["peak"]
    figure("memory of the widths, at its peak", f"{peak:.0f} MB", "under 150 MB")
    looks = results["looks"]["cpu"]
    figure("placeholder, hash, focal point and checks", f"{looks:.1f} ms", "under 8 ms")
    if not find_spec("pyvips"):
        print('  No comparison: pyvips is not installed (.venv/bin/pip install "pyvips[binary]").')


def compare(name: str, part: str, results: dict[str, dict[str, float]], limit: float) -> None:
    own, peer = results[part]["cpu"], results.get(f"peer_{part}", {}).get("cpu")
    figure(name, f"{own:.0f} ms")
    if peer:
        figure("  pyvips", f"{peer:.0f} ms")
        figure("  ratio", f"{own / peer:.2f}", f"at most {limit:.2f}")


# --- In a process of its own ------------------------------------------------------------


def draw_master(folder: Path) -> None:
    """A picture as hard to encode as a model's: five widths of it come to 590 kB of AVIF.

    Eight pictures of two models came to 600 kB in November 2026.
    """
    import numpy as np
    from PIL import Image

    from providers.backends.studio.draw import StudioSpec, draw

    drawn = np.asarray(draw(StudioSpec(*SIZE, seed=7, family="paper-cut")).image.convert("RGB"))
    rng = np.random.default_rng(1)
    shared = texture(rng)
    channels = [shared + 0.35 * texture(rng) for _ in range(3)]
    pixels = 0.8 * drawn + 25 + 18 * np.stack(channels, -1)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(master(folder))


def texture(rng):
    """Detail at every scale, the finer the fainter, with a deviation of 1."""
    import numpy as np

    width, height = SIZE
    across = np.fft.rfftfreq(width)[None, :] * width
    down = np.fft.fftfreq(height)[:, None] * height
    frequency = np.maximum(np.hypot(across, down), 1)
    noise = np.fft.rfft2(rng.standard_normal((height, width))) / frequency
    noise[0, 0] = 0
    values = np.fft.irfft2(noise, (height, width))
    return values / values.std()


def master(folder: Path) -> str:
    return str(folder / "master.png")


def looks(folder: Path) -> dict[str, float]:
    """All that is worked out of a picture at arrival besides its preview."""
    from PIL import Image

    from imagegen.imaging.checks import notice
    from imagegen.imaging.examine import PREVIEW_SIDE, mean_colour
    from imagegen.imaging.focus import find_focus
    from imagegen.imaging.hashes import dhash
    from imagegen.imaging.placeholder import placeholder

    shown = Image.open(master(folder)).convert("RGB")
    preview = shown.copy()
    preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))

    def look() -> None:
        notice(shown, wanted_size=SIZE)
        for each in (dhash, placeholder, find_focus, mean_colour):
            each(preview)

    return measured(look, 20)


def stamp(folder: Path) -> dict[str, float]:
    from PIL import Image

    from imagegen.imaging.watermark import mark
    from imagegen.imaging.writing import encoding, write_picture

    picture = Image.open(master(folder)).convert("RGB")
    target = str(folder / "stamped.jpg")
    return measured(lambda: write_picture(mark(picture, MARK), target, **encoding("JPEG")), 10)


def peer_stamp(folder: Path) -> dict[str, float]:
    pyvips = load_peer()
    picture = pyvips.Image.new_from_file(master(folder)).copy_memory()
    pixels = round(MARK["size"] * min(SIZE))
    margin = round(MARK["margin"] * min(SIZE))
    # Set once, as our own type is.
    shape = pyvips.Image.text(MARK["text"], font=f"sans {pixels}px", dpi=72)
    ink = shape.new_from_image([255, 255, 255]).copy(interpretation="srgb")
    ink = ink.bandjoin((shape * MARK["opacity"]).cast("uchar")).copy_memory()
    left, top = SIZE[0] - margin - ink.width, SIZE[1] - margin - ink.height

    def run() -> None:
        under = picture.crop(left, top, ink.width, ink.height)
        printed = under.composite2(ink, "over").extract_band(0, n=3).cast("uchar")
        marked = picture.insert(printed, left, top)
        marked.jpegsave(str(folder / "peer.jpg"), **VIPS_JPEG)

    return measured(run, 10)


def load_peer():
    """pyvips without its memory of what it did before: each run does all its work."""
    import pyvips

    pyvips.cache_set_max(0)
    return pyvips


def srcset(folder: Path) -> dict[str, float]:
    from imagegen.imaging.renditions import render

    jobs = [
        (
            {"width": width, "format": format, "facts": FACTS},
            str(folder / f"{width}.{format.lower()}"),
        )
        for width in WIDTHS
        for format in ("AVIF", "JPEG")
    ]
    return measured(lambda: render(master(folder), jobs), 2)


def peer_srcset(folder: Path) -> dict[str, float]:
    pyvips = load_peer()

    def run() -> None:
        picture = pyvips.Image.new_from_file(master(folder)).copy_memory()
        for width in WIDTHS:
            reduced = picture
            if width != picture.width:
                reduced = picture.resize(width / picture.width, kernel="lanczos3").copy_memory()
            reduced.heifsave(str(folder / f"peer-{width}.avif"), **VIPS_AVIF)
            reduced.jpegsave(str(folder / f"peer-{width}.jpg"), **VIPS_JPEG)

    return measured(run, 2)


VIPS_JPEG = {"Q": 80, "interlace": True, "optimize_coding": True, "subsample_mode": "on"}
# Its effort 1 is the encoder's speed 8.
VIPS_AVIF = {"Q": 63, "effort": 1, "compression": "av1", "subsample_mode": "on"}
PARTS = {
    part.__name__: part for part in (draw_master, looks, stamp, srcset, peer_stamp, peer_srcset)
}


def measured(work: Callable[[], object], times: int) -> dict[str, float]:
    """The least CPU of several runs, of all threads; and the most memory of the process."""
    import resource

    runs = []
    for _ in range(times + 1):  # the first one loads fonts and tables
        started = time.process_time()
        work()
        runs.append(time.process_time() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": 1000 * min(runs[1:]), "peak": peak}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(PARTS[sys.argv[1]](Path(sys.argv[2])) or {}))
    else:
        main()
