"""The guides speak of what is there: commands, files and variables that they name exist."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from config.settings import BASE_DIR
from providers.registry import BUILT_IN

OWN_APPS = {"blog", "imagegen", "prompts", "providers"}
COMMANDS = sorted(name for name, app in get_commands().items() if app in OWN_APPS)
GUIDES = sorted(BASE_DIR.glob("docs/*.md"))
PAGES = [*BASE_DIR.glob("README.md"), *GUIDES]
LINK = re.compile(r"\]\(([^()#\s]*)(?:#([^()\s]*))?\)")
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|^[A-Z]+(?==)", re.MULTILINE)
# Not settings: providers' secrets, the demo's password, where cron writes to, names in the code.
SECRETS = {kind.secret_name for kind in BUILT_IN.values()}
OTHER_NAMES = {"DEMO_PASSWORD", "MAILTO", "BUILT_IN", "INTERFACE_VERSION"} | SECRETS


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", read(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def links() -> list[tuple[Path, str, str]]:
    """Page, file and anchor of every relative link."""
    found = [(page, *link) for page in PAGES for link in LINK.findall(read(page))]
    return [row for row in found if ":" not in row[1]]


def listed_variables() -> set[str]:
    example = read(BASE_DIR / ".env.example")
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, flags=re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_explained_to_operators(command):
    assert f"`{command}" in read(BASE_DIR / "docs" / "commands.md")


def test_every_relative_link_leads_to_a_file():
    broken = [(page.name, file) for page, file, _ in links() if not (page.parent / file).exists()]
    assert broken == []


def test_every_link_into_a_page_leads_to_a_heading():
    inner = [(page.parent / file if file else page, anchor) for page, file, anchor in links()]
    broken = [(page.name, name) for page, name in inner if name and name not in anchors(page)]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_a_page_names_is_in_the_example(page):
    known = listed_variables() | OTHER_NAMES
    named = {name for name in NAME.findall(read(page)) if name.removesuffix("_FILE") not in known}
    assert named - known == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_each_option_that_a_guide_gives_a_command_exists(guide):
    unknown = [
        (command, option)
        for command, rest in re.findall(r"(?:manage\.py|frontispiece) (\w+)([^\n`]*)", read(guide))
        if command in COMMANDS
        for option in re.findall(r"(--[a-z][a-z-]+)", rest.partition("#")[0])
        if option not in options_of(command)
    ]
    assert unknown == []


def options_of(command: str) -> set[str]:
    from django.core.management import load_command_class

    parser = load_command_class(get_commands()[command], command).create_parser(
        "manage.py", command
    )
    return {option for action in parser._actions for option in action.option_strings}
