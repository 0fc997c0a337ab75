"""CPU and memory of `manage.py check`, as every command pays them before it does anything."""

import os
import statistics
import subprocess
import sys

from benchmarks.common import ROOT, figure, heading, own_data

RUNS = 9


def measure(*command: str) -> tuple[float, float]:
    """CPU seconds and peak resident megabytes of one run."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0, f"{command} failed"
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    heading(f"Start: manage.py check, median of {RUNS}")
    with own_data():
        measure(sys.executable, "manage.py", "check")
        runs = [measure(sys.executable, "manage.py", "check") for _ in range(RUNS)]
    figure("CPU", f"{statistics.median(cpu for cpu, _ in runs):.2f} s", "at most 0.5 s")
    figure("memory", f"{max(memory for _, memory in runs):.0f} MB", "at most 80 MB")


if __name__ == "__main__":
    main()
