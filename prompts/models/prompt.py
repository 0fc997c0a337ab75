"""The exact text that was sent."""

import hashlib
import json

from django.db import models

from prompts.compose import ComposedPrompt, Part


class ImagePromptManager(models.Manager["ImagePrompt"]):
    """Stores composed prompts so that equal ones share a row."""

    def store(self, composed: ComposedPrompt) -> "ImagePrompt":
        """The row of this prompt, made when no equal one exists. Safe from many threads."""
        parts = [part.to_dict() for part in composed.parts]
        content = [composed.text, composed.negative_text, parts]
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        prompt, _ = self.get_or_create(
            sha256=hashlib.sha256(canonical.encode()).hexdigest(),
            defaults={
                "text": composed.text,
                "negative_text": composed.negative_text,
                "parts": parts,
            },
        )
        return prompt


class ImagePrompt(models.Model):
    """The exact text that was sent, with where each part came from; never changed."""

    text = models.TextField()
    negative_text = models.TextField(blank=True)
    parts = models.JSONField(default=list)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ImagePromptManager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "prompt"

    def __str__(self) -> str:
        return self.text[:80] + ("…" if len(self.text) > 80 else "")

    def save(self, *args, **kwargs) -> None:
        """Inserts; a stored prompt is evidence and refuses to be changed."""
        if not self._state.adding:
            raise TypeError("A stored prompt is never changed; store another one.")
        super().save(*args, **kwargs)

    @property
    def composed(self) -> ComposedPrompt:
        """The prompt as it left `compose`."""
        return ComposedPrompt(
            parts=tuple(Part.from_dict(part) for part in self.parts),
            negative_text=self.negative_text,
        )
