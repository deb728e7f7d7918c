"""What customers see of their refunds, and what others do not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import refund_handlers
from billing.gateways.base import RefundStatus
from billing.models import Receipt, RefundRequest, RefundState
from billing.services.payments import payments
from billing.services.refunds import refunds
from core import clock, outbox
from notices.models import Message
from operations.models import Slip, SlipState
from tests.billing import build
from tests.billing.refunds_build import (
    ACTOR,
    MINUTE,
    Till,
    approved,
    asked,
    credit,
    now,
    open_till,
    steps,
    sums,
    work,
)
from tests.concurrency.races import slip_under_way
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def client(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def receipt(alice: User) -> Receipt:
    return credit(30_000, owner=alice)


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return str(answer.content.decode())


def page(client: Client, row: RefundRequest) -> str:
    return text(client.get(reverse("billing:refund", args=[row.number])))


def test_the_page_tells_each_step_until_the_money_is_there(
    client: Client, alice: User, receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = open_till(monkeypatch, Till(paid=30_000))
    row = asked(receipt, 25_000, user=alice)
    shown = page(client, row)
    for words in (
        row.number,
        "¥250.00",
        "退款申请已提交",
        "撤回申请",
        "最迟退款日",
        "2026年12月3日",
        "原路退回",
        "支付宝",
    ):
        assert words in shown
    refunds.approve(request_id=row.pk, actor=ACTOR, as_of=NOON)
    assert "正在退款" in (shown := page(client, row))
    assert "撤回申请" not in shown
    till.says[row.number] = RefundStatus.PENDING
    work()
    assert "支付渠道已受理，钱还没有退到" in page(client, row)
    till.says.clear()
    work(NOON + MINUTE)
    shown = page(client, row)
    for words in ("已退款", "提交退款申请", "批准退款", "支付渠道受理", "退款完成"):
        assert words in shown
    assert "最迟退款日" not in shown


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (RefundState.REJECTED, "没有获得批准"),
        (RefundState.CANCELLED, "已撤回"),
        (RefundState.FAILED, "没有退成"),
        (RefundState.ABNORMAL, "需要人工处理"),
    ],
)
def test_how_it_can_go_otherwise(
    client: Client, receipt: Receipt, end: RefundState, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = open_till(monkeypatch, Till(paid=30_000))
    row = asked(receipt, 1000)
    if end == RefundState.REJECTED:
        refunds.reject(request_id=row.pk, actor=ACTOR, reason="内部说明不给客户看", as_of=NOON)
    elif end == RefundState.CANCELLED:
        refunds.cancel(request_id=row.pk, actor=ACTOR, as_of=NOON)
    else:
        refunds.approve(request_id=row.pk, actor=ACTOR, as_of=NOON)
        till.says[row.number] = RefundStatus.FAILED if end == RefundState.FAILED else RefundStatus.ABNORMAL
        work()
    assert now(row).state == end
    shown = page(client, row)
    assert words in shown
    assert "内部说明" not in shown
    assert row.reason not in shown  # staff's words are theirs


def test_one_by_hand_says_so(client: Client, receipt: Receipt) -> None:
    row = approved(receipt, 1000, by_hand=True)
    shown = page(client, row)
    assert "人工退款" in shown
    assert "不能原路退回" in shown
    refunds.paid_by_hand(request_id=row.pk, evidence="BANK-77", actor=ACTOR, as_of=NOON)
    assert "已由工作人员转账或付给您" in page(client, row)


def test_a_late_one_is_owned_up_to(client: Client, receipt: Receipt) -> None:
    row = approved(receipt, 1000)
    with clock.stopped(NOON + timedelta(days=15)):
        assert "已超过应退日期" not in page(client, row)
    with clock.stopped(NOON + timedelta(days=16)):
        assert "已超过应退日期" in page(client, row)


def test_list_and_receipt_lead_to_it(client: Client, receipt: Receipt) -> None:
    assert "还没有退款" in text(client.get("/refunds/"))
    row = approved(receipt, 1000)
    address = reverse("billing:refund", args=[row.number])
    assert address in text(client.get("/refunds/"))
    shown = text(client.get(reverse("billing:receipt", args=[receipt.number])))
    assert address in shown
    assert "¥10.00 正在退款" in shown
    assert "/refunds/" in text(client.get("/receipts/"))


def test_the_list_costs_the_same_however_long(
    client: Client, receipt: Receipt, django_assert_num_queries: Any
) -> None:
    asked(receipt, 1)
    client.get("/refunds/")
    with django_assert_num_queries(5):
        client.get("/refunds/")
    for _ in range(10):
        asked(receipt, 1)
    with django_assert_num_queries(5):
        client.get("/refunds/")


def test_who_asked_takes_it_back(client: Client, alice: User, receipt: Receipt) -> None:
    row = asked(receipt, 25_000, user=alice)
    address = reverse("billing:refund_cancel", args=[row.number])
    assert client.get(address).status_code == 405
    assert "已撤回" in text(client.post(address, follow=True))
    assert now(row).state == RefundState.CANCELLED
    assert sums(receipt) == (0, 0, 30_000)
    assert "不能撤回" in text(client.post(address, follow=True))
    assert steps(row) == ["REQUESTED", "CANCELLED"]


def test_what_staff_asked_for_is_not_the_customers_to_take_back(client: Client, receipt: Receipt) -> None:
    row = asked(receipt)
    assert "撤回申请" not in page(client, row)
    assert client.post(reverse("billing:refund_cancel", args=[row.number])).status_code == 403
    assert now(row).state == RefundState.REQUESTED


def test_bob_gets_404_and_nothing_changes(alice: User, receipt: Receipt) -> None:
    row = asked(receipt, 25_000, user=alice)
    bob = Client()
    bob.force_login(build.user())
    assert bob.get(reverse("billing:refund", args=[row.number])).status_code == 404
    assert bob.post(reverse("billing:refund_cancel", args=[row.number])).status_code == 404
    assert row.number not in text(bob.get("/refunds/"))
    assert now(row).state == RefundState.REQUESTED
    visitor = Client().get(reverse("billing:refund", args=[row.number]))
    assert visitor["Location"].startswith("/account/login/")


def test_who_paid_for_somebody_else_sees_his_own_refund(alice: User) -> None:
    payer = build.user()
    account = build.account(alice)
    started = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=payer.pk,
        as_of=NOON,
        actor=ACTOR,
    )
    build.apply(started, build.report(started))
    row = approved(Receipt.objects.get(payment=started))
    client = Client()
    client.force_login(payer)
    assert row.number in page(client, row)
    assert text(client.get("/refunds/")).count(row.number) == 1
    assert client.post(reverse("billing:refund_cancel", args=[row.number])).status_code == 403


def spread_the_news() -> None:
    """Carries out what the end of a refund has set off."""
    while outbox.dispatch(as_of=build.LATER):
        pass


@pytest.mark.parametrize(
    ("end", "code", "slip_state"),
    [
        ("SUCCEEDED", "refund_succeeded", SlipState.DONE),
        ("FAILED", "refund_failed", SlipState.FAILED),
        ("REJECTED", "refund_rejected", SlipState.FAILED),
        ("CANCELLED", None, SlipState.CANCELLED),
    ],
)
def test_the_customer_is_told_how_it_ended(
    alice: User, receipt: Receipt, end: str, code: str | None, slip_state: SlipState
) -> None:
    row = asked(receipt, 25_000, user=alice)
    assert receipt.payment is not None
    slip = slip_under_way(receipt.payment, alice)
    Slip.objects.filter(pk=slip.pk).update(subject_kind=refund_handlers.SUBJECT, subject_id=row.number)
    if end in ("REJECTED", "CANCELLED"):
        call = refunds.reject if end == "REJECTED" else refunds.cancel
        call(request_id=row.pk, actor=ACTOR, reason="", as_of=NOON)
    else:
        refunds.approve(request_id=row.pk, actor=ACTOR, as_of=NOON)
        if end == "SUCCEEDED":
            refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
        else:
            refunds.give_up(request_id=row.pk, reason="无法退款", actor=ACTOR, as_of=NOON)
    spread_the_news()
    sent = Message.objects.filter(dedupe_key__endswith=f":{row.number}")
    assert [each.code for each in sent] == ([code] if code else [])
    for message in sent:
        [delivery] = message.deliveries.all()
        assert delivery.address == alice.phone
        assert "¥250.00" in delivery.body
        assert row.number in delivery.body
    slip.refresh_from_db()
    assert slip.state == slip_state
