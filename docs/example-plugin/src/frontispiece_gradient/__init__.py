"""Plain colour gradients: the smallest provider that does something.

There is no service: the picture is drawn here. A service's API page, and the day on which it was
read, would be named in this place.
"""

from .provider import GradientProvider

__all__ = ["GradientProvider"]
