"""The intake of callbacks over HTTP, and the worker's step."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.models import CallbackState, GatewayCallback, Payment, PaymentState, Receipt
from billing.services.payments import callbacks, intake, reports
from core.models import AuditRow
from tests.billing import build
from tests.conftest import NOON
from tests.gateways import keys

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
URL = "/payments/callbacks/alipay/"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def notice(payment: Payment, **changes: str | None) -> bytes:
    fields = {"out_trade_no": payment.reference, "trade_no": f"T{payment.reference}", **changes}
    return keys.signed(keys.notice(**fields))


def post(body: bytes, *, url: str = URL, client: Client | None = None) -> Any:
    return (client or Client(enforce_csrf_checks=True)).post(url, body, content_type=FORM)


def stored_with(payment: Payment, **changes: Any) -> GatewayCallback:
    """A stored callback whose report says something else than was verified: what a bug would leave behind."""
    report = reports.dump(build.report(payment)) | changes
    return GatewayCallback.objects.create(
        gateway="alipay",
        reference=payment.reference,
        payment=payment,
        report=report,
        verdict=intake.OK,
        body=b"",
        received_at=NOON,
        next_attempt_at=NOON,
    )


def test_strangers_cannot_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "STRANGERS_AN_HOUR", 3)
    payment = build.payment(build.account())
    for _ in range(5):
        assert post(b"a=1").content == b"failure"
    assert GatewayCallback.objects.count() == 3
    assert post(notice(payment)).content == b"success"  # the gateway's own are always kept
    assert post(notice(payment, total_amount="26.01")).content == b"failure"
    assert GatewayCallback.objects.count() == 5


@pytest.mark.parametrize("url", [URL, URL.rstrip("/")])
def test_a_genuine_notice_is_stored_answered_and_applied(url: str) -> None:
    payment = build.payment(build.account())
    answer = post(notice(payment), url=url)
    assert (answer.status_code, answer.content) == (200, b"success")
    stored = GatewayCallback.objects.get()
    assert (stored.state, stored.verdict, stored.payment_id) == (CallbackState.NEW, "OK", payment.pk)
    assert bytes(stored.body) == notice(payment)
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING  # the worker decides, not the web
    assert build.work_off_callbacks() == 1
    payment.refresh_from_db()
    stored.refresh_from_db()
    assert (payment.state, stored.state) == (PaymentState.SUCCEEDED, CallbackState.APPLIED)
    assert build.books_are_right()


def test_the_same_notice_again_is_accepted_and_changes_nothing() -> None:
    account = build.account()
    payment = build.payment(account)
    for _ in range(3):
        assert post(notice(payment)).content == b"success"
        build.work_off_callbacks()
    assert Receipt.objects.count() == 1
    assert build.balance(account) == 2600


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"app_id": "9021000000000099"}, "WRONG_APP"),
        ({"seller_id": "2088000000000099"}, "WRONG_SELLER"),
    ],
)
def test_what_is_not_ours_is_refused_and_kept(changes: dict[str, str], verdict: str) -> None:
    payment = build.payment(build.account())
    answer = post(notice(payment, **changes))
    assert (answer.status_code, answer.content) == (200, b"failure")
    stored = GatewayCallback.objects.get()
    assert (stored.state, stored.verdict) == (CallbackState.REJECTED, verdict)
    assert build.work_off_callbacks() == 0
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    assert not Receipt.objects.exists()


def test_a_forged_notice_is_refused() -> None:
    payment = build.payment(build.account())
    forged = keys.signed(keys.notice(out_trade_no=payment.reference), by=keys.STRANGER)
    assert post(forged).content == b"failure"
    assert GatewayCallback.objects.get().verdict == "BAD_SIGNATURE"
    assert not Receipt.objects.exists()


def test_a_notice_for_a_payment_of_another_gateway_is_refused() -> None:
    payment = build.payment(build.account())
    other = Payment.objects.create(
        reference="HP20261118X1",
        account=payment.account,
        gateway="wechatpay",
        amount_cents=2600,
        created_at=NOON,
        expires_at=NOON,
        next_query_at=NOON,
    )
    assert post(notice(other)).content == b"failure"
    assert GatewayCallback.objects.get().verdict == intake.WRONG_GATEWAY


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"a=1&a=2", b"sign=&sign_type=RSA2", b"%zz=%", b"{}"])
def test_garbage_is_refused_without_a_crash(body: bytes) -> None:
    answer = post(body)
    assert (answer.status_code, answer.content) == (200, b"failure")
    assert GatewayCallback.objects.get().state == CallbackState.REJECTED


def test_too_much_is_not_even_read() -> None:
    answer = post(b"a" * (intake.MAX_BODY + 1))
    assert answer.status_code == 413
    assert not GatewayCallback.objects.exists()


def test_little_is_kept_of_what_anybody_may_send() -> None:
    post(b"x=" + b"a" * 60_000)
    assert len(bytes(GatewayCallback.objects.get().body)) == intake.MOST_KEPT_OF_STRANGERS
    payment = build.payment(build.account())
    signed = notice(payment, body="长" * 5_000)
    assert post(signed).content == b"success"
    assert bytes(GatewayCallback.objects.get(verdict="OK").body) == signed


def test_only_post_and_only_known_gateways() -> None:
    assert Client().get(URL).status_code == 405
    assert post(b"a=1", url="/payments/callbacks/nobody/").status_code == 404
    assert not GatewayCallback.objects.exists()


def test_intake_takes_one_statement_and_no_session() -> None:
    payment = build.payment(build.account())
    with CaptureQueriesContext(connection) as queries:
        answer = post(notice(payment))
    assert len(queries) == 1, [query["sql"] for query in queries]
    assert "Set-Cookie" not in answer.headers


def test_with_the_broker_away_the_answer_stays_success(settings: Settings) -> None:
    from core import pokes

    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    pokes.broker.cache_clear()
    try:
        payment = build.payment(build.account())
        assert post(notice(payment)).content == b"success"
    finally:
        pokes.broker.cache_clear()
    assert build.work_off_callbacks() == 1  # the sweeper's step


def test_a_callback_that_the_books_refuse_is_given_up_and_can_be_tried_again() -> None:
    stored = stored_with(build.payment(build.account()), total_refunded_cents=2601)
    build.work_off_callbacks()
    stored.refresh_from_db()
    assert (stored.state, stored.error) == (CallbackState.DEAD, "REFUND_ABOVE_RECEIPT")
    callbacks.retry(callback_id=stored.pk, actor=build.ACTOR, reason="报文已核对", as_of=NOON)
    stored.refresh_from_db()
    assert (stored.state, stored.attempts) == (CallbackState.NEW, 0)
    assert AuditRow.objects.get().reason == "报文已核对"
    with pytest.raises(callbacks.NotStuck):
        callbacks.retry(callback_id=stored.pk, actor=build.ACTOR, reason="again", as_of=NOON)


def test_a_failing_row_does_not_stop_the_others() -> None:
    first, second = build.payment(build.account()), build.payment(build.account())
    broken = stored_with(first, status="NO_STATUS")
    post(notice(second))
    for callback in callbacks.claim(as_of=build.LATER):
        callbacks.apply_claimed(callback, as_of=build.LATER)
    broken.refresh_from_db()
    second.refresh_from_db()
    assert (broken.state, broken.attempts, broken.error) == (CallbackState.NEW, 1, "ValueError")
    assert second.state == PaymentState.SUCCEEDED


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"x"},
        {"verdict": "OK!"},
        {"reference": "x"},
        {"report": {}},
        {"payment": None},
        {"address": "127.0.0.9"},
        {"state": CallbackState.NEW},
    ],
)
def test_what_was_received_is_never_changed_or_deleted(change: dict[str, Any]) -> None:
    post(notice(build.payment(build.account())))
    build.work_off_callbacks()
    with pytest.raises(IntegrityError), transaction.atomic():
        GatewayCallback.objects.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        GatewayCallback.objects.all().delete()


def test_the_stored_report_is_the_report_that_was_verified(tmp_path: Path) -> None:
    from billing.gateways import registry

    payment = build.payment(build.account())
    body = notice(payment, refund_fee="1.00", gmt_refund="2026-03-16 09:00:00.143", out_biz_no="RF1")
    report = registry.get("alipay").parse_callback({}, body)
    assert reports.load(json.loads(json.dumps(reports.dump(report)))) == report
