"""What happens to pictures when a post changes: each event of the blog calls a service.

The services are imported when they are called, so that starting up stays cheap.
"""

from typing import Any

from blog import files, hooks
from imagegen.storage import originals


def connect() -> None:
    """Register with the blog; called once when the app is ready."""
    files.keep_in(originals)
    hooks.register(hooks.POST_SAVED, post_saved)
    hooks.register(hooks.SECTION_REMOVED, section_removed)
    hooks.register(hooks.POST_PUBLISHED, post_published)
    hooks.register(hooks.POST_WITHDRAWN, post_withdrawn)
    hooks.register(hooks.PICTURES_MET, pictures_met)


def post_saved(**event: Any) -> None:
    """Bring the post's places up to date, then what readers see and what is asked for."""
    from imagegen.services import automatic, publishing, slots

    slots.ensure_slots(post=event["post"])
    publishing.on_post_saved(**event)
    automatic.ask_for_missing(post=event["post"])


def section_removed(**event: Any) -> None:
    from imagegen.services import slots

    slots.detach_slot(section=event["section"])


def post_published(**event: Any) -> None:
    from imagegen.services import publishing

    publishing.on_post_published(**event)


def post_withdrawn(**event: Any) -> None:
    from imagegen.services import publishing

    publishing.on_post_withdrawn(**event)


def pictures_met(**event: Any) -> list[str]:
    from imagegen.services import importing

    return importing.on_pictures_met(**event)
