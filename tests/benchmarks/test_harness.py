import json
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.harness import Pair, Sheet


def test_a_figure_that_was_not_measured_is_null_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    sheet = Sheet("example")
    sheet.at_least("ours_vs_peer", 12.3456789, 10, "quick")
    assert sheet.show()
    sheet.missing("ours_vs_other", "the other one is not here")
    assert not sheet.show()
    assert json.loads((tmp_path / "example.json").read_text())["figures"] == {
        "ours_vs_peer": 12.3457,
        "ours_vs_other": None,
    }
    told = capsys.readouterr().out
    assert "not measured" in told
    assert "the other one is not here" in told


def test_measures_take_turns_after_one_round_to_warm_up() -> None:
    calls: list[str] = []

    def measure(name: str, values: list[float]) -> float:
        calls.append(name)
        return values.pop(0)

    ours, theirs = [0.0, 1.0, 2.0, 6.0], [0.0, 1.0, 1.0, 2.0]
    pair = harness.in_turn(lambda: measure("ours", ours), lambda: measure("theirs", theirs))
    assert calls == ["ours", "theirs"] * 4
    assert pair == Pair([1.0, 2.0, 6.0], [1.0, 1.0, 2.0])
    assert (pair.ratios, pair.ratio) == ([1.0, 2.0, 3.0], 2.0)
