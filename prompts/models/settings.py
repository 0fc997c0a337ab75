"""Structured parameters, reusable examples and the site's default for each role."""

from django.core.exceptions import ValidationError
from django.db import models

from prompts.compose import TemplateError, check_template
from prompts.models.formats import ImageFormat, PromptTemplate, Role
from prompts.models.styles import ImageStyle
from prompts.validators import (
    MAX_SIDE,
    MIN_SIDE,
    validate_extra_settings,
    validate_guidance,
    validate_seed,
    validate_side,
    validate_steps,
)
from providers.errors import ConfigurationError
from providers.models import ImageModel


class ImageSetting(models.Model):
    """Structured parameters of a picture; what is empty is left to the role or the model.

    `version` rises with each change of a value (`services.save_setting`).
    """

    class SeedPolicy(models.TextChoices):
        RANDOM = "random", "Random: a new seed for each picture"
        FIXED = "fixed", "Fixed: the seed below"
        DERIVED = "derived", "Derived: the same place gets the same seed"

    VALUES = (
        "model",
        "style",
        "format",
        "template",
        "width",
        "height",
        "steps",
        "guidance_scale",
        "seed_policy",
        "seed",
        "quality",
        "output_format",
        "extra_settings",
    )

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    model = models.ForeignKey(ImageModel, models.PROTECT, null=True, blank=True)
    style = models.ForeignKey(ImageStyle, models.SET_NULL, null=True, blank=True)
    format = models.ForeignKey(ImageFormat, models.SET_NULL, null=True, blank=True)
    template = models.ForeignKey(PromptTemplate, models.SET_NULL, null=True, blank=True)
    width = models.PositiveIntegerField(
        null=True, blank=True, validators=[validate_side], help_text="Empty: as the format."
    )
    height = models.PositiveIntegerField(
        null=True, blank=True, validators=[validate_side], help_text="Empty: as the format."
    )
    steps = models.PositiveIntegerField(null=True, blank=True, validators=[validate_steps])
    guidance_scale = models.FloatField(null=True, blank=True, validators=[validate_guidance])
    seed_policy = models.CharField(max_length=10, choices=SeedPolicy, default=SeedPolicy.RANDOM)
    seed = models.PositiveBigIntegerField(null=True, blank=True, validators=[validate_seed])
    quality = models.CharField(max_length=30, blank=True)
    output_format = models.CharField(max_length=10, blank=True, help_text="Such as png or webp.")
    extra_settings = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_extra_settings],
        help_text="The provider's own options, by name.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "setting"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(width__isnull=True, height__isnull=True)
                | models.Q(width__range=(MIN_SIDE, MAX_SIDE), height__range=(MIN_SIDE, MAX_SIDE)),
                name="setting_sides_both_or_none",
            ),
            models.CheckConstraint(
                condition=~models.Q(seed_policy="fixed") | models.Q(seed__isnull=False),
                name="setting_fixed_seed_is_given",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Width and height come together, a fixed seed is given, the model takes the values."""
        errors = {}
        if (self.width is None) != (self.height is None):
            missing = "height" if self.height is None else "width"
            errors[missing] = "Give both width and height, or neither."
        if self.seed_policy == self.SeedPolicy.FIXED and self.seed is None:
            errors["seed"] = "A fixed seed needs a number; or choose a random seed."
        if self.model is not None:
            errors |= self.problems_with(self.model)
        if errors:
            raise ValidationError(errors)

    def problems_with(self, model: ImageModel) -> dict[str, str]:
        """What `model` does not take, by field. Sizes that snap to another are no problem."""
        try:
            capabilities = model.capabilities_object()
        except ConfigurationError as error:
            return {"model": error.message}
        problems = {}
        for field, taken in (
            ("steps", capabilities.steps),
            ("guidance_scale", capabilities.guidance_scale),
            ("seed", capabilities.seed),
        ):
            if getattr(self, field) is not None and not taken:
                problems[field] = f"{model} does not take this; leave it empty."
        for field, allowed in (
            ("quality", capabilities.qualities),
            ("output_format", capabilities.output_formats),
        ):
            value = getattr(self, field)
            if value and value not in allowed:
                known = ", ".join(allowed) or "nothing here"
                problems[field] = f"{model} does not take {value}; it takes {known}."
        unknown = set(self.extra_settings) - set(capabilities.extra)
        if unknown and "*" not in capabilities.extra:
            problems["extra_settings"] = (
                f"{model} does not know {', '.join(sorted(unknown))}; remove it."
            )
        return problems

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, its own or the format's; None when neither says."""
        if self.width and self.height:
            return self.width, self.height
        return (self.format.width, self.format.height) if self.format else None

    @property
    def summary(self) -> str:
        """One line for lists, such as “studio · patterns · 960×640 · seed random”."""
        parts = []
        if self.model:
            parts += [self.model.connection.name, self.model.name]
        if self.size:
            parts.append(f"{self.size[0]}×{self.size[1]}")
        if self.steps is not None:
            parts.append(f"{self.steps} steps")
        if self.guidance_scale is not None:
            parts.append(f"guidance {self.guidance_scale:g}")
        parts += [value for value in (self.quality, self.output_format) if value]
        fixed = self.seed_policy == self.SeedPolicy.FIXED
        parts.append(f"seed {self.seed if fixed else self.seed_policy}")
        return " · ".join(parts)


class ImagePromptExample(models.Model):
    """The library: a description with style, format, model and setting, to be used again.

    The description may hold the placeholders of a template.
    """

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    subject = models.CharField(
        max_length=100, blank=True, help_text="For finding it, such as nature or history."
    )
    description = models.TextField(
        help_text="What the picture shows. Placeholders such as {post.title} are filled in."
    )
    style = models.ForeignKey(ImageStyle, models.SET_NULL, null=True, blank=True)
    format = models.ForeignKey(ImageFormat, models.SET_NULL, null=True, blank=True)
    model = models.ForeignKey(ImageModel, models.SET_NULL, null=True, blank=True)
    setting = models.ForeignKey(ImageSetting, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "prompt example"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuses unknown placeholders and broken braces, by name."""
        try:
            check_template(self.description)
        except TemplateError as error:
            raise ValidationError({"description": str(error)}) from error


class RoleDefault(models.Model):
    """What the site uses for a role unless a post's plan or a person says otherwise."""

    role = models.CharField(max_length=10, choices=Role, unique=True)
    example = models.ForeignKey(ImagePromptExample, models.PROTECT, null=True, blank=True)
    setting = models.ForeignKey(ImageSetting, models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ["role"]
        verbose_name = "default for a role"
        verbose_name_plural = "defaults for roles"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(example__isnull=True, setting__isnull=False)
                | models.Q(example__isnull=False, setting__isnull=True),
                name="role_default_is_example_or_setting",
                violation_error_message="Choose an example or a setting, exactly one of them.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.example or self.setting}"
