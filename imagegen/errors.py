"""Errors of the services. The text is a sentence for the person at the door.

ImagegenError
├── InvalidTransition   the row was in another state (HTTP 409)
├── NotPermitted        the person lacks the permission (HTTP 403)
├── Refused             what was asked cannot be done; nothing was changed (HTTP 422)
├── Undecodable         a file that is no picture we take
├── StorageProblem      a file could not be written, read or verified
└── BeingMade           somebody else is making it just now; ask again soon
"""


class ImagegenError(Exception):
    """Base of all errors of this app."""


class InvalidTransition(ImagegenError):
    """A state change that the row's present state does not allow."""


class NotPermitted(ImagegenError):
    """The person may not do this."""


class Refused(ImagegenError):
    """A request that cannot be carried out as it stands; `field` is what to change in it."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Undecodable(ImagegenError):
    """A file that is no picture we take. The text says what is wrong and what to do."""


class StorageProblem(ImagegenError):
    """A file could not be stored, found or verified."""


class BeingMade(ImagegenError):
    """A file that another worker is making at this moment."""
