"""Styles, formats, templates, settings and examples: what a prompt is made of."""

from prompts.models.entries import LibraryEntry
from prompts.models.formats import ImageFormat, PromptTemplate, Role
from prompts.models.prompt import ImagePrompt
from prompts.models.settings import ImagePromptExample, ImageSetting, RoleDefault
from prompts.models.styles import ImageStyle, StyleState, StyleVersion, UnknownVersion

__all__ = [
    "ImageFormat",
    "ImagePrompt",
    "ImagePromptExample",
    "ImageSetting",
    "ImageStyle",
    "LibraryEntry",
    "PromptTemplate",
    "Role",
    "RoleDefault",
    "StyleState",
    "StyleVersion",
    "UnknownVersion",
]
