from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from billing.gateways.base import ReportStatus
from billing.models import Allocation, LedgerEntry, Payment, PaymentState, Receipt, Refund, ReviewReason
from billing.services.payments import payments
from billing.services.payments.payments import Applied
from billing.services.refunds import refunds
from core.db import violated
from core.models import OutboxRow
from core.statemachine import IllegalTransition
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def test_a_paid_payment_settles_its_bill_and_is_in_the_ledger() -> None:
    account = build.account()
    bill = build.bill(account)
    payment = build.payment(account, first=bill)
    assert build.apply(payment, build.report(payment)) is Applied.BOOKED
    payment.refresh_from_db()
    bill.refresh_from_db()
    receipt = Receipt.objects.get()
    assert (payment.state, payment.succeeded_at) == (PaymentState.SUCCEEDED, NOON)
    assert (bill.paid_cents, bill.open_cents) == (2600, 0)
    assert (receipt.amount_cents, receipt.allocated_cents, receipt.unallocated_cents) == (2600, 2600, 0)
    assert receipt.number.startswith("R20261118")
    assert list(LedgerEntry.objects.order_by("id").values_list("kind", "amount_cents")) == [
        ("BILL", -2600),
        ("RECEIPT", 2600),
    ]
    assert build.balance(account) == 0
    assert list(payment.history.order_by("id").values_list("from_state", "to_state")) == [
        ("", "CREATED"),
        ("CREATED", "PENDING"),
        ("PENDING", "SUCCEEDED"),
    ]
    assert set(OutboxRow.objects.values_list("consumer", flat=True)) == {
        "arrears.paid",
        "billing.finish_slip",
        "billing.tell_payer",
    }
    assert build.books_are_right()


def test_a_second_report_changes_nothing() -> None:
    account = build.account()
    build.bill(account)
    payment = build.payment(account)
    build.apply(payment, build.report(payment))
    assert build.apply(payment, build.report(payment)) is Applied.ALREADY_DONE
    assert (Receipt.objects.count(), Allocation.objects.count(), OutboxRow.objects.count()) == (1, 1, 3)
    assert build.balance(account) == 0


def test_part_payment_leaves_the_rest_open() -> None:
    account = build.account()
    older, newer = build.bill(account, 2600), build.bill(account, 1000)
    payment = build.payment(account, 3000)
    build.apply(payment, build.report(payment))
    older.refresh_from_db()
    newer.refresh_from_db()
    assert (older.open_cents, newer.open_cents) == (0, 600)
    assert build.balance(account) == -600


def test_overpayment_becomes_credit() -> None:
    account = build.account()
    build.bill(account)
    payment = build.payment(account, 5000)
    build.apply(payment, build.report(payment))
    assert Receipt.objects.get().unallocated_cents == 2400
    assert build.balance(account) == 2400
    assert build.books_are_right()


def test_a_second_trade_for_one_payment_is_credit_for_review() -> None:
    account = build.account()
    bill = build.bill(account)
    build.bill(account)
    payment = build.payment(account, first=bill)
    build.apply(payment, build.report(payment))
    assert build.apply(payment, build.report(payment, trade_no="ANOTHER")) is Applied.BOOKED
    extra = Receipt.objects.get(trade_no="ANOTHER")
    assert (extra.review_reason, extra.allocated_cents, extra.unallocated_cents) == (
        ReviewReason.DUPLICATE,
        0,
        2600,
    )
    assert build.balance(account) == 0  # one bill still open, and as much credit
    assert build.books_are_right()


def test_money_after_closing_is_booked_for_review() -> None:
    account = build.account()
    bill = build.bill(account)
    payment = build.payment(account)
    build.apply(payment, build.report(payment, status=ReportStatus.CLOSED))
    payment.refresh_from_db()
    assert payment.state == PaymentState.EXPIRED
    assert build.apply(payment, build.report(payment)) is Applied.BOOKED
    payment.refresh_from_db()
    bill.refresh_from_db()
    assert (payment.state, bill.paid_cents) == (PaymentState.EXPIRED, 0)
    assert Receipt.objects.get().review_reason == ReviewReason.LATE
    assert build.books_are_right()


def test_another_amount_is_refused_and_nothing_is_booked() -> None:
    account = build.account()
    payment = build.payment(account)
    with pytest.raises(payments.ReportMismatch):
        build.apply(payment, build.report(payment, amount_cents=2601))
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    assert not Receipt.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_refund_reports_in_any_order_book_the_same(order: tuple[int, ...]) -> None:
    account = build.account()
    bill = build.bill(account)
    payment = build.payment(account)
    given = [
        build.report(payment),
        build.report(payment, refunded=1000),
        build.report(payment, refunded=1500),
    ]
    for index in order:
        build.apply(payment, given[index])
    receipt = Receipt.objects.get()
    bill.refresh_from_db()
    assert (receipt.refunded_cents, receipt.allocated_cents, receipt.unallocated_cents) == (1500, 2600, -1500)
    assert bill.paid_cents == 2600  # whether the fee is owed again is a person's decision
    assert build.balance(account) == -1500
    assert build.books_are_right()


