"""`script/check migrations`: reads the SQL of new migrations for what would hurt a hall that is open.

`deploy/migrations.txt` names the last migration of each app that has been released: those after it are new. What is
dangerous and yet meant is accepted there, rule by rule, with the reason.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.console import Problem, say
from runtime.venv import ROOT

RELEASED = ROOT / "deploy" / "migrations.txt"
# Matters of taste; the two limits are set for each session by `migrate_safely`.
NOT_ASKED = (
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "require-lock-timeout",
    "require-statement-timeout",
)


@dataclass(frozen=True)
class Known:
    """What the file tells."""

    last: Mapping[str, str]  # app → its last released migration
    accepted: frozenset[tuple[str, str]]  # ("app.migration", rule)


def known(text: str) -> Known:
    """Reads lines "app.migration" and "app.migration accepts RULE: reason"; raises Problem."""
    last, accepted = {}, set()
    for line in text.splitlines():
        words = line.split("#")[0].split(maxsplit=3)
        if len(words) == 1 and "." in words[0]:
            app, _dot, name = words[0].partition(".")
            last[app] = name
        elif len(words) == 4 and words[1] == "accepts" and words[2].endswith(":"):
            accepted.add((words[0], words[2].removesuffix(":")))
        elif words:
            raise Problem(f"{RELEASED.name}: this line is not understood: {line}")
    return Known(last, frozenset(accepted))


def new(last: Mapping[str, str], root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """The migrations of our apps after the released ones, as (app, name)."""
    for path in sorted(root.glob("*/migrations/[0-9]*.py")):
        if path.stem > last.get(path.parent.parent.name, ""):
            yield path.parent.parent.name, path.stem


def check(environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether nothing dangerous was found, and how many were read; findings are said aloud. Asks the database."""
    told = known(RELEASED.read_text(encoding="utf-8"))
    found = list(new(told.last))
    with tempfile.TemporaryDirectory(prefix="hall-check-") as folder:
        for app, name in found:
            sql = _sql(app, name, environ)
            Path(folder, f"{app}.{name}.sql").write_text(sql, encoding="utf-8")
        dangers = [each for each in lint(Path(folder)) if each[:2] not in told.accepted]
    for migration, rule, message in dangers:
        say(f"  {migration}: {rule}: {message}")
    if dangers:
        say("  Take smaller steps, or accept it in deploy/migrations.txt with the reason.")
    return not dangers, f"{len(found)} new migrations read"


def lint(folder: Path) -> list[tuple[str, str, str]]:
    """(migration, rule, message) for each danger in the SQL files of a folder, each named after its migration."""
    files = sorted(folder.glob("*.sql"))
    if not files:
        return []
    program = Path(sys.executable).parent / "squawk"
    command = [
        str(program),
        "--pg-version",
        "18",
        "--reporter",
        "json",
        "--exclude",
        ",".join(NOT_ASKED),
        *map(str, files),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        raise Problem(f"squawk failed: {done.stderr.strip() or done.stdout.strip()}") from None
    return [(Path(each["file"]).stem, each["rule_name"], each["message"]) for each in findings]


def _sql(app: str, name: str, environ: Mapping[str, str]) -> str:
    command = [sys.executable, "manage.py", "sqlmigrate", app, name]
    done = subprocess.run(command, cwd=ROOT, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"sqlmigrate {app} {name} failed:\n{done.stderr.strip()}")
    return done.stdout
