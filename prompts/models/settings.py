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
from providers.errors import ProviderProblem
from providers.models import ImageModel
from providers.types import ImageRequest, Validation
from providers.validation import some_size

# Field of a request -> the setting's own field.
FIELD_OF_ISSUE = {
    "size": "width",
    "seed": "seed",
    "steps": "steps",
    "guidance_scale": "guidance_scale",
    "quality": "quality",
    "output_format": "output_format",
    "extra": "extra_settings",
}


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
            issues = self.validated_for(model).errors
        except ProviderProblem as error:
            return {"model": error.in_full}
        problems: dict[str, str] = {}
        for issue in issues:
            name = FIELD_OF_ISSUE.get(issue.field.partition(".")[0], "model")
            problems[name] = f"{problems.get(name, '')} {issue.message}".strip()
        return problems

    def snaps_with(self, model: ImageModel) -> list[str]:
        """What `model` would change to the nearest that it takes, in sentences."""
        try:
            return [issue.message for issue in self.validated_for(model).issues]
        except ProviderProblem:
            return []

    def validated_for(self, model: ImageModel) -> Validation:
        """This setting in a request with a word for a prompt, as `model` takes it."""
        capabilities = model.capabilities_object()
        width, height = (self.width, self.height) if self.width and self.height else (0, 0)
        if not width:
            width, height = some_size(capabilities)
        return model.connection.adapter().validate(
            ImageRequest(
                prompt="A picture",
                model=model.name,
                width=width,
                height=height or 0,
                seed=self.seed,
                steps=self.steps,
                guidance_scale=self.guidance_scale,
                quality=self.quality,
                output_format=self.output_format,
                extra=self.extra_settings if isinstance(self.extra_settings, dict) else {},
            ),
            capabilities,
        )

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, its own or the format's; None when neither says."""
        if self.width and self.height:
            return self.width, self.height
        return (self.format.width, self.format.height) if self.format else None

    @property
    def summary(self) -> str:
        """One line for lists, such as “Studio · patterns · 960×640 · seed random”."""
        parts = []
        if self.model:
            parts += [str(self.model.connection), self.model.name]
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