def test_the_same_request_number_with_a_larger_total_is_a_second_refund() -> None:
    account = build.account()
    payment = build.payment(account)
    build.apply(payment, build.report(payment, refunded=1000))
    later = build.report(payment, refunded=1000)
    build.apply(payment, build.report(payment, refunds=later.refunds, total_refunded_cents=1200))
    assert list(Refund.objects.order_by("id").values_list("request_no", "amount_cents")) == [
        ("RF1000", 1000),
        ("RF1000#1200", 200),
    ]


def test_a_refund_above_the_receipt_is_refused() -> None:
    account = build.account()
    payment = build.payment(account)
    build.apply(payment, build.report(payment))
    with pytest.raises(refunds.RefundAboveReceipt):
        build.apply(payment, build.report(payment, refunded=2601))
    assert not Refund.objects.exists()
    assert build.balance(account) == 2600


def test_starting_the_same_payment_again_continues_it() -> None:
    account = build.account()
    first = build.payment(account)
    assert build.payment(account).pk == first.pk
    assert Payment.objects.count() == 1


def test_another_payment_meanwhile_is_refused() -> None:
    account = build.account()
    first = build.payment(account)
    with pytest.raises(payments.PaymentInProgress) as refusal:
        build.payment(account, 100)
    assert refusal.value.params == {"reference": first.reference}
    assert Payment.objects.count() == 1


def test_an_unknown_payment_forbids_a_second_try() -> None:
    account = build.account()
    first = build.payment(account)
    payments.gateway_silent(payment_id=first.pk, as_of=NOON, actor=build.ACTOR, reason="timed out")
    with pytest.raises(payments.PaymentInProgress):
        build.payment(account)
    assert Payment.objects.count() == 1


def test_an_unknown_payment_becomes_what_a_report_says() -> None:
    account = build.account()
    payment = build.payment(account)
    payments.gateway_silent(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="timed out")
    assert build.apply(payment, build.report(payment, status=ReportStatus.WAITING)) is Applied.MOVED
    assert build.apply(payment, build.report(payment)) is Applied.BOOKED
    payment.refresh_from_db()
    assert payment.state == PaymentState.SUCCEEDED


@pytest.mark.parametrize("cents", [0, -1, payments.MAX_CENTS + 1])
def test_amounts_out_of_range_are_refused(cents: int) -> None:
    account = build.account()
    with pytest.raises(payments.AmountOutOfRange):
        build.payment(account, cents)
    assert not Payment.objects.exists()


def test_a_step_outside_the_table_is_refused_by_service_and_database() -> None:
    account = build.account()
    payment = build.payment(account)
    build.apply(payment, build.report(payment))
    payment.refresh_from_db()
    with pytest.raises(IllegalTransition):
        payments.move(payment, PaymentState.PENDING, as_of=NOON, actor=build.ACTOR, reason="")
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(state=PaymentState.PENDING, succeeded_at=None)
    assert violated(refused.value) == "payment_transitions"
    payment.refresh_from_db()
    assert payment.state == PaymentState.SUCCEEDED


def test_the_amount_of_a_payment_never_changes() -> None:
    payment = build.payment(build.account())
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(amount_cents=1)
    assert violated(refused.value) == "payment_fixed"


def test_one_trade_number_is_one_receipt_even_in_raw_writes() -> None:
    account = build.account()
    payment = build.payment(account)
    build.apply(payment, build.report(payment))
    row = Receipt.objects.get()
    row.pk, row.number = None, "R2"
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save(force_insert=True)
    assert violated(refused.value) == "receipt_trade_once"


def test_applying_takes_at_most_twelve_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    account = build.account()
    bill = build.bill(account)
    for _ in range(5):
        build.bill(account)
    payment = build.payment(account, 15_600, first=bill)
    with django_assert_max_num_queries(12):
        build.apply(payment, build.report(payment))
    assert Allocation.objects.count() == 6


def test_an_expired_payment_does_not_stand_in_the_way() -> None:
    account = build.account()
    first = build.payment(account)
    with pytest.raises(payments.PaymentInProgress):
        build.payment(account, as_of=NOON + timedelta(hours=1))
    payments.closed(payment_id=first.pk, as_of=NOON, actor=build.ACTOR, reason="closed")
    assert build.payment(account).pk != first.pk
