"""What the starter library has installed."""

from django.db import models


class LibraryEntry(models.Model):
    """Remembers one installed item of the starter library.

    An item that somebody deleted is not installed again, and one that somebody edited is not
    overwritten: its row no longer matches `row_hash` (empty where another row had the name).
    """

    class Kind(models.TextChoices):
        STYLE = "style", "Style"
        FORMAT = "format", "Format"
        TEMPLATE = "template", "Prompt template"
        SETTING = "setting", "Setting"
        EXAMPLE = "example", "Prompt example"
        ROLE_DEFAULT = "role_default", "Default for a role"

    kind = models.CharField(max_length=20, choices=Kind)
    slug = models.SlugField(max_length=100)
    content_hash = models.CharField(max_length=64)
    row_hash = models.CharField(max_length=64, blank=True)
    installed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind", "slug"]
        verbose_name_plural = "library entries"
        constraints = [models.UniqueConstraint(fields=["kind", "slug"], name="library_entry_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"
