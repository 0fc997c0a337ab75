"""Drawing into a file: the function that runs in a child process.

The drawing libraries are imported in the child only, when it draws.
"""

from typing import Any

from providers.backends.studio.options import FILE_FORMATS


def render_to_file(data: dict[str, Any], path: str, file_format: str = "png") -> dict[str, Any]:
    """Draw the fields of a `StudioSpec` (plain values) into a file.

    Returns family, layout, palette, description, notes, width and height as plain values.
    The file carries no metadata: marking public copies is the publisher's work. Raises
    ValueError with a sentence for the editor.
    """
    from providers.backends.studio.draw import StudioSpec, draw

    if file_format not in FILE_FORMATS:
        raise ValueError(f"The studio writes {' and '.join(FILE_FORMATS)}, not {file_format!r}.")
    drawing = draw(StudioSpec(**{**data, "palette": tuple(data.get("palette") or ())}))
    if file_format == "png":
        drawing.image.save(path, format="PNG", compress_level=1)
    else:
        drawing.image.save(path, format="JPEG", quality=92, subsampling=0)
    return {
        "family": drawing.family,
        "layout": drawing.layout,
        "palette": list(drawing.palette),
        "description": drawing.description,
        "notes": list(drawing.notes),
        "width": drawing.image.width,
        "height": drawing.image.height,
    }
