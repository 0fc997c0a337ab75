"""The pattern families: one module each, with `draw(canvas) -> Art`."""

from importlib import import_module

from providers.backends.studio.options import FAMILIES


def family(name: str):
    """Return the drawing function of a family."""
    return import_module(f".{FAMILIES[name]}", __name__).draw
