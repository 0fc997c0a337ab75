"""A bare task for the engine's benchmark: it reads a row, waits, writes the row."""

import time

from django.db.models.functions import Now
from django_tasks import task

SECONDS = 0.5


@task()
def bare_task(pk: int) -> None:
    """What a job costs apart from its work."""
    from imagegen.models import NamedLease

    row = NamedLease.objects.get(pk=pk)
    time.sleep(SECONDS)
    NamedLease.objects.filter(pk=row.pk, owner="").update(owner="done", until=Now())
