from pathlib import Path

import pytest

from runtime import newmigrations
from runtime.console import Problem
from runtime.venv import ROOT

DANGERS = {
    "adding-required-field": 'ALTER TABLE "billing_bill" ADD COLUMN "x" integer NOT NULL;',
    "ban-drop-column": 'ALTER TABLE "billing_bill" DROP COLUMN "note";',
    "renaming-column": 'ALTER TABLE "billing_bill" RENAME COLUMN "a" TO "b";',
    "changing-column-type": 'ALTER TABLE "billing_bill" ALTER COLUMN "a" TYPE bigint;',
    "require-concurrent-index-creation": 'CREATE INDEX "a" ON "billing_bill" ("note");',
    "constraint-missing-not-valid": 'ALTER TABLE "billing_bill" ADD CONSTRAINT c CHECK (x > 0);',
    "ban-drop-table": 'DROP TABLE "billing_bill";',
}
HARMLESS = (
    'CREATE TABLE "toy" ("id" bigint NOT NULL PRIMARY KEY); CREATE INDEX "i" ON "toy" ("id");',
    'ALTER TABLE "billing_bill" ADD COLUMN "x" integer NULL;',
    'ALTER TABLE "billing_bill" ADD COLUMN "x" integer DEFAULT 0 NOT NULL;',
    "UPDATE toy SET id = id;",
)


@pytest.mark.parametrize("rule", sorted(DANGERS))
def test_what_hurts_an_open_hall_is_found(rule: str, tmp_path: Path) -> None:
    (tmp_path / "billing.0099_x.sql").write_text(f"BEGIN;\n{DANGERS[rule]}\nCOMMIT;\n", encoding="utf-8")
    found = newmigrations.lint(tmp_path)
    assert ("billing.0099_x", rule) in {each[:2] for each in found}


def test_what_does_no_harm_passes(tmp_path: Path) -> None:
    for number, sql in enumerate(HARMLESS):
        (tmp_path / f"billing.{number:04}_x.sql").write_text(f"BEGIN;\n{sql}\nCOMMIT;\n", encoding="utf-8")
    assert newmigrations.lint(tmp_path) == []


def test_nothing_new_is_nothing_to_read(tmp_path: Path) -> None:
    assert newmigrations.lint(tmp_path) == []


def test_migrations_after_the_released_one_are_new(tmp_path: Path) -> None:
    folder = tmp_path / "billing" / "migrations"
    folder.mkdir(parents=True)
    for name in ("0001_initial", "0002_more", "0003_next", "__init__"):
        (folder / f"{name}.py").touch()
    assert list(newmigrations.new({"billing": "0002_more"}, tmp_path)) == [("billing", "0003_next")]
    assert len(list(newmigrations.new({}, tmp_path))) == 3


def test_the_file_tells_what_is_released_and_what_is_meant() -> None:
    known = newmigrations.known(
        "# why\nbilling.0001_a\nbilling.0002_b accepts ban-drop-column: nobody reads it\n"
    )
    assert known.last == {"billing": "0001_a"}
    assert known.accepted == {("billing.0002_b", "ban-drop-column")}


@pytest.mark.parametrize("line", ["billing", "billing.0002_b accepts ban-drop-column", "a.b c d e"])
def test_a_line_without_sense_or_reason_is_refused(line: str) -> None:
    with pytest.raises(Problem, match="not understood"):
        newmigrations.known(line)


def test_what_the_file_names_is_there() -> None:
    """An app that it does not name has not been released: all its migrations are new."""
    known = newmigrations.known(newmigrations.RELEASED.read_text(encoding="utf-8"))
    there = {f"{path.parent.parent.name}.{path.stem}" for path in ROOT.glob("*/migrations/[0-9]*.py")}
    assert {f"{app}.{name}" for app, name in known.last.items()} <= there
    assert {name for name, _rule in known.accepted} <= there
