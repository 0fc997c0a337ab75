import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = """
import json, sys
import django
from django.core.management import call_command
django.setup()
call_command("check", verbosity=0)
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def modules():
    """What is imported once the project has started and checked itself."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "package", ["openai", "requests", "urllib3", "numpy", "PIL", "pebble", "boto3"]
)
def test_start_imports_no_heavy_package(modules, package):
    assert package not in modules


def test_start_imports_no_adapter(modules):
    assert [name for name in modules if name.startswith("providers.backends.")] == []
