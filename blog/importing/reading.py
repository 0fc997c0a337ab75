"""Bytes of a file as text."""

import codecs
import stat
from pathlib import Path

from blog.errors import ImportProblem

# Longer than any novel; the parser needs some seconds for it.
MAX_BYTES = 2 * 1024 * 1024
# UTF-32 first: its little-endian mark begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def read_text(path: Path) -> str:
    """The text of a file, lines ending in `\\n`. Raises `ImportProblem` (without the file)."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ImportProblem("This is no plain file, so there is no text to read.")
        size = facts.st_size
        if size > MAX_BYTES:
            raise ImportProblem(
                f"The file has {size / 1024 / 1024:.1f} MB; a post may have "
                f"{MAX_BYTES // 1024 // 1024} MB. Split it, or take pictures out of the text."
            )
        data = path.read_bytes()
    except OSError as error:
        raise ImportProblem(f"The file cannot be read: {error.strerror}.") from error
    text = decode(data)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise ImportProblem("The file contains NUL characters; it is no text.", line=line)
    return text


def decode(data: bytes) -> str:
    """UTF-8, or UTF-16 or UTF-32 with a byte order mark. Raises `ImportProblem`."""
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise ImportProblem(
            f"Byte {error.start + 1} (0x{byte:02X}) is not {encoding.upper().removesuffix('-SIG')}."
            " Save the file as UTF-8.",
            line=line,
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
