import json
from dataclasses import astuple
from pathlib import Path

from runtime import credentials


def test_secrets_are_kept_from_one_start_to_the_next(tmp_path: Path) -> None:
    assert credentials.load(tmp_path / "c.json") == credentials.load(tmp_path / "c.json")


def test_each_secret_is_its_own(tmp_path: Path) -> None:
    values = astuple(credentials.load(tmp_path / "c.json"))
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 for value in values)


def test_secrets_are_private(tmp_path: Path) -> None:
    credentials.load(tmp_path / "c.json")
    assert (tmp_path / "c.json").stat().st_mode & 0o777 == 0o600


def test_a_broken_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"admin_pass')
    made = credentials.load(tmp_path / "c.json")
    assert credentials.load(tmp_path / "c.json") == made


def test_a_missing_secret_is_added_and_the_others_stay(tmp_path: Path) -> None:
    first = credentials.load(tmp_path / "c.json")
    kept = json.loads((tmp_path / "c.json").read_text())
    del kept["sms_gateway_secret"]
    (tmp_path / "c.json").write_text(json.dumps(kept | {"unknown": "x"}))
    second = credentials.load(tmp_path / "c.json")
    assert second.secret_key == first.secret_key
    assert second.sms_gateway_secret != first.sms_gateway_secret
