"""The worker as a process of its own: killed for real, stopped in good order."""

import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POST = """---
title: Walls
date: 2026-11-01
---

An introduction.
""" + "".join(f"\n## Part {n}\n\nText of part {n}.\n" for n in range(1, 6))


class Site:
    """A site of its own in a folder, driven by Python programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DRAW_PROCESSES": "1",
        }

    def start(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> str:
        process = self.start(*words)
        text, _ = process.communicate(timeout=60)
        assert process.returncode == 0, text
        return text

    def ask(self, sql: str) -> list:
        database = sqlite3.connect(self.folder / "db.sqlite3", timeout=20)
        try:
            with database:
                return database.execute(sql).fetchall()
        finally:
            database.close()

    def count(self, table: str, where: str = "1") -> int:
        query = f"SELECT COUNT(*) FROM imagegen_{table} WHERE {where}"  # noqa: S608 - our words
        return self.ask(query)[0][0]

    def expire_leases(self) -> None:
        """What half a minute of waiting would do."""
        long_ago = "'2020-01-01 00:00:00'"
        self.ask(f"UPDATE imagegen_generationjob SET lease_until={long_ago} WHERE owner > ''")  # noqa: S608
        self.ask(f"UPDATE imagegen_namedlease SET until={long_ago}")  # noqa: S608

    def wait_for(self, table: str, where: str, count: int) -> None:
        end = time.monotonic() + 30
        while self.count(table, where) < count:
            assert time.monotonic() < end, f"waited for {table} {where}"
            time.sleep(0.05)


SET_UP = """
import sys
from pathlib import Path
import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
django.setup()
from imagegen.tests.factories import make_stub
settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
call_command("migrate", run_syncdb=True, verbosity=0)
folder = Path(sys.argv[1])
call_command("import_posts", str(folder / "walls.md"))
make_stub(folder, delay=0.4, recovery="own_key")
call_command("generate_images", "--all", "--approve", "--provider", "stub")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A site with six queued jobs, to be copied by each test."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "walls.md").write_text(POST, encoding="utf-8")
    site = Site(folder / "site")
    site.run("-c", SET_UP, str(folder))
    return site.folder


@pytest.fixture
def site(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "site")
    return Site(tmp_path / "site")


@pytest.mark.slow
def test_worker_killed_for_real_repeats_and_loses_nothing(site):
    worker = site.start("manage.py", "run_worker", "--threads", "3")
    site.wait_for("imageoutput", "1", 1)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert site.count("imageoutput") < 6
    site.expire_leases()
    site.run("manage.py", "run_worker", "--threads", "3", "--until-idle")
    assert (site.count("imageoutput"), site.count("generationjob", "state='stored'")) == (6, 6)
    assert "in order" in site.run("manage.py", "doctor")


@pytest.mark.slow
def test_term_lets_running_calls_end(site):
    worker = site.start("manage.py", "run_worker", "--threads", "3")
    site.wait_for("generationjob", "state='running'", 1)
    worker.send_signal(signal.SIGTERM)
    text, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0 and "nothing was cut off" in text
    assert site.count("generationjob", "state IN ('claimed', 'running')") == 0
    assert site.count("workerprocess", "stopped_at IS NULL") == 0


@pytest.mark.slow
def test_log_says_at_once_that_the_worker_runs(site):
    worker = site.start("manage.py", "run_worker", "--threads", "3")
    readable, _, _ = select.select([worker.stdout], [], [], 20)
    first = worker.stdout.readline() if readable else ""
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)
    assert "runs with 3 threads" in first
