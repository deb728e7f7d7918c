"""What gateways report of refunds: in any order, any number of times, by either gateway's way of telling."""

from itertools import permutations

import pytest
from django.db import transaction

from billing.gateways.base import RefundStatus, Report
from billing.models import Payment, Receipt, Refund, RefundRequest, RefundState
from billing.services.payments.payments import Applied
from billing.services.refunds import refunds
from tests.billing import build
from tests.billing.refunds_build import (
    ACTOR,
    MINUTE,
    approved,
    asked,
    credit,
    now,
    steps,
    sums,
    told,
    with_status,
)
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def of(receipt: Receipt) -> Payment:
    assert receipt.payment is not None
    return receipt.payment


def sent(receipt: Receipt, cents: int = 1000) -> RefundRequest:
    """An approved one that the gateway may know of."""
    row = approved(receipt, cents)
    RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON)
    return now(row)


def rows(receipt: Receipt) -> list[tuple[str, int]]:
    return list(
        Refund.objects.filter(receipt=receipt).order_by("id").values_list("request_no", "amount_cents")
    )


def test_a_report_that_names_our_request_ends_it_once() -> None:
    receipt = credit()
    row = sent(receipt)
    report = told(of(receipt), (row.number, None), total=1000)
    assert [build.apply(of(receipt), report) for _ in range(2)] == [Applied.REFUNDED, Applied.ALREADY_DONE]
    assert (now(row).state, row.refund and row.refund.request_no) == (RefundState.SUCCEEDED, row.number)
    assert rows(receipt) == [(row.number, 1000)]
    assert sums(receipt) == (1000, 0, 1600)
    assert row.history.get(to_state="SUCCEEDED").actor == "gateway:alipay"
    assert build.books_are_right()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_running_totals_in_any_order_end_alike(order: tuple[int, ...]) -> None:
    """Two requests of ours and the payment itself, told by notices that overtake each other."""
    receipt = credit()
    first, second = sent(receipt, 1000), sent(receipt, 600)
    given = [
        build.report(of(receipt)),
        told(of(receipt), (first.number, None), total=1000),
        told(of(receipt), (second.number, None), total=1600),
    ]
    for index in order:
        build.apply(of(receipt), given[index])
    assert dict(rows(receipt)) == {first.number: 1000, second.number: 600}
    assert (now(first).state, now(second).state) == (RefundState.SUCCEEDED, RefundState.SUCCEEDED)
    assert sums(receipt) == (1600, 0, 1000)
    assert build.books_are_right()


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_refunds_with_their_own_amounts_in_any_order_end_alike(order: tuple[int, ...]) -> None:
    """WeChat's way: the event of a refund may even come before the notice of the payment."""
    payment = build.payment(build.account(), 2600)
    given = [
        build.report(payment),
        told(payment, ("A1", 1000), total=1000),
        told(payment, ("A2", 600), total=600),
        told(payment, ("A1", 1000), total=1000),
    ]
    for index in order:
        build.apply(payment, given[index])
    receipt = Receipt.objects.get()
    assert dict(rows(receipt)) == {"A1": 1000, "A2": 600}
    assert receipt.reported_refunded_cents == 0  # each refund tells its own
    assert sums(receipt) == (1600, 0, 1000)
    assert build.books_are_right()


