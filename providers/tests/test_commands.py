import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from providers.tests.factories import make_connection, make_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def check(capsys):
    def run(name):
        call_command("check_provider", name)
        return capsys.readouterr().out

    return run


@pytest.mark.django_db
def test_check_provider_tells_health_and_features(check):
    text = check("studio")
    assert "Studio (studio)" in text
    assert "configured     yes" in text
    assert [line.split()[-1] for line in text.splitlines() if "  seed" in line] == ["yes"]


@pytest.mark.django_db
def test_check_provider_puts_models_side_by_side(check):
    lines = check("studio").splitlines()
    assert next(line.split() for line in lines if "covers" in line) == ["covers", "patterns"]


@pytest.mark.django_db
def test_unknown_provider_names_the_known_ones(check):
    with pytest.raises(CommandError, match='no provider "magic".*studio'):
        check("magic")


@pytest.mark.django_db
def test_missing_secret_is_named(check, capsys):
    make_connection(secret_name="FAR_KEY")
    with pytest.raises(CommandError, match="far cannot be used"):
        check("far")
    assert "FAR_KEY" in capsys.readouterr().out


@pytest.mark.django_db
def test_after_a_failure_the_rest_is_not_looked_at(check, capsys):
    make_connection(options={"behaviour": "auth"})
    with pytest.raises(CommandError):
        check("far")
    text = capsys.readouterr().out
    assert "authenticated  NO   The secret is not accepted." in text
    assert "proven         -    Never yet run against the real service." in text


@pytest.mark.django_db
def test_disabled_and_empty_connection_is_told(check):
    make_connection(enabled=False)
    text = check("far")
    assert "It is disabled." in text
    assert "no enabled models" in text


@pytest.mark.django_db
def test_unreadable_catalogue_row_is_told(check):
    make_model(make_connection(), capabilities={"wings": 2})
    with pytest.raises(CommandError, match="wings"):
        check("far")


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
