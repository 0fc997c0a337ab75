"""The doors through which styles, templates and settings change."""

from prompts.services.exchange import export_settings, import_settings
from prompts.services.library import install_library
from prompts.services.saving import save_setting, save_style, save_template

__all__ = [
    "export_settings",
    "import_settings",
    "install_library",
    "save_setting",
    "save_style",
    "save_template",
]
