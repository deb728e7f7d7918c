"""Draws every state machine from its table of transitions."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from core.statemachine import Machine

_HEAD = """# State machines

Written by `manage.py state_machines --write docs/state-machines.md` from the tables in the code. The same tables feed
the check after the lock, the law in the database, and a test over all pairs of states.
"""


class Command(BaseCommand):
    help = "Prints all state machines as Markdown with Mermaid pictures, or writes them to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", type=Path, metavar="FILE")

    def handle(self, *, write: Path | None, **options: Any) -> None:
        text = document()
        if write is None:
            self.stdout.write(text, ending="")
        else:
            write.write_text(text, encoding="utf-8")


def document() -> str:
    """The whole file, the machines by name."""
    return "\n".join([_HEAD, *(_section(machine) for _, machine in sorted(Machine.registry.items()))])


def _section(machine: Machine) -> str:
    lines = [f"## {machine.name}", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {machine.initial}"]
    for source, targets in machine.transitions.items():
        lines += [f"    {source} --> {target}" for target in machine.transitions if target in targets]
    lines += [f"    {state} --> [*]" for state in machine.transitions if state in machine.end_states]
    return "\n".join([*lines, "```", "", *_labels(machine), ""])


def _labels(machine: Machine) -> list[str]:
    """What customers and staff read, where the states have labels."""
    labels = [(state, getattr(state, "label", "")) for state in machine.transitions]
    if not any(label for _, label in labels):
        return []
    return ["| state | 中文 |", "|---|---|", *(f"| {state} | {label} |" for state, label in labels)]
