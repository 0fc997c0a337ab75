"""The scripts say clearly what is wrong or missing, before they do anything."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import BASE_DIR

SCRIPTS = sorted(path for path in (BASE_DIR / "script").iterdir() if path.is_file())
NO_PYTHON = "#!/bin/sh\nexit 1\n"
NO_VENV = """#!/bin/sh
case "$*" in
*ensurepip*) exit 1 ;;
*print*) echo 3.11 ;;
-V) echo Python 3.11.2 ;;
esac
"""


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def bare_clone(tmp_path):
    """A copy of the scripts without .venv, and a way to run one with a Python made up here."""
    shutil.copytree(BASE_DIR / "script", tmp_path / "script")

    def run_script(name: str, python: str) -> subprocess.CompletedProcess:
        programs = tmp_path / "bin"
        programs.mkdir()
        for program in ("python3.11", "python3.12", "python3.13", "python3.14", "python3", "uv"):
            fake = programs / program
            fake.write_text(NO_PYTHON if program == "uv" else python)
            fake.chmod(0o755)
        return run(tmp_path / "script" / name, PATH=f"{programs}:/usr/bin:/bin", PYTHON="")

    return run_script


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_is_plain_sh(script):
    assert run("sh", "-n", script).returncode == 0


@pytest.mark.parametrize("name", ["demo", "test", "bench"])
def test_missing_python_is_named_with_its_package(name, bare_clone):
    result = bare_clone(name, NO_PYTHON)
    assert result.returncode == 1
    assert result.stderr == (
        f"{name}: Python 3.11 or newer is missing. "
        "On Debian: apt-get install python3 python3-venv\n"
    )


def test_missing_venv_module_is_named_with_its_package(bare_clone):
    result = bare_clone("test", NO_VENV)
    assert result.returncode == 1
    assert "On Debian: apt-get install python3.11-venv" in result.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "http"], "--port must be a number from 1 to 65535."),
        (["--port=0"], "--port must be a number from 1 to 65535."),
        (["--port", "70000"], "--port must be a number from 1 to 65535."),
        (["--port"], "--port needs a number."),
        (["--prot", "80"], "unknown option --prot; script/demo --help lists the options."),
    ],
)
def test_demo_refuses_wrong_options(options, sentence):
    result = run(BASE_DIR / "script" / "demo", *options)
    assert (result.returncode, result.stderr) == (1, f"demo: {sentence}\n")


def test_demo_says_that_a_port_is_taken_before_it_works(tmp_path):
    if Path(sys.prefix) != BASE_DIR / ".venv":
        pytest.skip("The scripts use .venv, and this is another environment.")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        result = run(BASE_DIR / "script" / "demo", "--port", port, DATA_DIR=str(tmp_path))
    assert result.stderr == f"demo: port {port} is taken: choose another one with --port.\n"
    assert not (tmp_path / "db.sqlite3").exists()
