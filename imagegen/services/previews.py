"""Who may see pictures that are not public."""

from typing import Any

SEE_PICTURES = ("imagegen.view_imageoutput", "imagegen.approve")


def may_see_previews(user: Any) -> bool:
    """Whether `user` may see pictures that readers may not: staff who review or look."""
    return bool(
        user is not None
        and user.is_active
        and user.is_staff
        and any(user.has_perm(name) for name in SEE_PICTURES)
    )