def now_state(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.state


def test_a_payment_known_by_its_refund_alone_is_booked_from_it() -> None:
    payment = build.payment(build.account(), 2600)
    report = told(payment, ("A1", 1000), total=1000, paid_at=None)
    assert build.apply(payment, report) == Applied.REFUNDED
    receipt = Receipt.objects.get()
    assert receipt.paid_at == report.occurred_at  # not later than this
    assert now_state(payment) == "SUCCEEDED"
    assert sums(receipt) == (1000, 0, 1600)


def test_a_total_that_we_cannot_explain_waits_for_our_own_request() -> None:
    """It may hold our refund: were it booked now, our own would be booked a second time when it ends."""
    receipt = credit()
    row = sent(receipt)
    assert build.apply(of(receipt), told(of(receipt), total=1000)) == Applied.ALREADY_DONE
    assert rows(receipt) == []
    assert receipt_total(receipt) == 1000
    build.apply(of(receipt), told(of(receipt), (row.number, None), total=1000))
    assert rows(receipt) == [(row.number, 1000)]
    assert sums(receipt) == (1000, 0, 1600)


def receipt_total(receipt: Receipt) -> int:
    receipt.refresh_from_db()
    return receipt.reported_refunded_cents


@pytest.mark.parametrize("end", [RefundState.SUCCEEDED, RefundState.FAILED])
def test_what_is_left_of_a_total_is_booked_when_our_own_request_has_ended(end: RefundState) -> None:
    receipt = credit()
    row = sent(receipt)
    build.apply(of(receipt), told(of(receipt), ("CONSOLE1", None), total=1500))
    assert rows(receipt) == []
    status = RefundStatus.SUCCEEDED if end == RefundState.SUCCEEDED else RefundStatus.FAILED
    build.apply(of(receipt), with_status(told(of(receipt), (row.number, 1000), total=0), status))
    assert now(row).state == end
    ours = [(row.number, 1000)] if end == RefundState.SUCCEEDED else []
    assert rows(receipt) == [*ours, ("#1500", 500 if ours else 1500)]
    assert sums(receipt) == (1500, 0, 1100)
    assert build.books_are_right()


def test_a_request_that_was_not_sent_yet_keeps_no_total_waiting() -> None:
    """What the gateway has told by now cannot hold it."""
    receipt = credit()
    row = approved(receipt, 600)
    build.apply(of(receipt), told(of(receipt), ("CONSOLE1", None), total=1000))
    assert rows(receipt) == [("CONSOLE1", 1000)]
    assert sums(receipt) == (1000, 600, 1000)
    assert now(row).state == RefundState.APPROVED


def test_a_refund_made_elsewhere_may_leave_less_than_is_reserved() -> None:
    """Both are true: the money is gone, and our request will be refused by the gateway."""
    receipt = credit()
    row = approved(receipt, 2600)
    build.apply(of(receipt), told(of(receipt), ("CONSOLE1", None), total=1000))
    assert sums(receipt) == (1000, 2600, -1000)
    with pytest.raises(refunds.NotRefundable):
        asked(receipt, 1)
    assert now(row).state == RefundState.APPROVED


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (RefundStatus.FAILED, RefundState.FAILED),
        (RefundStatus.ABNORMAL, RefundState.ABNORMAL),
        (RefundStatus.PENDING, RefundState.ACCEPTED),
    ],
)
def test_a_report_tells_how_our_request_stands(status: RefundStatus, state: RefundState) -> None:
    receipt = credit()
    row = sent(receipt)
    report = with_status(told(of(receipt), (row.number, 1000)), status)
    for _ in range(2):
        build.apply(of(receipt), report)
    assert now(row).state == state
    assert steps(row) == [RefundState.REQUESTED, RefundState.APPROVED, state]
    assert rows(receipt) == []
    assert sums(receipt) == (0, 0 if state == RefundState.FAILED else 1000, 2600 - (state != "FAILED") * 1000)


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.ABNORMAL, RefundStatus.PENDING])
def test_a_strangers_refund_that_did_not_happen_books_nothing(status: RefundStatus) -> None:
    receipt = credit()
    build.apply(of(receipt), with_status(told(of(receipt), ("CONSOLE1", 1000)), status))
    assert rows(receipt) == []
    assert sums(receipt) == (0, 0, 2600)


@pytest.mark.parametrize("late", [RefundStatus.FAILED, RefundStatus.ABNORMAL, RefundStatus.PENDING])
def test_what_has_ended_stays_as_it_is(late: RefundStatus) -> None:
    receipt = credit()
    row = sent(receipt)
    success = told(of(receipt), (row.number, 1000), total=1000)
    build.apply(of(receipt), success)
    build.apply(of(receipt), with_status(success, late))
    assert now(row).state == RefundState.SUCCEEDED
    assert sums(receipt) == (1000, 0, 1600)


