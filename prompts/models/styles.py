"""How pictures should look, and every state that a look has had."""

from dataclasses import dataclass

from django.db import models

from prompts.validators import validate_palette


class UnknownVersion(LookupError):
    """A style was asked for a version that it never had."""


@dataclass(frozen=True, kw_only=True)
class StyleState:
    """A style as it was at one version: what a pinned plan composes with."""

    name: str
    version: int
    fragment: str
    negative_fragment: str = ""
    palette: tuple[str, ...] = ()


class ImageStyle(models.Model):
    """How a picture should look: words for the prompt, words to avoid, colours.

    `version` rises when name, words or colours change (`services.save_style`); each state is
    kept as a `StyleVersion`, so that a post may pin one.
    """

    LOOK = ("name", "fragment", "negative_fragment", "palette")

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    description = models.TextField(
        blank=True, help_text="For editors: what it looks like and what it is good for."
    )
    fragment = models.TextField(
        help_text="The words that enter the prompt, as a phrase without a full stop."
    )
    negative_fragment = models.TextField(
        "to avoid", blank=True, help_text="What must not appear, separated by commas."
    )
    palette = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_palette],
        help_text="Five colours like #1b2a41 do best; the first is the ground.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    is_active = models.BooleanField(
        "active", default=True, help_text="Inactive styles stay, but are no longer offered."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "style"
        constraints = [
            models.CheckConstraint(condition=models.Q(version__gte=1), name="style_version_from_1")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> StyleState:
        """The style as it is now."""
        return _state(self)

    def at(self, version: int | None = None) -> StyleState:
        """The style as it was at `version` (None: now). Raises UnknownVersion."""
        if version is None or version == self.version:
            return self.state
        kept = self.versions.filter(version=version).first()
        if kept is None:
            raise UnknownVersion(
                f"The style “{self.name}” has no version {version}; its newest is {self.version}."
            )
        return _state(kept)


class StyleVersion(models.Model):
    """One state of a style; written once, never changed."""

    style = models.ForeignKey(ImageStyle, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    fragment = models.TextField()
    negative_fragment = models.TextField(blank=True)
    palette = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["style", "-version"]
        verbose_name = "style version"
        constraints = [
            models.UniqueConstraint(fields=["style", "version"], name="style_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


def _state(row: ImageStyle | StyleVersion) -> StyleState:
    return StyleState(
        name=row.name,
        version=row.version,
        fragment=row.fragment,
        negative_fragment=row.negative_fragment,
        palette=tuple(row.palette),
    )
