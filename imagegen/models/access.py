"""What the product has given to its groups, so that it gives each permission once only."""

from django.db import models


class InstalledGrant(models.Model):
    """One permission that was given to one of the product's own groups.

    A permission that an administrator took away again is found here, and stays away.
    """

    group = models.CharField(max_length=150)
    permission = models.CharField(max_length=200, help_text="As app.codename.")
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "installed grant"
        constraints = [
            models.UniqueConstraint(fields=["group", "permission"], name="one_grant_per_group")
        ]

    def __str__(self) -> str:
        return f"{self.group}: {self.permission}"
