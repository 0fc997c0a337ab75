"""One line of progress at the command line."""

import time
from collections.abc import Callable

from imagegen.services.wording import duration_text

PLAIN_EVERY, TERMINAL_EVERY = 5.0, 0.3  # seconds between two lines
WIDTH = 100  # characters
BAR = 28


class ProgressLine:
    """How far a wait is: drawn anew on a terminal, elsewhere a further line now and then."""

    def __init__(self, *, write: Callable[..., None], terminal: bool) -> None:
        self._write, self._terminal = write, terminal
        self._started = time.monotonic()
        self._last_at, self._last_text = 0.0, ""

    @property
    def seconds(self) -> float:
        """How long the wait has been."""
        return max(time.monotonic() - self._started, 0.001)

    def show(self, tell: Callable[[], str], *, final: bool = False) -> None:
        """Write what `tell` says; it is not asked where the last line is too fresh."""
        now = time.monotonic()
        every = TERMINAL_EVERY if self._terminal else PLAIN_EVERY
        if not final and now - self._last_at < every:
            return
        text = tell()
        if self._terminal:
            self._write("\r" + text.ljust(WIDTH)[:WIDTH], ending="\n" if final else "")
        elif text != self._last_text:
            self._write(text)
        self._last_at, self._last_text = now, text

    def with_bar(self, text: str, done: int, total: int) -> str:
        """The text with a bar before it, on a terminal."""
        if not self._terminal:
            return text
        filled = BAR * done // max(total, 1)
        return f"[{'█' * filled}{'·' * (BAR - filled)}] {text}"

    def pace(self, done: int, total: int) -> str:
        """`, 1.2 a second, 8 s left`; nothing before there is any."""
        if not done:
            return ""
        text = f", {done / self.seconds:.1f} a second"
        if done < total:
            text += f", {duration_text(self.seconds / done * (total - done))} left"
        return text
