"""A loop in the background goes on after a bad round, and says so in the log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connection

logger = logging.getLogger("imagegen")


@contextmanager
def survive(what: str) -> Iterator[None]:
    """Log any error of the block and go on; stale database connections are dropped."""
    try:
        yield
    except Exception:
        logger.exception("The %s failed; it goes on with the next round.", what)
        if not connection.in_atomic_block:
            close_old_connections()
