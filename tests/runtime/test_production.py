"""The production settings: what they insist on, and that they name what is missing."""

import os
import subprocess
import sys

import pytest

from runtime import checks
from runtime.venv import ROOT

ALIPAY = [name for name in checks.PRODUCTION if name.startswith("ALIPAY_")]
WECHATPAY = [name for name in checks.PRODUCTION if name.startswith("WECHATPAY_")]


def loaded(*without: str) -> "subprocess.CompletedProcess[str]":
    """The production settings with all their values but these."""
    ours = ("ALIPAY_", "WECHATPAY_", "HALL_", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    values = {name: value for name, value in checks.PRODUCTION.items() if name not in without}
    return subprocess.run(
        [sys.executable, "-c", "import hall.settings.prod"],
        cwd=ROOT,
        env={**kept, **values},
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_everything() -> None:
    done = loaded()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("left_out", [ALIPAY, WECHATPAY])
def test_one_of_the_two_gateways_is_enough(left_out: list[str]) -> None:
    assert loaded(*left_out).returncode == 0


def test_without_any_gateway_nobody_could_pay() -> None:
    done = loaded(*ALIPAY, *WECHATPAY)
    assert done.returncode != 0
    assert "ALIPAY_APP_ID or WECHATPAY_APP_ID" in done.stderr


@pytest.mark.parametrize("name", ["WECHATPAY_API_V3_KEY", "WECHATPAY_MCH_SERIAL", "ALIPAY_SELLER_ID"])
def test_half_a_gateway_stops_the_start_by_name(name: str) -> None:
    done = loaded(name)
    assert done.returncode != 0
    assert f"set {name} too" in done.stderr
