import configparser
import json
import tomllib
from typing import Any

import pytest

from runtime import checks
from runtime.console import Problem
from runtime.venv import ROOT

CONTRACTS = {
    "root_packages": ["top", "later", "ground"],
    "contracts": [
        {"name": "Down", "type": "layers", "layers": ["(top)", "(later)", "(ground)"]},
        {"name": "Later", "type": "forbidden", "source_modules": ["later"], "forbidden_modules": ["ground"]},
        {
            "name": "Outside",
            "type": "forbidden",
            "source_modules": ["ground"],
            "forbidden_modules": ["django", "later"],
        },
    ],
}


def read(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_contracts_name_only_rooms_that_are_built() -> None:
    written = read(checks.contracts_file(CONTRACTS, {"top", "ground"}))
    assert written["importlinter"]["root_packages"].split() == ["top", "ground"]
    assert written["importlinter:contract:0"]["layers"].split() == ["(top)", "(ground)"]


def test_a_contract_about_a_missing_room_is_left_out() -> None:
    assert "importlinter:contract:1" not in read(checks.contracts_file(CONTRACTS, {"top", "ground"}))


def test_packages_from_outside_stay_in_contracts() -> None:
    written = read(checks.contracts_file(CONTRACTS, {"top", "ground"}))
    assert written["importlinter:contract:2"]["forbidden_modules"].split() == ["django"]


def test_every_room_of_the_house_is_under_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    outside = {"tests", "benchmarks"}
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - outside
    assert rooms <= set(settings["root_packages"])


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


CLEAN = {"name": "good", "version": "1", "vulns": []}
UNKNOWN = {"name": "odd", "skip_reason": "Dependency not found"}
WEAK = {"name": "bad", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}


def test_a_clean_audit_passes_and_says_how_much_was_audited() -> None:
    outcome = checks.judge_audit(report(CLEAN, UNKNOWN), "")
    assert outcome == checks.Outcome(True, "1 packages audited, 1 unknown to the service")


def test_a_finding_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert not checks.judge_audit(report(CLEAN, WEAK), "").passed
    assert "bad 1: CVE-1, fixed in 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (report(UNKNOWN), ""),
        ("", "requests.exceptions.ConnectionError: no route"),
        ("", "ServiceError: HTTP 503"),
    ],
)
def test_an_unreachable_service_is_said_aloud(
    text: str, errors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = checks.judge_audit(text, errors)
    assert outcome.passed
    assert "NOTHING was audited" in outcome.note
    assert "audit service not reachable" in capsys.readouterr().out


def test_any_other_failure_of_the_audit_fails() -> None:
    assert not checks.judge_audit("", "Traceback: invalid requirement").passed


def test_an_unknown_check_is_refused_with_the_list() -> None:
    with pytest.raises(Problem, match="format, lint, types, imports, migrations, deploy, audit"):
        checks.run(["speling"], {})
