"""The signed messages of WeChat Pay in the public selftest: replies, credits, and the same end in every order."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.test import Client
from pytest_django import Settings

from billing.gateways import registry
from billing.models import GatewayCallback, Payment, Receipt, Refund
from core import clock, money
from tests.billing import build
from tests.billing.test_selftest_manifest import Case, credited
from tests.gateways import keys
from tests.gateways.wechat_keys import MCH_SERIAL
from tests.shared_data import require

URL = "/payments/callbacks/wechatpay/"


@pytest.fixture
def manifest(settings: Settings, tmp_path: Path) -> Path:
    path = require("payments/signed-selftest/manifest.json")
    config = json.loads(path.read_text(encoding="utf-8"))["config"]["wechat"]
    private = tmp_path / "mch.pem"
    private.write_text(keys.MERCHANT.private_pem)
    settings.WECHATPAY_APP_ID = config["appid"]
    settings.WECHATPAY_MCH_ID = config["mchid"]
    settings.WECHATPAY_API_V3_KEY = config["apiv3_key"]
    settings.WECHATPAY_PLATFORM_CERT_FILE = str(path.parent / config["platform_cert"])
    settings.WECHATPAY_MCH_PRIVATE_KEY_FILE = str(private)
    settings.WECHATPAY_MCH_SERIAL = MCH_SERIAL
    settings.WECHATPAY_GATEWAY_URL = "http://127.0.0.1:9"
    call_command("payment_fixture", str(path))
    return path


def cases(manifest: Path) -> list[Case]:
    everything = json.loads(manifest.read_text(encoding="utf-8"))["cases"]
    return [case for case in everything if case["channel"] == "wechat"]


def send(manifest: Path, case: Case) -> Any:
    """As WeChat sends it, at the moment that the case names."""
    message: dict[str, Any] = json.loads((manifest.parent / case["file"]).read_text(encoding="utf-8"))
    headers = {name: value for name, value in message["headers"].items() if name != "Content-Type"}
    with clock.stopped(datetime.fromisoformat(case["received_at"])):
        answer = Client().post(
            URL, message["body"].encode(), content_type="application/json", headers=headers
        )
    return answer


def refunded(reference: str) -> int:
    rows = Refund.objects.filter(receipt__payment__reference=reference)
    return rows.aggregate(total=Sum("amount_cents"))["total"] or 0


def end_state() -> dict[str, tuple[str, int, int, int]]:
    """Per order: payment state, credited to the bill, received in all, given back in all."""
    state = {}
    for payment in Payment.objects.filter(gateway="wechatpay"):
        received = Receipt.objects.filter(payment=payment)
        total = received.aggregate(total=Sum("amount_cents"))["total"] or 0
        own = (credited(payment.reference), total, refunded(payment.reference))
        state[payment.reference] = (payment.state, *own)
    return state


@pytest.mark.django_db
def test_each_case_gives_the_stated_reply_and_credit(manifest: Path) -> None:
    assert len(cases(manifest)) == 15
    for case in cases(manifest):
        reference = case["order"]["out_trade_no"]
        before = (credited(reference), refunded(reference))
        answer = send(manifest, case)
        if case["expect"]["reply"] == "accept":
            assert (answer.status_code, answer.content) == (204, b""), case["file"]
        else:
            assert answer.status_code == 400, case["file"]
            assert json.loads(answer.content)["code"] == "FAIL"
        build.work_off_callbacks()
        expected = money.parse_yuan(case["expect"]["credited_yuan"])
        assert credited(reference) - before[0] == expected, case["file"]
        given_back = money.parse_yuan(case["expect"].get("refunded_yuan", "0"))
        assert refunded(reference) - before[1] == given_back, case["file"]
    refund = Refund.objects.get()
    assert (refund.request_no, refund.amount_cents) == ("RBH202603151001", 1000)
    assert refund.refunded_at == datetime.fromisoformat("2026-03-16T09:00:00+08:00")
    assert end_state() == EXPECTED_END
    assert build.books_are_right()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(5))
def test_shuffled_and_repeated_the_end_is_the_same(manifest: Path, seed: int) -> None:
    chance = random.Random(seed)
    messages = cases(manifest) * 10
    chance.shuffle(messages)
    for case in messages:
        send(manifest, case)
        if chance.random() < 0.3:
            build.work_off_callbacks()
    build.work_off_callbacks()
    assert end_state() == EXPECTED_END
    assert build.books_are_right()


@pytest.mark.django_db(transaction=True)
def test_twenty_at_a_time_the_end_is_the_same(manifest: Path) -> None:
    messages = cases(manifest) * 10
    random.Random(7).shuffle(messages)

    def one(case: Case) -> None:
        try:
            send(manifest, case)
            build.work_off_callbacks(limit=5)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(one, messages))
    build.work_off_callbacks()
    assert end_state() == EXPECTED_END
    assert build.books_are_right()


@pytest.mark.django_db
def test_what_is_stored_can_be_verified_again(manifest: Path) -> None:
    """From the row alone: raw body, headers, and when it was received."""
    for case in cases(manifest):
        send(manifest, case)
    stored = GatewayCallback.objects.filter(gateway="wechatpay", report__isnull=False)
    assert stored.count() == 6
    for row in stored:
        report = registry.get("wechatpay").parse_callback(
            row.headers, bytes(row.body), received_at=row.received_at
        )
        assert report.reference == row.reference


@pytest.mark.django_db
def test_why_each_was_refused_is_kept(manifest: Path) -> None:
    for case in cases(manifest):
        send(manifest, case)
    verdicts = sorted(
        GatewayCallback.objects.filter(gateway="wechatpay").values_list("verdict", flat=True), key=str
    )
    assert verdicts == sorted(
        ["OK"] * 5
        + ["WRONG_AMOUNT", "WRONG_SELLER", "WRONG_APP", "UNKNOWN_KEY", "STALE", "BAD_CIPHERTEXT"]
        + ["UNSUPPORTED_KIND", "SIGNATURE_PROBE"]
        + ["BAD_SIGNATURE"] * 2
    )


@pytest.mark.django_db
def test_a_hall_without_wechat_pay_has_no_such_address(manifest: Path, settings: Settings) -> None:
    settings.WECHATPAY_APP_ID = ""
    assert send(manifest, cases(manifest)[0]).status_code == 404
    assert not GatewayCallback.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Wechatpay-Timestamp": "1e400"},
        {"Wechatpay-Timestamp": "NaN"},
        {"Wechatpay-Serial": "\x00"},
        {"Wechatpay-Nonce": "\x00" * 40, "User-Agent": "\x00"},
        {"Wechatpay-Signature": "A" * 60_000},
        {"Wechatpay-Signature": "签名"},
    ],
)
def test_headers_of_a_stranger_are_refused_and_kept_short(manifest: Path, headers: dict[str, str]) -> None:
    message = json.loads((manifest.parent / cases(manifest)[0]["file"]).read_text(encoding="utf-8"))
    given = {**message["headers"], **headers} if headers else {}
    given.pop("Content-Type", None)
    with clock.stopped(datetime.fromisoformat("2026-03-15T10:00:06+08:00")):
        answer = Client().post(URL, message["body"], content_type="application/json", headers=given)
    assert answer.status_code == 400
    row = GatewayCallback.objects.get(gateway="wechatpay")
    assert row.state == "REJECTED"
    assert all(len(value) <= 800 for value in row.headers.values())


EXPECTED_END = {
    "BH202603151001": ("SUCCEEDED", 2600, 2600, 1000),
    "BH202603151003": ("FAILED", 0, 1, 0),  # one fen came for it, which waits for somebody to look at
    "BH202603151012": ("SUCCEEDED", 2600, 2600, 0),
} | {f"BH2026031510{number:02d}": ("PENDING", 0, 0, 0) for number in (4, 5, 6, 7, 8, 9, 13, 14, 15)}
