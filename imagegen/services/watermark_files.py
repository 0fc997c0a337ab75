"""Files of watermarks: logos that people bring, and pictures to judge a watermark by."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.core.files import File

from imagegen.errors import Refused, StorageProblem, Undecodable
from imagegen.imaging.proofs import SAMPLES, draw_proof, examine_logo, unsettable
from imagegen.models import ImageOutput
from imagegen.services.access import require
from imagegen.services.outputs import scratch_file
from imagegen.services.watermarks import Spec, User
from imagegen.storage import local_copy, originals, save_file
from providers.pool import ChildDied, ChildTimeout, run_in_child

MAX_LOGO_BYTES = 2 * 1024 * 1024
CHILD_SECONDS = 10.0
TRY_AGAIN = "The picture could not be looked at. Try again."


@dataclass(frozen=True, kw_only=True)
class StoredLogo:
    """Where a logo lies in the private storage, and what it is."""

    path: str
    sha256: str


def store_logo(*, file: File, user: User) -> StoredLogo:
    """Keep a logo: a PNG with clear parts, its bytes untouched, under a name they give.

    Raises Refused with a sentence about the file, NotPermitted, StorageProblem.
    """
    require(user, "configure")
    with scratch_file(".png") as path:
        _copy(file, path)
        sha256 = _in_child(examine_logo, path)
        name = f"watermarks/{sha256}.png"
        save_file(originals(), name, path, sha256)
    return StoredLogo(path=name, sha256=sha256)


def _copy(file: File, target: str) -> None:
    size = 0
    with open(target, "wb") as written:
        for chunk in file.chunks():
            size += len(chunk)
            if size > MAX_LOGO_BYTES:
                raise Refused("A logo may have 2 MB at most. Save it smaller.")
            written.write(chunk)


def check_text(text: str) -> None:
    """Raise Refused if the fonts lack a character of the text."""
    if missing := _in_child(unsettable, text):
        raise Refused(
            f"The fonts of watermarks have Latin letters only, not “{missing}”. "
            "Write it otherwise, or use a logo."
        )


def proof_of(*, spec: Spec, sample: str, output: ImageOutput | None = None) -> bytes:
    """A small JPEG with the mark, on an image or on a sample of the studio's.

    `sample` is a name of `SAMPLES`; it counts where there is no image. Raises Refused where
    the mark cannot be drawn, StorageProblem where a file is missing.
    """
    if output is None and sample not in SAMPLES:
        raise Refused(f"There is no sample “{sample}”. There are {', '.join(SAMPLES)}.")
    with ExitStack() as stack:
        source, logo = sample, ""
        if output is not None:
            source = stack.enter_context(local_copy(originals(), output.preview_path))
        if spec["logo_path"]:
            logo = stack.enter_context(local_copy(originals(), spec["logo_path"]))
        return _in_child(draw_proof, spec, source, logo)


def _in_child(function: Any, *arguments: Any) -> Any:
    try:
        return run_in_child(function, *arguments, timeout=CHILD_SECONDS)
    except Undecodable as error:
        raise Refused(str(error)) from error
    except ValueError as error:
        raise Refused("The watermark cannot be drawn on this picture.") from error
    except (ChildDied, ChildTimeout) as error:
        raise StorageProblem(TRY_AGAIN) from error
