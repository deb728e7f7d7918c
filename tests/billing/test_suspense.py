"""Money that a gateway took, but not for a payment of ours as we know it: booked once, visible, explained."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, Customer, Membership
from accounts.selectors import accounts
from accounts.services.accounts import BadAccountNumber, clean_number
from billing.gateways.base import Report, ReportStatus
from billing.models import (
    AccountBalance,
    CallbackState,
    GatewayCallback,
    LedgerEntry,
    Payment,
    PaymentHistory,
    PaymentState,
    Receipt,
    Refund,
)
from billing.selectors import balances, unallocated
from billing.services.money import reviews, suspense
from billing.services.payments import callbacks, intake, payments
from billing.services.payments.payments import Applied
from core.db import violated
from core.models import OutboxRow
from tests.billing import build
from tests.billing.test_callbacks import notice, post
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
UNKNOWN = "HP20260101999999"


def unknown(**changes: Any) -> Report:
    """A verified report of money for an order that is not ours."""
    base = build.report(build.payment(build.account()))
    return replace(base, **{"reference": UNKNOWN, "trade_no": "T-unknown", **changes})


def apply(report: Report, **more: Any) -> Applied:
    return suspense.apply(report=report, as_of=NOON, actor=build.ACTOR, **more)


def state(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.state


def test_money_for_an_unknown_order_is_refused_and_waits_in_suspense() -> None:
    payment = build.payment(build.account())
    answer = post(notice(payment, out_trade_no=UNKNOWN))
    assert (answer.status_code, answer.content) == (200, b"failure")
    stored = GatewayCallback.objects.get()
    assert (stored.state, stored.verdict, stored.payment) == (CallbackState.NEW, "UNKNOWN_REFERENCE", None)

    assert build.work_off_callbacks() == 1

    stored.refresh_from_db()
    assert stored.state == CallbackState.APPLIED
    receipt = Receipt.objects.get()
    assert (receipt.amount_cents, receipt.allocated_cents, receipt.payment) == (2600, 0, None)
    assert (receipt.review_reason, receipt.reviewed_at) == ("UNKNOWN_ORDER", None)
    assert (receipt.account.number, receipt.account.purpose) == ("SUSPENSE:alipay", "SUSPENSE")
    assert AccountBalance.objects.get(account=receipt.account).balance_cents == 2600
    assert state(payment) == PaymentState.PENDING
    assert build.books_are_right()


def test_the_gateway_may_tell_it_as_often_as_it_likes() -> None:
    payment = build.payment(build.account())
    for _ in range(5):
        assert post(notice(payment, out_trade_no=UNKNOWN)).content == b"failure"
        build.work_off_callbacks()
    assert Receipt.objects.count() == LedgerEntry.objects.count() == 1
    assert GatewayCallback.objects.filter(state=CallbackState.APPLIED).count() == 5


def test_a_second_trade_for_the_same_unknown_order_is_money_too() -> None:
    apply(unknown())
    apply(unknown(trade_no="T-second"))
    assert Receipt.objects.filter(account__number="SUSPENSE:alipay").count() == 2


def test_another_amount_than_asked_for_is_visible_and_ends_the_payment() -> None:
    account = build.account()
    bill = build.bill(account)
    payment = build.payment(account, first=bill)
    answer = post(notice(payment, total_amount="26.01"))
    assert (answer.status_code, answer.content) == (200, b"failure")
    stored = GatewayCallback.objects.get()
    assert (stored.state, stored.verdict, stored.payment) == (CallbackState.NEW, "WRONG_AMOUNT", payment)

    build.work_off_callbacks()

    receipt = Receipt.objects.get()
    assert (receipt.account, receipt.payment, receipt.amount_cents) == (account, payment, 2601)
    assert (receipt.allocated_cents, receipt.review_reason) == (0, "AMOUNT")
    bill.refresh_from_db()
    assert bill.paid_cents == 0
    assert state(payment) == PaymentState.FAILED
    assert PaymentHistory.objects.latest("id").reason == f"trade T{payment.reference}: 26.01"
    assert OutboxRow.objects.filter(event="billing.payment_ended").exists()  # the slip hears of it
    assert build.payment(account, 2600).pk != payment.pk  # he may try again
    assert build.books_are_right()


def test_another_amount_told_again_changes_nothing() -> None:
    payment = build.payment(build.account())
    told = build.report(payment, amount_cents=2601)
    assert apply(told, payment_id=payment.pk) is Applied.BOOKED
    steps = PaymentHistory.objects.count()
    assert apply(told, payment_id=payment.pk) is Applied.ALREADY_DONE
    assert apply(told) is Applied.ALREADY_DONE
    assert (Receipt.objects.count(), PaymentHistory.objects.count()) == (1, steps)


def test_another_amount_after_the_payment_was_decided_leaves_it_so() -> None:
    account = build.account()
    paid, closed = build.payment(account), build.payment(build.account())
    build.apply(paid, build.report(paid))
    payments.closed(payment_id=closed.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    for payment in (paid, closed):
        before = state(payment)
        apply(build.report(payment, amount_cents=1, trade_no=f"X{payment.pk}"), payment_id=payment.pk)
        assert state(payment) == before
    assert Receipt.objects.filter(review_reason="AMOUNT").count() == 2
    assert build.books_are_right()


def test_an_order_of_another_gateway_is_unknown_at_this_one() -> None:
    payment = build.payment(build.account())
    report = build.report(payment, gateway="wechatpay")
    assert apply(report) is Applied.BOOKED
    assert Receipt.objects.get().account.number == "SUSPENSE:wechatpay"
    assert state(payment) == PaymentState.PENDING


def test_each_gateway_has_one_suspense_account() -> None:
    first = suspense.account_of("alipay", as_of=NOON)
    assert suspense.account_of("alipay", as_of=NOON) == first
    assert suspense.account_of("wechatpay", as_of=NOON) != first
    assert Customer.objects.filter(number="SUSPENSE:").count() == 1


def test_a_payment_that_is_there_when_the_worker_looks_gets_its_money() -> None:
    account = build.account()
    bill = build.bill(account)
    other = build.payment(build.account())
    post(notice(other, out_trade_no="HP20261118LATE1", trade_no="T1"))
    late = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=None,
        reference="HP20261118LATE1",
        as_of=NOON,
        actor=build.ACTOR,
    )

    build.work_off_callbacks()

    assert state(late) == PaymentState.SUCCEEDED
    bill.refresh_from_db()
    assert bill.open_cents == 0
    assert not BillingAccount.every.filter(purpose="SUSPENSE").exists()


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_CLOSED"])
def test_what_is_no_money_stays_refused(status: str) -> None:
    payment = build.payment(build.account())
    for changes in ({"out_trade_no": UNKNOWN}, {"total_amount": "26.01"}):
        body = notice(payment, trade_status=status, gmt_payment=None, **changes)
        assert post(body).content == b"failure"
    assert set(GatewayCallback.objects.values_list("state", flat=True)) == {CallbackState.REJECTED}
    assert build.work_off_callbacks() == 0
    assert not Receipt.objects.exists()
    assert state(payment) == PaymentState.PENDING


@pytest.mark.parametrize("status", [ReportStatus.WAITING, ReportStatus.CLOSED])
def test_a_report_without_money_changes_nothing(status: ReportStatus) -> None:
    assert apply(unknown(status=status)) is Applied.ALREADY_DONE
    payment = build.payment(build.account())
    moved = apply(build.report(payment, status=status, amount_cents=1), payment_id=payment.pk)
    assert moved is (Applied.MOVED if status == ReportStatus.CLOSED else Applied.ALREADY_DONE)
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("wrong", [{"amount_cents": 0}, {"trade_no": ""}])
def test_success_without_money_or_trade_is_none(wrong: dict[str, Any]) -> None:
    assert apply(unknown(**wrong)) is Applied.ALREADY_DONE
    payment = build.payment(build.account())
    told = build.report(payment, **{"amount_cents": 0, **wrong})
    assert apply(replace(told, **wrong), payment_id=payment.pk) is Applied.ALREADY_DONE
    assert not Receipt.objects.exists()
    assert state(payment) == PaymentState.PENDING


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_refunds_of_unknown_money_end_the_same_in_any_order(order: tuple[int, ...]) -> None:
    told = unknown()
    messages = [told, *(replace(told, total_refunded_cents=cents) for cents in (1000, 2600))]
    for index in order:
        apply(messages[index])
    receipt = Receipt.objects.get()
    assert (receipt.refunded_cents, receipt.unallocated_cents) == (2600, 0)
    assert sum(Refund.objects.values_list("amount_cents", flat=True)) == 2600
    assert build.books_are_right()


def test_a_refund_of_money_with_another_amount_is_booked() -> None:
    payment = build.payment(build.account())
    told = build.report(payment, amount_cents=5000)
    apply(told, payment_id=payment.pk)
    assert apply(replace(told, total_refunded_cents=5000)) is Applied.REFUNDED
    assert Receipt.objects.get().unallocated_cents == 0
    assert build.books_are_right()


def test_money_that_staff_have_moved_is_not_booked_again() -> None:
    told = unknown()
    apply(told)
    receipt = Receipt.objects.get()
    account = build.account()
    reviews.transfer(
        receipt_id=receipt.pk,
        cents=2600,
        to_number=account.number,
        reason="核实",
        actor=build.ACTOR,
        as_of=NOON,
    )
    assert apply(told) is Applied.ALREADY_DONE
    assert apply(replace(told, total_refunded_cents=600)) is Applied.REFUNDED
    assert build.balance(account) == 2000
    assert build.books_are_right()


def test_a_dead_callback_of_unknown_money_can_be_tried_again() -> None:
    post(notice(build.payment(build.account()), out_trade_no=UNKNOWN))
    GatewayCallback.objects.update(state=CallbackState.DEAD)
    callbacks.retry(
        callback_id=GatewayCallback.objects.get().pk, actor=build.ACTOR, reason="再试", as_of=NOON
    )
    build.work_off_callbacks()
    assert Receipt.objects.count() == 1


def test_intake_of_unknown_money_takes_one_statement_too() -> None:
    body = notice(build.payment(build.account()), out_trade_no=UNKNOWN)
    with CaptureQueriesContext(connection) as queries:
        post(body)
    assert len(queries) == 1, [query["sql"] for query in queries]
    assert GatewayCallback.objects.get().verdict == intake.UNKNOWN_REFERENCE


def test_no_customer_finds_the_suspense_account() -> None:
    apply(unknown())
    number = "SUSPENSE:alipay"
    assert accounts.by_number(number) is None
    assert not BillingAccount.objects.filter(purpose="SUSPENSE").exists()
    with pytest.raises(BadAccountNumber):
        clean_number(number)
    client, user = Client(), build.user()
    client.force_login(user)
    assert Receipt.objects.get().number not in client.get("/receipts/").content.decode()
    assert balances.overview(user, today=date(2026, 11, 18)) == []


def test_nobody_becomes_a_member_of_the_suspense_account() -> None:
    apply(unknown())
    account = BillingAccount.every.get(purpose="SUSPENSE")
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        Membership.objects.create(user=build.user(), account=account, role="OWNER", created_at=NOON)
    assert violated(refusal.value) == "membership_of_a_customer"


def test_an_account_keeps_its_purpose() -> None:
    account = build.account()
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        BillingAccount.every.filter(pk=account.pk).update(purpose="SUSPENSE", number="SUSPENSE:x")
    assert violated(refusal.value) == "billing_account_purpose_fixed"
    for wrong in ({"number": "SUSPENSE:x"}, {"number": "88", "purpose": "SUSPENSE"}):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            BillingAccount.every.create(customer=account.customer, created_at=NOON, **wrong)
        assert violated(refusal.value) == "billing_account_suspense_by_number"


def test_the_sums_tell_each_class_of_unexplained_money() -> None:
    apply(unknown())  # 26 yuan in suspense
    other = build.payment(build.account())
    apply(build.report(other, amount_cents=100), payment_id=other.pk)  # under review
    rich = build.payment(build.account(), 500)
    build.apply(rich, build.report(rich))  # ordinary credit
    account = build.account()
    build.bill(account)
    refunded = build.payment(account)
    build.apply(refunded, build.report(refunded, refunded=700))  # given back although it settled a bill
    spent = build.payment(build.account(), 900)
    build.apply(spent, build.report(spent, refunded=900))  # comes out even

    found = unallocated.sums()

    assert {name: (each.cents, each.receipts) for name, each in found.items()} == {
        "credit": (500, 1),
        "review": (100, 1),
        "suspense": (2600, 1),
        "missing": (-700, 1),
    }
    assert {each.oldest for each in found.values()} == {NOON}
    samples = {
        (sample.name, sample.labels["class"]): sample.value
        for metric in unallocated.figures(NOON + timedelta(hours=1))
        for sample in metric.samples
    }
    assert samples["hall_unallocated_cents", "missing"] == -700
    assert samples["hall_unallocated_receipts", "review"] == 1
    assert samples["hall_unallocated_oldest_seconds", "suspense"] == 3600
