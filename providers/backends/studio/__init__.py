"""The embedded provider: real pictures without any model, key or network.

Importing this package loads no drawing library; numpy and Pillow come with the first picture.
"""

from providers.backends.studio.adapter import StudioProvider
from providers.backends.studio.options import FAMILIES, LAYOUTS

__all__ = ["FAMILIES", "LAYOUTS", "StudioProvider"]
