"""Tasks of the background: a key in, a service call. The engine is chosen by `TASKS`."""

from django_tasks import task


@task()
def run_jobs_task() -> None:
    """A token: run permitted jobs for a while, then let the queue's other tasks pass."""
    from imagegen.services import engine

    if engine.work(seconds=engine.SLICE):
        run_jobs_task.enqueue()


@task(priority=50)
def publish_pictures_task(post_id: int) -> None:
    """Bring the public copies of a post's pictures up to date."""
    from imagegen.services.publishing import publish_pictures

    publish_pictures(post_id=post_id)


@task()
def publish_archive_task(part: int, parts: int, after: int = 0) -> None:
    """Publish a part of all due posts for a while, then let the queue's other tasks pass."""
    from imagegen.services.watermark_profiles import publish_part

    last = publish_part(part=part, parts=parts, after=after)
    if last is not None:
        publish_archive_task.enqueue(part, parts, last)
