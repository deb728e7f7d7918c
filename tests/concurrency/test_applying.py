"""The same money reported several times at the same moment, and reports that meet a closing."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import BillingAccount
from billing.models import (
    Allocation,
    CallbackState,
    GatewayCallback,
    Payment,
    PaymentState,
    Receipt,
    ReviewReason,
)
from billing.services.payments import callbacks, payments
from billing.services.payments.payments import Applied
from core.db import violated
from core.models import OutboxRow
from tests.billing import build
from tests.concurrency.races import Meeting, caught, one_behind_the_other, stored, without_locks
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 4
ONCE = [Applied.ALREADY_DONE] * (WORKERS - 1) + [Applied.BOOKED]


def owing() -> tuple[BillingAccount, Payment]:
    """An account with a bill larger than the payment for it: whatever is booked twice settles something twice."""
    account = build.account()
    bill = build.bill(account, 10_000)
    return account, build.payment(account, 2600, first=bill)


def close(payment: Payment) -> Applied:
    return payments.closed(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")


def pay(payment: Payment) -> Applied:
    return build.apply(payment, build.report(payment))


def state(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.state


def ended_news(payment: Payment) -> int:
    """How often its slip is told of its end."""
    rows = OutboxRow.objects.filter(key=f"payment:{payment.reference}", event="billing.payment_ended")
    return rows.filter(consumer="billing.end_slip").count()


def test_workers_with_the_same_row_book_it_once() -> None:
    for _ in range(5):
        account, payment = owing()
        row = stored(payment)
        assert sorted(together(*[partial(callbacks.apply, row, as_of=NOON)] * WORKERS)) == ONCE
        row.refresh_from_db()
        assert (row.state, state(payment)) == (CallbackState.APPLIED, PaymentState.SUCCEEDED)
        assert build.balance(account) == 2600 - 10_000
    assert (Receipt.objects.count(), Allocation.objects.count()) == (5, 5)
    assert OutboxRow.objects.count() == 15  # one for each of the three consumers of each payment
    assert build.books_are_right()


def test_rows_of_the_same_trade_book_it_once() -> None:
    account, payment = owing()
    rows = [stored(payment) for _ in range(WORKERS)]
    assert sorted(together(*[partial(callbacks.apply, row, as_of=NOON) for row in rows])) == ONCE
    assert set(GatewayCallback.objects.values_list("state", flat=True)) == {CallbackState.APPLIED}
    assert Receipt.objects.get().allocated_cents == 2600
    assert build.balance(account) == 2600 - 10_000
    assert build.books_are_right()


def test_control_looking_for_the_trade_before_writing_does_not_stop_the_second() -> None:
    """All who look first find nothing; only the constraint stops the second receipt."""
    account, payment = owing()
    meeting = Meeting(2)

    def naive(number: str) -> None:
        assert not Receipt.objects.filter(gateway="alipay", trade_no="T1").exists()
        meeting.wait()
        Receipt.objects.create(
            number=number,
            gateway="alipay",
            trade_no="T1",
            payment=payment,
            account=account,
            amount_cents=2600,
            paid_at=NOON,
            booked_at=NOON,
        )

    outcomes = together(caught(partial(naive, "R1")), caught(partial(naive, "R2")))
    [refused] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "receipt_trade_once"


def two_trades(payment: Payment) -> list[Any]:
    """The outcomes of two callbacks at once, each with a trade of its own for the same payment."""
    given = [build.report(payment, trade_no=f"{payment.reference}-{n}") for n in (1, 2)]
    rows = [stored(payment, report) for report in given]
    return together(*[caught(partial(callbacks.apply, row, as_of=NOON)) for row in rows])


def test_two_trades_for_one_payment_settle_once_and_leave_one_for_review() -> None:
    for _ in range(5):
        account, payment = owing()
        assert two_trades(payment) == [Applied.BOOKED, Applied.BOOKED]
        receipts = Receipt.objects.filter(payment=payment)
        assert set(receipts.values_list("review_reason", "allocated_cents")) == {
            (ReviewReason.NONE, 2600),
            (ReviewReason.DUPLICATE, 0),
        }
        assert build.balance(account) == 5200 - 10_000
    assert build.books_are_right()


def test_control_without_the_locks_both_trades_settle_bills(monkeypatch: pytest.MonkeyPatch) -> None:
    _, payment = owing()
    without_locks(monkeypatch, parties=2)
    assert two_trades(payment) == [Applied.BOOKED, Applied.BOOKED]
    receipts = Receipt.objects.filter(payment=payment)
    assert list(receipts.values_list("review_reason", "allocated_cents")) == [("", 2600), ("", 2600)]


def test_a_report_and_a_closing_at_once_are_decided_by_who_comes_first() -> None:
    for _ in range(10):
        account, payment = owing()
        together(partial(pay, payment), partial(close, payment))
        receipt = Receipt.objects.get(payment=payment)
        found = (state(payment), receipt.review_reason, receipt.allocated_cents, ended_news(payment))
        assert found in [
            (PaymentState.SUCCEEDED, ReviewReason.NONE, 2600, 0),
            (PaymentState.EXPIRED, ReviewReason.LATE, 0, 1),
        ]
        assert build.balance(account) == 2600 - 10_000
    assert build.books_are_right()


def test_a_closing_behind_the_report_changes_nothing() -> None:
    _, payment = owing()
    outcomes = one_behind_the_other(partial(pay, payment), partial(close, payment))
    assert outcomes == [Applied.BOOKED, Applied.ALREADY_DONE]
    assert (state(payment), ended_news(payment)) == (PaymentState.SUCCEEDED, 0)
    assert build.books_are_right()


def test_a_report_behind_the_closing_is_booked_for_review() -> None:
    account, payment = owing()
    outcomes = one_behind_the_other(partial(close, payment), partial(pay, payment))
    assert outcomes == [Applied.MOVED, Applied.BOOKED]
    assert (state(payment), Receipt.objects.get().review_reason) == (PaymentState.EXPIRED, ReviewReason.LATE)
    assert build.balance(account) == 2600 - 10_000
    assert build.books_are_right()


def test_control_without_the_locks_report_and_closing_both_see_an_open_payment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each decides by what it has read; only the law of transitions stops the second."""
    _, payment = owing()
    without_locks(monkeypatch, parties=2)
    outcomes = together(caught(partial(pay, payment)), caught(partial(close, payment)))
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "payment_transitions"