def test_a_refund_that_came_after_we_gave_it_up_is_booked_all_the_same() -> None:
    receipt = credit()
    row = sent(receipt)
    build.apply(of(receipt), with_status(told(of(receipt), (row.number, 1000)), RefundStatus.FAILED))
    assert now(row).state == RefundState.FAILED
    for _ in range(2):
        build.apply(of(receipt), told(of(receipt), (row.number, None), total=1000))
        build.apply(of(receipt), told(of(receipt), (row.number, 1000), total=1000))
    assert rows(receipt) == [(row.number, 1000)]
    assert sums(receipt) == (1000, 0, 1600)


@pytest.mark.parametrize(("cents", "total"), [(999, 999), (1001, 1001), (None, 999)])
def test_our_number_with_another_amount_is_for_a_person(cents: int | None, total: int) -> None:
    receipt = credit()
    row = sent(receipt)
    with pytest.raises(refunds.RefundMismatch), transaction.atomic():
        build.apply(of(receipt), told(of(receipt), (row.number, cents), total=total))
    assert now(row).state == RefundState.APPROVED
    assert rows(receipt) == []


@pytest.mark.parametrize("cents", [None, 1001])
def test_never_more_than_was_received(cents: int | None) -> None:
    receipt = credit()
    build.apply(of(receipt), told(of(receipt), ("A1", 1600), total=1600))
    given: Report = told(of(receipt), ("A2", cents), total=2601)
    with pytest.raises(refunds.RefundAboveReceipt), transaction.atomic():
        build.apply(of(receipt), given)
    assert rows(receipt) == [("A1", 1600)]
    assert sums(receipt) == (1600, 0, 1000)


def test_a_request_ends_although_the_rest_of_the_total_fits_nowhere() -> None:
    """By hand 1600 of 2600 went back; the gateway says that 2600 did."""
    receipt = credit()
    by_hand = approved(receipt, 1600)
    refunds.paid_by_hand(request_id=by_hand.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    row = sent(receipt, 1000)
    build.apply(of(receipt), told(of(receipt), total=2600))
    assert rows(receipt) == [(f"HAND{by_hand.number}", 1600)]
    with transaction.atomic():
        refunds.book_reported(
            report=told(of(receipt), (row.number, 1000)), as_of=NOON
        )  # tells nothing of the total
    assert now(row).state == RefundState.SUCCEEDED
    assert sums(receipt) == (2600, 0, 0)
    assert receipt_total(receipt) == 2600  # more than is booked at the gateway: staff see it
    assert build.books_are_right()


def test_a_report_of_a_trade_that_is_not_booked_changes_nothing() -> None:
    payment = build.payment(build.account())
    assert refunds.book_reported(report=told(payment, ("A1", 100), total=100), as_of=NOON) == 0
    assert not Refund.objects.exists()


def test_a_refund_that_is_accepted_is_asked_about_when_the_total_grows() -> None:
    receipt = credit()
    row = sent(receipt)
    build.apply(of(receipt), with_status(told(of(receipt), (row.number, 1000)), RefundStatus.PENDING))
    assert now(row).next_attempt_at == NOON + MINUTE
    build.apply(of(receipt), told(of(receipt), total=1000))
    assert now(row).next_attempt_at == NOON
    assert rows(receipt) == []


@pytest.mark.parametrize("cents", [2600, None])
def test_one_refund_is_not_booked_on_both_receipts_of_an_order_paid_twice(cents: int | None) -> None:
    """The gateway may pay it out of the other trade: then a person looks, and the credit is lowered once."""
    first = credit()
    build.apply(of(first), build.report(of(first), trade_no="T2"))
    second = Receipt.objects.get(trade_no="T2")
    row = sent(second, 2600)
    refunds.book_reported(report=told(of(first), (row.number, 2600), total=2600, trade_no="T2"), as_of=NOON)
    with pytest.raises(refunds.RefundMismatch):
        build.apply(of(first), told(of(first), (row.number, cents), total=2600))
    assert (sums(first), sums(second)) == ((0, 0, 2600), (2600, 0, 0))
    assert build.balance(first.account) == 2600
