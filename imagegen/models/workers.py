"""What the background leaves in the database: heartbeats and leases by name."""

from django.db import models


class WorkerProcess(models.Model):
    """A worker's heartbeat, so that pages and commands can say when nobody works."""

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    threads = models.PositiveIntegerField()
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "worker"
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return self.name


class NamedLease(models.Model):
    """A lease that lets one process at a time do a thing (the sweeper's round)."""

    name = models.CharField(max_length=50, unique=True)
    owner = models.CharField(max_length=100, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "lease"

    def __str__(self) -> str:
        return self.name
