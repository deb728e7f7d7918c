"""What documents say of commands: each is there, none is forgotten, and every option that is shown exists."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.architecture.sources import ROOMS, ROOT

OURS = {name: str(app) for name, app in get_commands().items() if str(app) in ROOMS}
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")


def shown() -> list[tuple[str, str, str]]:
    """Each command line of a document: the document, the command, the rest of the line."""
    return [
        (path.name, name, rest)
        for path in DOCUMENTS
        for name, rest in re.findall(r"script/manage ([a-z_]+)([^`\n|]*)", path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_command_is_in_the_table(name: str) -> None:
    assert f"`{name}`" in TABLE


def test_the_table_names_no_command_that_is_gone() -> None:
    first_cells = re.findall(r"^\| (`.+?) \|", TABLE, re.MULTILINE)
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} <= set(OURS)


def test_every_option_that_is_shown_exists() -> None:
    assert shown()
    for document, name, rest in shown():
        assert name in get_commands(), document
        known = set(
            load_command_class(get_commands()[name], name).create_parser("", name)._option_string_actions
        )
        assert set(re.findall(r"--[a-z0-9-]+", rest)) <= known, document


def test_options_of_the_jobs_are_those_that_the_table_tells() -> None:
    common = {"--as-of", "--dry-run", "--limit", "--json"}
    for name, more in (
        ("collect_debits", "--account"),
        ("mail_bills", "--account"),
        ("warn_large_bills", "--all"),
    ):
        known = load_command_class(OURS[name], name).create_parser("", name)._option_string_actions
        assert common | {more} <= set(known)


def test_links_between_documents_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / Path(target)).exists(), f"{path.name}: {target}"
