"""Documents that are drawn from the code, or name its figures, must be those of the present code."""

import io
import re
from pathlib import Path

from django.core.management import call_command

from core.statemachine import Machine
from tests.architecture.sources import ROOMS, ROOT, built, files

PICTURE = ROOT / "docs" / "state-machines.md"


def drawn() -> str:
    out = io.StringIO()
    call_command("state_machines", stdout=out)
    return out.getvalue()


def test_the_picture_of_the_state_machines_is_current() -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawn(), (
        "run: manage.py state_machines --write docs/state-machines.md"
    )


def test_it_shows_every_step_of_every_machine() -> None:
    text = drawn()
    for machine in Machine.registry.values():
        section = text.split(f"## {machine.name}\n")[1].split("\n## ")[0]
        steps = {(source, target) for source, targets in machine.transitions.items() for target in targets}
        for source, target in steps:
            assert f"    {source} --> {target}\n" in section
        assert section.count(" --> ") == len(steps) + 1 + len(machine.end_states)


def test_it_is_written_to_the_named_file(tmp_path: Path) -> None:
    file = tmp_path / "machines.md"
    call_command("state_machines", write=file)
    assert file.read_text(encoding="utf-8") == drawn()


def test_the_figures_that_documents_name_are_at_metrics() -> None:
    served = "".join(path.read_text(encoding="utf-8") for path in files(*built(ROOMS)))
    named = {
        name
        for document in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"`(hall_[a-z_]+)[`{]", document.read_text(encoding="utf-8"))
    } - {"hall_owner", "hall_app", "hall_readonly"}  # the roles in the database
    assert named
    assert [name for name in sorted(named) if f'"{name}"' not in served] == []
