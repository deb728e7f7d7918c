from pathlib import Path

import pytest

from runtime import chromium


def program(path: Path, exit_code: int) -> Path:
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def test_the_named_browser_is_taken_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = program(tmp_path / "my browser", 0)
    assert chromium.find({"HALL_CHROMIUM": str(mine)}) == mine
    assert f"{mine} (named by HALL_CHROMIUM)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "/nowhere/chromium"])
def test_a_browser_that_is_not_there_does_not_work(name: str) -> None:
    assert chromium._working(name) is None


def test_a_stub_that_only_points_elsewhere_does_not_work(tmp_path: Path) -> None:
    assert chromium._working(str(program(tmp_path / "chromium-browser", 1))) is None
