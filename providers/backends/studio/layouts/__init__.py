"""The typographic layouts: one module each, with `draw(canvas, pattern, words) -> Cover`."""

from importlib import import_module

from providers.backends.studio.options import LAYOUTS


def layout(name: str):
    """Return the drawing function of a layout."""
    return import_module(f".{LAYOUTS[name]}", __name__).draw
