"""python -m sandbox: keys, refusal in production, starting and ending."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from billing.gateways import rsa2, wechatpay_keys
from tests.sandbox.process import REPOSITORY, SandboxProcess, environment, running

PORT = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]*")


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=REPOSITORY,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_keys_are_written_once_and_only_for_the_owner(tmp_path: Path) -> None:
    folder = tmp_path / "with a space" / "keys"
    assert len(run("keys", str(folder)).stdout.splitlines()) == 9
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "alipay_private_key.pem",
        "alipay_public_key.pem",
        "app_private_key.pem",
        "app_public_key.pem",
        "wechatpay_api_v3_key.txt",
        "wechatpay_mch_private_key.pem",
        "wechatpay_mch_public_key.pem",
        "wechatpay_platform_cert.pem",
        "wechatpay_platform_private_key.pem",
    ]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = run("keys", str(folder))
    assert (again.returncode, again.stdout) == (0, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_keys_are_pairs_that_the_hall_can_read(tmp_path: Path) -> None:
    run("keys", str(tmp_path))
    for owner in ("app", "alipay", "wechatpay_mch"):
        private = rsa2.read_private_key(tmp_path / f"{owner}_private_key.pem")
        public = rsa2.read_public_key(tmp_path / f"{owner}_public_key.pem")
        assert private.key_size == 2048
        assert rsa2.verify(public, b"text", rsa2.sign(private, b"text").encode())


def test_wechats_keys_are_such_as_the_hall_can_read(tmp_path: Path) -> None:
    run("keys", str(tmp_path))
    private = rsa2.read_private_key(tmp_path / "wechatpay_platform_private_key.pem")
    (public,) = wechatpay_keys.read_platform_keys(tmp_path / "wechatpay_platform_cert.pem").values()
    assert rsa2.verify(public, b"text", rsa2.sign(private, b"text").encode())
    assert wechatpay_keys.api_v3_key((tmp_path / "wechatpay_api_v3_key.txt").read_text().strip())


def test_a_folder_of_an_older_version_gets_what_it_lacks(tmp_path: Path) -> None:
    run("keys", str(tmp_path))
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("a*.pem")}
    for path in tmp_path.glob("wechatpay*"):
        path.unlink()
    assert len(run("keys", str(tmp_path)).stdout.splitlines()) == 5
    assert {path.name: path.read_bytes() for path in tmp_path.glob("a*.pem")} == kept


def test_a_certificate_belongs_to_its_key(tmp_path: Path) -> None:
    run("keys", str(tmp_path))
    certificate = tmp_path / "wechatpay_platform_cert.pem"
    before = certificate.read_bytes()
    (tmp_path / "wechatpay_platform_private_key.pem").unlink()
    assert len(run("keys", str(tmp_path)).stdout.splitlines()) == 2
    assert certificate.read_bytes() != before


def test_a_lost_public_key_is_made_from_the_private_one(tmp_path: Path) -> None:
    run("keys", str(tmp_path))
    public = (tmp_path / "app_public_key.pem").read_bytes()
    (tmp_path / "app_public_key.pem").unlink()
    assert run("keys", str(tmp_path)).stdout.strip().endswith("app_public_key.pem")
    assert (tmp_path / "app_public_key.pem").read_bytes() == public


def test_a_public_key_without_its_private_one_is_replaced(tmp_path: Path) -> None:
    run("keys", str(tmp_path))
    public = (tmp_path / "app_public_key.pem").read_bytes()
    (tmp_path / "app_private_key.pem").unlink()
    assert len(run("keys", str(tmp_path)).stdout.splitlines()) == 2
    assert (tmp_path / "app_public_key.pem").read_bytes() != public


@pytest.mark.parametrize(
    "changes", [{"HALL_ENV": "prod"}, {"HALL_ENV": "PROD"}, {"DJANGO_SETTINGS_MODULE": "hall.settings.prod"}]
)
@pytest.mark.parametrize("command", [["serve", "--port", "0", "--keys"], ["keys"]])
def test_production_is_refused(tmp_path: Path, command: list[str], changes: dict[str, str]) -> None:
    folder = tmp_path / "keys"
    ended = run(*command, str(folder), **changes)
    assert ended.returncode == 2
    assert "never run in production" in ended.stderr
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["serve", "--port", "0"], {}, "SANDBOX_KEYS_DIR"),
        (["serve", "--keys", "/proc/nowhere", "--port", "0"], {}, "/proc/nowhere"),
        (["serve"], {"SANDBOX_KEYS_DIR": "k", "SANDBOX_PORT": "eighty"}, "SANDBOX_PORT"),
        (
            ["serve", "--port", "0"],
            {"SANDBOX_KEYS_DIR": "k", "SANDBOX_TIME_FACTOR": "-1"},
            "SANDBOX_TIME_FACTOR",
        ),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], changes: dict[str, str], message: str) -> None:
    ended = run(*arguments, **changes)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_busy_port_is_said(tmp_path: Path) -> None:
    with running("--keys", str(tmp_path)) as first:
        port = first.url.rpartition(":")[2]
        ended = run("serve", "--keys", str(tmp_path), "--port", port)
    assert ended.returncode == 2
    assert port in ended.stderr
    assert "Traceback" not in ended.stderr


def test_everything_may_come_from_the_environment(tmp_path: Path) -> None:
    changes = {
        "SANDBOX_KEYS_DIR": str(tmp_path / "keys"),
        "SANDBOX_STATE_FILE": str(tmp_path / "s" / "state.sqlite"),
    }
    process = SandboxProcess(**changes)
    assert PORT.fullmatch(process.url)
    assert process.get("/healthz").body == b"ok"
    assert process.stop() == 0
    assert (tmp_path / "s" / "state.sqlite").exists()
    assert (tmp_path / "keys" / "alipay_public_key.pem").exists()
