"""Shapes of pictures and the templates of prompts."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import models

from prompts.compose import TemplateError, check_template
from prompts.validators import (
    MAX_SIDE,
    MIN_SIDE,
    ratio_of,
    validate_aspect_ratio,
    validate_side,
)


class Role(models.TextChoices):
    """What a picture is for in a post."""

    HERO = "hero", "Hero"
    SECTION = "section", "Section"
    SOCIAL = "social", "Social card"


class ImageFormat(models.Model):
    """What shape a picture has: words for the prompt, aspect ratio, target size in pixels."""

    class Usage(models.TextChoices):
        HERO = "hero", "Hero"
        SECTION = "section", "Section"
        SOCIAL = "social", "Social card"
        PORTRAIT = "portrait", "Portrait"

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True, help_text="For editors: where it is used.")
    fragment = models.TextField(
        blank=True, help_text="The words about shape and layout that enter the prompt."
    )
    aspect_ratio = models.CharField(
        max_length=9, validators=[validate_aspect_ratio], help_text="Such as 3:2."
    )
    width = models.PositiveIntegerField(validators=[validate_side])
    height = models.PositiveIntegerField(validators=[validate_side])
    usage = models.CharField(max_length=10, choices=Usage)

    class Meta:
        ordering = ["name"]
        verbose_name = "format"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(width__range=(MIN_SIDE, MAX_SIDE))
                & models.Q(height__range=(MIN_SIDE, MAX_SIDE)),
                name="format_sides_in_range",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuses a size whose shape is more than 3 % away from the aspect ratio."""
        if not (self.width and self.height):
            return
        try:
            ratio = ratio_of(self.aspect_ratio)
        except ValueError:
            return  # the field's own validator has said so already
        if abs(self.width / self.height / ratio - 1) > 0.03:
            raise ValidationError(
                {
                    "aspect_ratio": f"{self.width}×{self.height} is not {self.aspect_ratio}. "
                    "Change the size or the aspect ratio so that they agree."
                }
            )

    @property
    def size_text(self) -> str:
        """Such as 1536×1024."""
        return f"{self.width}×{self.height}"


class PromptTemplate(models.Model):
    """Text with named placeholders over post, section, style and format.

    One template per role may be the default (`services.save_template` moves the mark).
    """

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True, help_text="For editors: when to use it.")
    role = models.CharField(max_length=10, choices=Role)
    text = models.TextField(
        help_text="Placeholders such as {post.title}; {post.summary?} may be empty; "
        "[[a part between double brackets]] is left out when a field in it is empty; "
        "{section.text:400} takes the first 400 characters; {{ and }} are plain braces."
    )
    negative = models.TextField(
        "to avoid", blank=True, help_text="What must not appear, separated by commas."
    )
    is_default = models.BooleanField("default for its role", default=False)

    class Meta:
        ordering = ["role", "name"]
        verbose_name = "prompt template"
        constraints = [
            models.UniqueConstraint(
                fields=["role"],
                condition=models.Q(is_default=True),
                name="one_default_template_per_role",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuses unknown placeholders and broken braces, by name."""
        try:
            check_template(self.text)
        except TemplateError as error:
            raise ValidationError({"text": str(error)}) from error

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Lets a second default pass: `services.save_template` moves the mark to it."""
