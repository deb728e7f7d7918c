"""The signed messages of the public selftest: replies, credits, and the same end in every order."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum
from django.test import Client
from pytest_django import Settings

from billing.models import Bill, Payment, PaymentState, Receipt
from core import money
from tests.billing import build
from tests.gateways import keys
from tests.shared_data import require

URL = "/payments/callbacks/alipay/"
Case = dict[str, Any]


@pytest.fixture
def manifest(settings: Settings, tmp_path: Path) -> Path:
    path = require("payments/signed-selftest/manifest.json")
    config = json.loads(path.read_text(encoding="utf-8"))["config"]["alipay"]
    private = tmp_path / "app.pem"
    private.write_text(keys.MERCHANT.private_pem)
    settings.ALIPAY_APP_ID = config["app_id"]
    settings.ALIPAY_SELLER_ID = config["seller_id"]
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = str(private)
    settings.ALIPAY_PUBLIC_KEY_FILE = str(path.parent / config["alipay_public_key"])
    settings.ALIPAY_GATEWAY_URL = "http://127.0.0.1:9/"
    call_command("payment_fixture", str(path))
    return path


def cases(manifest: Path) -> list[Case]:
    everything = json.loads(manifest.read_text(encoding="utf-8"))["cases"]
    return [case for case in everything if case["channel"] == "alipay"]


def send(manifest: Path, case: Case) -> bytes:
    body = (manifest.parent / case["file"]).read_bytes()
    return bytes(Client().post(URL, body, content_type="application/x-www-form-urlencoded").content)


def credited(reference: str) -> int:
    paid: int = Bill.objects.get(source_number=reference).paid_cents
    return paid


def refunded(reference: str) -> int:
    total = Receipt.objects.filter(payment__reference=reference).aggregate(total=Sum("refunded_cents"))[
        "total"
    ]
    return total or 0


def end_state() -> dict[str, tuple[str, int, int, int]]:
    """Per order: payment state, credited to the bill, received in all, given back in all."""
    state = {}
    for payment in Payment.objects.filter(gateway="alipay"):
        received = Receipt.objects.filter(payment=payment).aggregate(total=Sum("amount_cents"))["total"] or 0
        state[payment.reference] = (
            payment.state,
            credited(payment.reference),
            received,
            refunded(payment.reference),
        )
    return state


@pytest.mark.django_db
def test_each_case_gives_the_stated_reply_and_credit(manifest: Path) -> None:
    for case in cases(manifest):
        order = case["order"]
        before = (credited(order["out_trade_no"]), refunded(order["out_trade_no"])) if order else (0, 0)
        reply = send(manifest, case)
        assert reply == (b"success" if case["expect"]["reply"] == "accept" else b"failure"), case["file"]
        build.work_off_callbacks()
        if order is None:
            continue
        expected = money.parse_yuan(case["expect"]["credited_yuan"].split()[0])
        assert credited(order["out_trade_no"]) - before[0] == expected, case["file"]
        given_back = money.parse_yuan(case["expect"].get("refunded_yuan", "0"))
        assert refunded(order["out_trade_no"]) - before[1] == given_back, case["file"]
        if case["expect"].get("state_after") == "closed":
            assert Payment.objects.get(reference=order["out_trade_no"]).state == PaymentState.EXPIRED
        if case["expect"].get("state_after") == "unpaid":
            assert Payment.objects.get(reference=order["out_trade_no"]).state == PaymentState.PENDING
    second = Receipt.objects.get(trade_no="2026031522001400000000009916")
    assert (second.amount_cents, second.allocated_cents, second.review_reason) == (2600, 0, "DUPLICATE")
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
    assert Receipt.objects.filter(review_reason="UNKNOWN_ORDER").count() == 1
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
    assert Receipt.objects.filter(review_reason="UNKNOWN_ORDER").count() == 1
    assert build.books_are_right()


EXPECTED_END = {
    "BH202603150001": ("SUCCEEDED", 2600, 5200, 1000),  # paid twice, ten yuan given back
    "BH202603150003": ("FAILED", 0, 1, 0),  # one fen for an order of 26 yuan: visible, settles nothing
    "BH202603150004": ("PENDING", 0, 0, 0),
    "BH202603150005": ("PENDING", 0, 0, 0),
    "BH202603150007": ("PENDING", 0, 0, 0),
    "BH202603150008": ("PENDING", 0, 0, 0),
    "BH202603150009": ("PENDING", 0, 0, 0),
    "BH202603150011": ("EXPIRED", 0, 0, 0),
    "BH202603150013": ("SUCCEEDED", 2600, 2600, 2600),
    "BH202603150014": ("SUCCEEDED", 2600, 2600, 0),
    "BH202603150015": ("SUCCEEDED", 2600, 2600, 0),
    "BH202603150017": ("PENDING", 0, 0, 0),
}


@pytest.mark.django_db
def test_the_fixture_twice_changes_nothing(manifest: Path) -> None:
    before = end_state()
    call_command("payment_fixture", str(manifest))
    assert end_state() == before
    assert set(before) == set(EXPECTED_END)


@pytest.mark.django_db
def test_fixtures_are_refused_outside_test_settings(manifest: Path, settings: Settings) -> None:
    settings.ALLOW_PAYMENT_FIXTURES = False
    with pytest.raises(CommandError, match="test settings"):
        call_command("payment_fixture", str(manifest))


def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "m.json"
    wrong.write_text('{"cases": [{}]}')
    with pytest.raises(CommandError, match="not a manifest"):
        call_command("payment_fixture", str(wrong))
