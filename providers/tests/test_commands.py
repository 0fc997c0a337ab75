import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]


def test_run_stub_serves_until_it_is_interrupted(tmp_path):
    command = [sys.executable, "manage.py", "run_stub", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline().startswith("Stub at http://127.0.0.1:")
    server.send_signal(signal.SIGINT)
    assert server.communicate(timeout=10)[0] == "Stopped.\n"
    assert server.returncode == 0


def test_run_stub_says_that_a_port_is_taken():
    from providers.backends.stub_server import StubServer

    with StubServer() as server:
        port = server.url.rpartition(":")[2]
        with pytest.raises(CommandError, match=f"cannot listen on port {port}"):
            call_command("run_stub", port=int(port))
