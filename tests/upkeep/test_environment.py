"""The production settings tell everything that is wrong at once, and the document names every variable."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hall.settings import env
from runtime import checks
from runtime.venv import ROOT

TABLE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
# For a developer's machine, the demo or the tests; told elsewhere, or by the scripts themselves.
NOT_FOR_PRODUCTION = {
    "HALL_DEBUG",
    "SANDBOX_URL",
    "HALL_DATA_DIR",
    "HALL_DEMO_STAFF_PASSWORD",
    "PYTEST_XDIST_WORKER",
}


def started(code: str = "", /, **changes: str | None) -> "subprocess.CompletedProcess[str]":
    ours = ("ALIPAY_", "WECHATPAY_", "HALL_", "DJANGO_", "DATABASE_", "REDIS_", "SMS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    values = {name: value for name, value in (dict(checks.PRODUCTION) | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", f"import hall.settings.prod as prod; {code}"],
        cwd=ROOT,
        env={**kept, **values},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_that_is_missing_is_named_at_once() -> None:
    done = started(**dict.fromkeys(checks.PRODUCTION, None))
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "HALL_SECRET_KEY",
        "HALL_ALLOWED_HOSTS",
        "HALL_TRUSTED_ORIGINS",
    ):
        assert f"- set {name}" in done.stderr
    for text in ("HALL_BASE_URL", "SMS_GATEWAY_URL", "SMS_GATEWAY_SECRET", "nobody could pay"):
        assert text in done.stderr
    assert re.search(r"\d+ settings are missing or weak", done.stderr)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HALL_SECRET_KEY", "short", "HALL_SECRET_KEY is weak"),
        ("HALL_SECRET_KEY", "a" * 80, "HALL_SECRET_KEY is weak"),
        ("HALL_ALLOWED_HOSTS", "*", "is no host name"),
        ("HALL_ALLOWED_HOSTS", "https://hall.example.com", "is no host name"),
        ("HALL_ALLOWED_HOSTS", " , ", "set HALL_ALLOWED_HOSTS"),
        ("HALL_TRUSTED_ORIGINS", "hall.example.com", "must be https://"),
        ("HALL_BASE_URL", "http://hall.example.com", "must be an address that begins with https://"),
        ("SMS_GATEWAY_URL", "http://sms.example.com", "must be an address that begins with https://"),
        ("ALIPAY_GATEWAY_URL", "http://gateway.example.com", "must be an address that begins with https://"),
        ("HALL_TRUSTED_PROXIES", "one", "must be a whole number"),
        ("HALL_KEEP_DAYS", "slips=30", "less than the 1096 days"),
        ("HALL_KEEP_DAYS", "sleeps=3000", "is not KEY=NUMBER"),
        ("HALL_BACKUP_KEEP_LEAST", "0", "a whole number from 1 on"),
        ("SMS_GATEWAY_SECRET_FILE", "/nowhere/at/all", "cannot read /nowhere/at/all"),
    ],
)
def test_what_is_weak_or_wrong_stops_the_start(name: str, value: str, told: str) -> None:
    changes: dict[str, str | None] = {name: value}
    if name.endswith("_FILE"):
        changes[name.removesuffix("_FILE")] = None
    done = started(**changes)
    assert done.returncode != 0
    assert told in done.stderr
    assert "1 settings" in done.stderr


def test_no_secret_is_told() -> None:
    done = started(HALL_SECRET_KEY="hunter2-and-no-more", HALL_BASE_URL="ftp://x")
    assert "hunter2" not in done.stderr


def test_passwords_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/word:1\n", encoding="utf-8")
    done = started(
        "print(prod.DATABASES['default']['PASSWORD'], prod.REDIS_URL)",
        DATABASE_URL="postgresql://hall_app@db.example.com:5433/hall",
        DATABASE_PASSWORD_FILE=str(tmp_path / "password"),
        REDIS_URL="redis://default@broker:6379/0",
        REDIS_PASSWORD_FILE=str(tmp_path / "password"),
    )
    assert done.stdout.split() == ["p@ss/word:1", "redis://default:p%40ss%2Fword%3A1@broker:6379/0"]


def test_an_empty_secret_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    done = started(HALL_SECRET_KEY=None, HALL_SECRET_KEY_FILE=str(tmp_path / "empty"))
    assert "empty is empty" in done.stderr


def test_numbers_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "_problems", [])
    for value, told in (("1", True), ("yes", True), ("0", False), ("no", False), ("", False)):
        monkeypatch.setenv("HALL_DEBUG", value)
        assert env.flag("HALL_DEBUG") is told
    monkeypatch.setenv("HALL_DEBUG", "perhaps")
    env.flag("HALL_DEBUG")
    with pytest.raises(ImproperlyConfigured, match="HALL_DEBUG must be 1 or 0"):
        env.finish()


def test_every_settings_module_ends_by_telling_what_is_wrong() -> None:
    for name in ("dev", "test", "bench", "prod", "build"):
        text = (ROOT / "hall" / "settings" / f"{name}.py").read_text(encoding="utf-8")
        assert text.rstrip().endswith("env.finish()"), name


ROOMS = ("core", "hall", "accounts", "billing", "notices", "operations", "content", "resources", "catalog")


def quoted(name: str) -> bool:
    """Whether some file of ours has this name as a string."""
    return any(
        f'"{name}"' in path.read_text(encoding="utf-8")
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    )


def asked_for() -> set[str]:
    done = started("from hall.settings import env; print('\\n'.join(env.asked))")
    assert done.returncode == 0, done.stderr
    elsewhere = {
        name
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for name in re.findall(r'os\.environ(?:\.get\(|\[)"([A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    return (set(done.stdout.split()) | elsewhere | {"DJANGO_SETTINGS_MODULE"}) - NOT_FOR_PRODUCTION


def test_every_variable_is_documented_and_none_is_made_up() -> None:
    named = {
        name
        for row in re.findall(r"^\| (`.+?) \|", TABLE, re.MULTILINE)
        for name in re.findall(r"`([A-Z][A-Z_0-9]+)`", row)
    }
    anywhere = set(re.findall(r"`([A-Z][A-Z_0-9]+)`", TABLE))
    asked = asked_for()
    assert asked - anywhere == set(), "name these in docs/deployment.md"
    assert {name for name in named - asked if not quoted(name)} == set(), "nobody asks for these"
