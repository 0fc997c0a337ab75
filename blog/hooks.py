"""Where other apps hear of changes to posts.

A function is registered for an event and called inside the transaction of the change, after
the rows are written; what it raises undoes the change. Calls are made in the order of
registration with keyword arguments:

==================  =====================================================================
POST_SAVED          post, created
SECTION_ADDED       section
SECTION_CHANGED     section: its heading, text or pictures differ; a move alone is no change
SECTION_REMOVED     section: called while the row still exists
POST_PUBLISHED      post
POST_WITHDRAWN      post: no longer public; also called before a public post is deleted
PICTURES_MET        post, pictures: list of MetPicture found while importing. The function may
                    return sentences about pictures that it could not use
==================  =====================================================================

SECTION_* are called before the POST_SAVED of the same change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

POST_SAVED = "post_saved"
SECTION_ADDED = "section_added"
SECTION_CHANGED = "section_changed"
SECTION_REMOVED = "section_removed"
POST_PUBLISHED = "post_published"
POST_WITHDRAWN = "post_withdrawn"
PICTURES_MET = "pictures_met"

EVENTS = frozenset(
    {
        POST_SAVED,
        SECTION_ADDED,
        SECTION_CHANGED,
        SECTION_REMOVED,
        POST_PUBLISHED,
        POST_WITHDRAWN,
        PICTURES_MET,
    }
)

_functions: dict[str, list[Callable[..., Any]]] = {event: [] for event in EVENTS}


@dataclass(frozen=True, kw_only=True)
class MetPicture:
    """A local picture that a post names.

    `name` is the address as written in the post, `path` the file on this machine, checked to
    lie inside the post's folder or the imported folder but not yet opened. `role` is "hero"
    (named in the front matter) or "body".
    """

    name: str
    path: str
    role: str
    alt: str = ""
    caption: str = ""


def register(event: str, function: Callable[..., Any]) -> None:
    """Call `function` at each `event`. Registering it twice changes nothing."""
    if function not in _functions_for(event):
        _functions[event].append(function)


def unregister(event: str, function: Callable[..., Any]) -> None:
    """Stop calling `function`; nothing happens if it was not registered."""
    if function in _functions_for(event):
        _functions[event].remove(function)


@contextmanager
def registered(event: str, function: Callable[..., Any]) -> Iterator[None]:
    """`function` is called at `event` inside the block only."""
    register(event, function)
    try:
        yield
    finally:
        unregister(event, function)


def call(event: str, **arguments: Any) -> list[Any]:
    """Tell everybody who registered. Returns what the functions answered, without Nones."""
    answers = [function(**arguments) for function in list(_functions_for(event))]
    return [answer for answer in answers if answer is not None]


def _functions_for(event: str) -> list[Callable[..., Any]]:
    if event not in EVENTS:
        raise ValueError(f"“{event}” is no event of the blog; known: {', '.join(sorted(EVENTS))}.")
    return _functions[event]
