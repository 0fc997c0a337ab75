"""Keeping secrets out of what comes back: a service, or a proxy before it, may repeat the request.

Error pages that print the headers they were sent, and gateways that name the key they refuse, would
otherwise carry a secret into messages, rows and logs. So it is taken out at the wire, before
anybody reads the answer.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from providers.keeping import in_snakes
from providers.options import SECRET

MASK = b"***"
SHORTEST = 8  # characters: anything shorter would be found where it is no secret
VALUE = re.compile(r"((bearer|basic|token|key) )?[!-~]{16,}", re.IGNORECASE)
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


def secret_words(secret: str, headers: Mapping[str, str]) -> tuple[bytes, ...]:
    """What must not come back: the secret, and how it was written in the headers of a request,
    each as texts in JSON and in addresses may write it too."""
    words = {secret}
    for name, value in headers.items():
        if name.lower() in SECRET_HEADERS:
            words.update(value.split()[-1:])  # without the scheme before it
    if ":" in secret:
        words.add(secret.partition(":")[2])
    words = {word for word in words if len(word) >= SHORTEST}
    words |= {word.replace("/", "\\/") for word in words} | {quote(word, "") for word in words}
    found = (word.encode("utf-8", "replace") for word in words)
    return tuple(sorted(found, key=len, reverse=True))


def masked(data: bytes, words: tuple[bytes, ...]) -> bytes:
    """`data` without the words."""
    for word in words:
        data = data.replace(word, MASK)
    return data


def masked_text(text: str, words: tuple[bytes, ...]) -> str:
    """The same for a header's value or a reason."""
    for word in words:
        text = text.replace(word.decode("utf-8", "replace"), MASK.decode())
    return text


def masked_pieces(pieces: Iterator[bytes], words: tuple[bytes, ...]) -> Iterator[bytes]:
    """The same for a body in pieces, of which a word may lie in two."""
    held = b""
    for piece in pieces:
        data = masked(held + piece, words)
        whole = min((_begun(data, word) for word in words), default=len(data))
        held = data[whole:]
        if whole:
            yield data[:whole]
    if held:
        yield held


def _begun(data: bytes, word: bytes) -> int:
    """Where `word` begins at the very end of `data`; its length if it does not."""
    at = data.find(word[:1], max(0, len(data) - len(word) + 1))
    while at >= 0 and not word.startswith(data[at:]):
        at = data.find(word[:1], at + 1)
    return at if at >= 0 else len(data)


def secrets_in(value: Any) -> Iterator[str]:
    """The names in a JSON value, at any depth, under which there seems to be a secret."""
    if isinstance(value, dict):
        for name, item in value.items():
            if SECRET.fullmatch(in_snakes(str(name))) and VALUE.fullmatch(str(item).strip()):
                yield str(name)
            yield from secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_in(item)
