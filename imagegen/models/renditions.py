"""Files derived from originals: renditions by recipe, public copies, watermarks, disclosure."""

from django.db import models
from django.db.models import Q

from imagegen.models.outputs import ImageOutput


class Rendition(models.Model):
    """A derived file: an original and a recipe. Private, and made again at will.

    The row is there before its file: whoever writes it makes the file, others wait for it. Its
    file lies in the private storage under a name that its content gives.
    """

    output = models.ForeignKey(ImageOutput, on_delete=models.CASCADE, related_name="renditions")
    recipe = models.JSONField()
    recipe_hash = models.CharField(max_length=64)
    path = models.CharField(max_length=200, blank=True, help_text="Empty while it is being made.")
    format = models.CharField(max_length=8, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    byte_size = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    claimed_at = models.DateTimeField(auto_now_add=True)
    made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "rendition"
        constraints = [
            models.UniqueConstraint(
                fields=["output", "recipe_hash"], name="one_rendition_per_output_and_recipe"
            )
        ]
        indexes = [models.Index(fields=["path"], name="rendition_by_path")]

    def __str__(self) -> str:
        return f"Rendition {self.pk} of image {self.output_id}"


class PublicCopyQuerySet(models.QuerySet):
    """Reads of public copies."""

    def live(self) -> "PublicCopyQuerySet":
        """Copies in service: one for each place, purpose and variant."""
        return self.filter(live=True)

    def public(self) -> "PublicCopyQuerySet":
        """Live copies of approved images in public posts: what readers may get now."""
        return self.live().filter(
            output__state=ImageOutput.State.APPROVED, slot__post__status="published"
        )


class PublicCopy(models.Model):
    """A rendition that a place serves: its file in the public storage while it is live.

    The row is there before its file and until after its file, so that no public file is ever
    without a row that says whether it may be served.
    """

    class Purpose(models.TextChoices):
        WEB = "web", "On the page"
        SOCIAL = "social", "Social card"
        SQUARE = "square", "Square"
        PORTRAIT = "portrait", "Portrait"
        WIDE = "wide", "Wide"

    output = models.ForeignKey(ImageOutput, on_delete=models.CASCADE, related_name="copies")
    slot = models.ForeignKey("imagegen.ImageSlot", on_delete=models.CASCADE, related_name="copies")
    rendition = models.ForeignKey(
        Rendition, null=True, blank=True, on_delete=models.CASCADE, related_name="copies"
    )
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    variant = models.CharField(
        max_length=40, default="", blank=True, help_text="Which of a purpose, such as 640.avif."
    )
    format = models.CharField(max_length=8, default="JPEG")
    live = models.BooleanField(
        default=False, help_text="Served. If not: being made, or about to be removed."
    )
    recipe_hash = models.CharField(max_length=64)
    path = models.CharField(max_length=200, help_text="In the public storage, content-hashed.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    byte_size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = PublicCopyQuerySet.as_manager()

    class Meta:
        verbose_name = "public copy"
        verbose_name_plural = "public copies"
        constraints = [
            models.UniqueConstraint(
                fields=["slot", "purpose", "variant"],
                condition=Q(live=True),
                name="one_live_copy_per_slot_purpose_variant",
            )
        ]
        indexes = [
            models.Index(fields=["path"], name="copy_by_path"),
            models.Index(fields=["changed_at"], condition=Q(live=False), name="copy_to_remove"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} of image {self.output_id}"


class WatermarkProfile(models.Model):
    """A text or a logo that is set over pictures when they are shown. The original keeps clean.

    `margin` and `size` are shares of the picture's short side; a text's size is its height, a
    logo's its width. `version` rises with each change of how it looks.
    """

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        LOGO = "logo", "Logo"

    class Position(models.TextChoices):
        TOP_LEFT = "top-left", "Top left"
        TOP = "top", "Top"
        TOP_RIGHT = "top-right", "Top right"
        LEFT = "left", "Left"
        CENTRE = "centre", "Centre"
        RIGHT = "right", "Right"
        BOTTOM_LEFT = "bottom-left", "Bottom left"
        BOTTOM = "bottom", "Bottom"
        BOTTOM_RIGHT = "bottom-right", "Bottom right"
        TILED = "tiled", "Tiled over all of it"

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TEXT)
    text = models.CharField(max_length=120, blank=True)
    logo_path = models.CharField(
        max_length=300, blank=True, editable=False, help_text="PNG in the private storage."
    )
    logo_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    position = models.CharField(max_length=16, choices=Position, default=Position.BOTTOM_RIGHT)
    margin = models.FloatField(default=0.03, help_text="Share of the short side, 0 to 0.25.")
    size = models.FloatField(default=0.035, help_text="Share of the short side, 0.01 to 1.")
    opacity = models.FloatField(default=0.72, help_text="0.05 to 1.")
    is_default = models.BooleanField(default=False, help_text="The site's own watermark.")
    is_active = models.BooleanField("active", default=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "watermark"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_default_watermark",
                violation_error_message="Another watermark is the site's own already.",
            ),
            models.CheckConstraint(
                condition=Q(margin__range=(0, 0.25), size__range=(0.01, 1))
                & Q(opacity__range=(0.05, 1)),
                name="watermark_measures_are_sane",
                violation_error_message="Margin 0 to 0.25, size 0.01 to 1, opacity 0.05 to 1.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StyleTreatment(models.Model):
    """What pictures of a style get besides the site's own: a watermark, a label."""

    class Label(models.TextChoices):
        SITE = "site", "As the site says"
        ALWAYS = "always", "Always"
        REAL = "real", "Where it could be taken for real"
        NEVER = "never", "Only where it must be"

    style = models.OneToOneField("prompts.ImageStyle", on_delete=models.CASCADE, related_name="+")
    watermark = models.ForeignKey(
        WatermarkProfile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    without_watermark = models.BooleanField(default=False)
    label = models.CharField(max_length=8, choices=Label, default=Label.SITE)

    class Meta:
        verbose_name = "treatment of a style"
        verbose_name_plural = "treatments of styles"

    def __str__(self) -> str:
        return f"Treatment of {self.style}"


class DisclosureText(models.Model):
    """The words by which readers are told of AI, in one language."""

    language = models.CharField(max_length=16, help_text="Such as en or pt-br; en is the fallback.")
    ai_content = models.CharField(max_length=10, choices=ImageOutput.AiContent)
    label = models.CharField(max_length=60, help_text="On the picture, such as AI-generated.")
    sentence = models.CharField(
        max_length=300, blank=True, help_text="In the caption; {model} is the model's name."
    )

    class Meta:
        verbose_name = "words of disclosure"
        verbose_name_plural = "words of disclosure"
        constraints = [
            models.UniqueConstraint(
                fields=["language", "ai_content"], name="one_disclosure_per_language_and_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.language})"


class StorageRole(models.Model):
    """Which storage holds what now; `move_storage` changes it once all files are there."""

    class Role(models.TextChoices):
        ORIGINALS = "originals", "Originals"
        PUBLISHED = "published", "Published files"

    role = models.CharField(max_length=16, choices=Role, unique=True)
    alias = models.CharField(max_length=50, help_text="A name of STORAGES.")
    switched_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "storage in use"
        verbose_name_plural = "storages in use"

    def __str__(self) -> str:
        return f"{self.get_role_display()} in {self.alias}"
