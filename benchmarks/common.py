"""What the benchmarks share: a data folder of their own, a watched worker, figures in lines."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1024 * 1024


@contextmanager
def own_data() -> Iterator[Path]:
    """A fresh data folder with an empty, migrated database; Django is set up on it.

    `DATABASE_URL` is respected, so that the same figures can be had on PostgreSQL: give an
    empty database.
    """
    folder = Path(tempfile.mkdtemp(prefix="frontispiece-bench-"))
    os.environ |= {
        "DATA_DIR": str(folder),
        "ENV_FILE": os.devnull,
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    try:
        manage("migrate", "--verbosity", "0")
        import django

        django.setup()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def manage(*arguments: str) -> None:
    """Run a command of the project to its end; only its complaints are shown."""
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def write_posts(folder: Path, posts: int, sections: int) -> None:
    """Markdown posts with different titles and headings, to be imported."""
    folder.mkdir()
    for number in range(posts):
        parts = [
            f"## Part {part} of story {number}\n\nWhat happened at mill {part} of town {number}."
            for part in range(sections)
        ]
        head = f"---\ntitle: Story {number} of the valley\ndate: 2026-01-01\n---\n\n"
        (folder / f"story-{number}.md").write_text(head + "\n\n".join(parts), encoding="utf-8")


class Worker:
    """A `run_worker` process that is watched: memory while it runs, CPU when it has ended.

    `peak` is the largest sum of proportional set sizes of the process and its children, in
    megabytes; `cpu` the CPU seconds of all of them. `log` holds what it wrote.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log_path = folder / "worker.log"
        self.peak = self.cpu = 0.0
        self._ended = threading.Event()
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "run_worker", *arguments],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        self._watch = threading.Thread(target=self._sample, daemon=True)
        self._watch.start()

    def _sample(self) -> None:
        while not self._ended.wait(0.25):
            self.peak = max(self.peak, tree_memory(self._process.pid))

    def wait(self) -> None:
        """Wait until the worker ends by itself."""
        _, _, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = 0
        self.cpu = usage.ru_utime + usage.ru_stime
        self._ended.set()
        self._watch.join()

    def stop(self) -> None:
        """Ask the worker to end, and wait for it."""
        os.kill(self._process.pid, signal.SIGTERM)
        self.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")


def tree_memory(pid: int) -> float:
    """Proportional set size of a process and all below it, in megabytes."""
    return sum(_memory(each) for each in _tree(pid))


def tree_cpu(pid: int) -> tuple[float, float]:
    """CPU seconds until now of a process, and of all below it, ended ones included."""
    told = [_cpu(each) for each in _tree(pid)]
    return told[0][0], sum(map(sum, told)) - told[0][0]


def _cpu(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0  # it has just ended
    own, own_system, ended, ended_system = (int(value) for value in told[11:15])
    each = os.sysconf("SC_CLK_TCK")
    return (own + own_system) / each, (ended + ended_system) / each


def core_seconds(pid: int) -> dict[int, float]:
    """How long each process below this one has had a core or waited for one."""
    found = {}
    for child in _tree(pid)[1:]:
        with suppress(OSError):  # it has just ended
            had, waited, _ = Path(f"/proc/{child}/schedstat").read_text().split()
            found[child] = (int(had) + int(waited)) / 1e9
    return found


def machine_cpu() -> float:
    """CPU seconds that all processes of the machine have used since it was started."""
    told = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _, _, *interrupts = (int(value) for value in told)
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _tree(int(child))
    return found


def _memory(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass  # it has just ended
    return 0.0


def until(done, *, seconds: float, every: float = 0.05) -> float:
    """Wait until `done()`; the seconds that it took. `TimeoutError` when it takes too long."""
    started = time.monotonic()
    while not done():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"Not done after {seconds:.0f} seconds.")
        time.sleep(every)
    return time.monotonic() - started


def heading(text: str) -> None:
    print(f"\n{text}")


def figure(name: str, value: str, target: str = "") -> None:
    """One line: what was measured, and what it should be."""
    print(f"  {name:<46} {value:>14}{f'   (target {target})' if target else ''}", flush=True)
