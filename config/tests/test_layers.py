"""Imports between the apps run one way; this test holds the line."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "blog": set(),
    "providers": set(),
    "prompts": {"providers"},
    "imagegen": {"blog", "prompts", "providers"},
}
OWN = {*ALLOWED, "config"}


@cache
def imported(path: Path) -> set[str]:
    """The dotted names that a module imports with absolute imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


@pytest.mark.parametrize("app", ALLOWED)
def test_app_imports_only_what_the_map_allows(app):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / app).rglob("*.py")
        for name in imported(path)
        if (top := name.split(".")[0]) in OWN and top != app and top not in ALLOWED[app]
    ]
    assert wrong == []


def test_adapters_import_no_django():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "providers" / "backends").rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] == "django" or name.startswith("providers.models")
    ]
    assert wrong == []


def test_imaging_is_pure():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "imagegen" / "imaging").rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] == "django" or name.startswith("imagegen.models")
    ]
    assert wrong == []


def test_nothing_but_tests_needs_the_test_kit():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for app in OWN
        for path in (ROOT / app).rglob("*.py")
        for name in imported(path)
        if "tests" in name.split(".") and "tests" not in path.parts
    ]
    assert wrong == []
