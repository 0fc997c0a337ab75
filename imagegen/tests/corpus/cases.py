"""What a hostile or odd file is to come to, and the look at it in a child process.

Knows no Django, like the code under test: batches of cases run in children of the pool.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imagegen.errors import Undecodable
from imagegen.imaging.examine import examine
from imagegen.tests import pictures as made

SECONDS = 10.0
MEGABYTES = 512
COLOUR = tuple(np.asarray(made.scene(), float).mean(axis=(0, 1)))
NEAR = 14  # levels that compression and colour spaces may shift the mean of a picture


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The file is a picture: of this size, and of this mean colour where it matters."""

    size: tuple[int, int] = made.SIZE
    colour: tuple[float, ...] | None = COLOUR


# Words of the sentence with which it is refused, or what it is taken as; None: either, since
# damage may hit what nobody reads. It must end in one of the two.
Outcome = str | Taken | None
GREY = (90, 90, 90)
GOOD = Taken()
SHAPE = Taken(colour=None)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file, made when needed, and its outcome from a provider and as an upload."""

    make: Callable[[], bytes]
    received: Outcome
    upload: Outcome
    slow: bool = False


def shade(size: tuple[int, int]) -> Taken:
    """A picture of this size in the grey of `large`."""
    return Taken(size=size, colour=GREY)


def large(size: tuple[int, int], format: str, mode: str = "RGB", **options) -> bytes:
    """A file of one grey, as large as may be, half transparent where the mode has it so."""
    image = Image.new(mode, size, GREY + (128,) if mode == "RGBA" else GREY)
    return made.encoded(image, format, **options)


class Corpus(dict[str, Case]):
    """Cases by name."""

    def add(
        self,
        name: str,
        data: bytes | Callable[[], bytes],
        outcome: Outcome = None,
        *,
        upload: Outcome | bool = False,
        slow: bool = False,
    ) -> None:
        """`upload` is the outcome of an upload where it is another than that of a provider."""
        assert name not in self, name
        self[name] = Case(
            make=data if callable(data) else lambda: data,
            received=outcome,
            upload=outcome if isinstance(upload, bool) else upload,
            slow=slow,
        )


def look_at(corpus: Corpus, names: list[str], folder: str) -> list[str]:
    """Make each of the files and look at it; what went wrong, in words."""
    path = Path(folder) / "upload.png.exe"
    problems = []
    for name in names:
        path.write_bytes(corpus[name].make())
        problems += look_at_file(corpus, name, path)
    return problems


def look_at_file(corpus: Corpus, name: str, path: Path) -> list[str]:
    """Examine the file of a case twice, as received and as upload; what went wrong, in words."""
    case, problems = corpus[name], []
    for upload, outcome in ((False, case.received), (True, case.upload)):
        wrong = _look_once(path, upload, outcome)
        problems += [f"{name} ({'upload' if upload else 'received'}): {what}" for what in wrong]
    return problems


def _look_once(path: Path, upload: bool, outcome: Outcome) -> list[str]:
    preview = path.with_suffix(".preview")
    preview.unlink(missing_ok=True)
    _forget_peak()
    started = time.monotonic()
    try:
        answer = examine(str(path), str(preview), upload)
    except Undecodable as error:
        answer = str(error)
    except Exception as error:  # noqa: BLE001 - this is what the corpus is to uncover
        return [f"{type(error).__name__}: {error}"]
    took, peak = time.monotonic() - started, _peak()
    wrong = _compare(answer, outcome)
    if took > SECONDS:
        wrong.append(f"took {took:.1f} s")
    if peak > MEGABYTES:
        wrong.append(f"needed {peak} MB")
    if preview.exists() is isinstance(answer, str):
        wrong.append("preview left" if preview.exists() else "no preview")
    return wrong


def _compare(answer: dict | str, outcome: Outcome) -> list[str]:
    if isinstance(answer, str):
        if not (answer.endswith(".") and answer[0].isupper()):
            return [f"no sentence: {answer}"]
        refused = outcome is None or (isinstance(outcome, str) and outcome in answer)
        return [] if refused else [f"refused: {answer} Wanted: {outcome}"]
    size = answer["width"], answer["height"]
    if isinstance(outcome, str):
        return [f"taken as {answer['format']} of {size}, not refused with “{outcome}”"]
    if outcome is None:
        return [] if min(size) > 0 else [f"taken with size {size}"]
    wrong = [] if size == outcome.size else [f"size {size}, not {outcome.size}"]
    colour = [int(answer["colour"][at : at + 2], 16) for at in (1, 3, 5)]
    if (
        outcome.colour
        and max(abs(a - b) for a, b in zip(colour, outcome.colour, strict=True)) > NEAR
    ):
        wrong.append(f"colour {colour}, not {[round(value) for value in outcome.colour]}")
    return wrong


def _forget_peak() -> None:
    """Let the kernel count this process's largest memory from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The largest resident memory since `_forget_peak`, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0
