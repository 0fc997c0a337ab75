"""Messages of the task queue that say "there may be work": light enough to load at start.

Losing one or delivering one twice changes nothing: the sweeper sends more while due jobs wait.
"""

TOKENS = 64  # no more than this many tokens are sent at once


def send_tokens(count: int) -> None:
    """Wake up to `count` threads of the workers, once this transaction is committed."""
    from imagegen.tasks import run_jobs_task

    for _ in range(min(count, TOKENS)):
        run_jobs_task.enqueue()
