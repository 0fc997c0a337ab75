"""Writing a picture to a file of our own, whole or not at all."""

import contextlib
import hashlib
import os

from PIL import Image


def write_picture(image: Image.Image, path: str, *, format: str, **options) -> dict:
    """Encode into `path` and fsync. Gives `width`, `height`, `byte_size`, `sha256`.

    Nothing is left at `path` if encoding or writing fails.
    """
    try:
        with open(path, "w+b") as file:
            image.save(file, format, **options)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        raise
    return {"width": image.width, "height": image.height, "byte_size": size, "sha256": digest}
