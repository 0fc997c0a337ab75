"""The embedded provider: real pictures without any model, key or network.

Importing this package loads no drawing library; numpy and Pillow come with the first picture.
"""

from .adapter import StudioProvider
from .options import FAMILIES, LAYOUTS

__all__ = ["FAMILIES", "LAYOUTS", "StudioProvider"]
