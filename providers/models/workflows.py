"""ComfyUI workflows."""

from typing import Any

from django.db import models

from providers.models.connections import Connection


class Workflow(models.Model):
    """A ComfyUI graph in API format, bound to our parameters by the titles of its nodes.

    It is code that runs on the server: only administrators change it, by `save_workflow`, which
    also keeps the row of the catalogue that bears its name.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="workflows", verbose_name="provider"
    )
    name = models.SlugField(
        max_length=100, help_text="The catalogue's name of the model that it makes."
    )
    label = models.CharField(max_length=200, blank=True, help_text="Name shown on pages.")
    graph = models.JSONField(help_text="ComfyUI's API format: Workflow > Export (API).")
    version = models.PositiveIntegerField(default=1, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    problems = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="What the server lacked when it was last asked, as sentences.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["connection__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"],
                name="one_workflow_per_name",
                violation_error_message="This provider has a workflow of that name already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label or self.name} ({self.connection.name})"

    @property
    def trouble(self) -> str:
        """That it will fail, by what its server lacked when it was last asked; else empty."""
        if not self.problems:
            return ""
        more = f" And {len(self.problems) - 1} more." if len(self.problems) > 1 else ""
        return f"The workflow {self} will fail: {self.problems[0]}{more}"

    def spec(self) -> dict[str, Any]:
        """What the adapter gets: the graph and its version."""
        return {"graph": self.graph, "version": self.version}
