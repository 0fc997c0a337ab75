"""What the doctor finds: a kind, the thing it is about, a sentence, and perhaps a remedy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.files.storage import Storage
from django.utils import timezone

# Whatever is younger may be on its way into the database just now.
ON_ITS_WAY = timedelta(seconds=10)
LEFT_BEHIND = timedelta(minutes=10)


@dataclass(kw_only=True)
class Problem:
    """Something that is wrong. `remedy` sets it right and says whether it could."""

    kind: str
    subject: str
    message: str
    remedy: Callable[[], bool] | None = field(default=None, repr=False)
    repaired: bool | None = None

    @property
    def repairable(self) -> bool:
        return self.remedy is not None

    def to_dict(self) -> dict[str, Any]:
        data = {
            "kind": self.kind,
            "subject": self.subject,
            "message": self.message,
            "repairable": self.repairable,
        }
        return data if self.repaired is None else data | {"repaired": self.repaired}


def is_older(storage: Storage, name: str, age: timedelta) -> bool:
    """Whether the file has lain there unchanged for `age`; False if it is gone."""
    try:
        changed: datetime = storage.get_modified_time(name)
    except (OSError, NotImplementedError):
        return False
    return changed < timezone.now() - age
