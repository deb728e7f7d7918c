"""Bills, payments, trades, refunds and closings of two accounts in any order: the books are right after each step.

HALL_MACHINE_EXAMPLES raises the number of stories (forty steps each).
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import BillingAccount
from billing.gateways.base import ReportStatus
from billing.models import Payment, PaymentState, Receipt, ReviewReason
from billing.models.payments import UNDECIDED
from billing.selectors import balances
from billing.services.payments import payments
from billing.services.payments.payments import Applied
from billing.services.refunds import refunds
from core import clock
from tests.billing import build
from tests.conftest import NOON

STORIES = int(os.environ.get("HALL_MACHINE_EXAMPLES", "15"))
WHICH = st.integers(0, 1)
CENTS = st.sampled_from([1, 100, 2600, 2601, 9900, 50_000])
PICK = st.integers(0, 1_000_000)


@dataclass
class Account:
    """The model of an account: three sums."""

    row: BillingAccount
    billed: int = 0
    received: int = 0
    returned: int = 0


@dataclass
class Paying:
    """The model of a payment: its state and what is known of its trades."""

    account: Account
    row: Payment
    state: PaymentState = PaymentState.PENDING
    refunded: dict[str, int] = field(
        default_factory=dict
    )  # by trade that was paid, the largest total reported
    reviews: dict[str, ReviewReason] = field(default_factory=dict)

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED


class Books(RuleBasedStateMachine):
    """What the services do, beside a model so simple that it cannot be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.as_of = NOON
        self.accounts = [Account(build.account()), Account(build.account())]
        self.payments: list[Paying] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @rule(which=WHICH, cents=CENTS)
    def issue_a_bill(self, which: int, cents: int) -> None:
        build.bill(self.accounts[which].row, cents)
        self.accounts[which].billed += cents

    @rule(which=WHICH, cents=CENTS)
    def start_a_payment(self, which: int, cents: int) -> None:
        """One that is undecided is continued when it is the same and can still be paid; else it is in the way."""
        account = self.accounts[which]
        open_ones = [paying for paying in self.payments if paying.account is account and paying.is_undecided]
        try:
            started = build.payment(account.row, cents, as_of=self.as_of)
        except payments.PaymentInProgress:
            [other] = open_ones
            unlike = other.row.amount_cents != cents or other.state == PaymentState.UNKNOWN
            assert unlike or other.row.expires_at <= self.as_of
            return
        if open_ones:
            assert [started] == [paying.row for paying in open_ones]
        else:
            self.payments.append(Paying(account, started))

    @precondition(lambda self: self.payments)
    @rule(pick=PICK, trade=st.sampled_from("TTTUV"))
    def a_trade_is_reported_as_paid(self, pick: int, trade: str) -> None:
        paying = self.chosen(pick)
        trade_no = f"{trade}{paying.row.reference}"
        applied = build.apply(paying.row, build.report(paying.row, trade_no=trade_no), as_of=self.as_of)
        assert applied is (Applied.ALREADY_DONE if trade_no in paying.refunded else Applied.BOOKED)
        self.know_trade(paying, trade_no)

    @precondition(lambda self: self.payments)
    @rule(pick=PICK, trade=st.sampled_from("TTU"), percent=st.integers(1, 130))
    def a_total_of_refunds_is_reported(self, pick: int, trade: str, percent: int) -> None:
        """It may be the first news of the trade; a smaller total than was known is an old message."""
        paying = self.chosen(pick)
        trade_no, total = f"{trade}{paying.row.reference}", paying.row.amount_cents * percent // 100
        report = build.report(paying.row, trade_no=trade_no, refunded=total)
        if total > paying.row.amount_cents:
            with pytest.raises(refunds.RefundAboveReceipt), transaction.atomic():
                build.apply(paying.row, report, as_of=self.as_of)
            return
        build.apply(paying.row, report, as_of=self.as_of)
        self.know_trade(paying, trade_no)
        grown = max(0, total - paying.refunded[trade_no])
        paying.refunded[trade_no] += grown
        paying.account.returned += grown

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def another_amount_is_reported(self, pick: int) -> None:
        row = self.chosen(pick).row
        with pytest.raises(payments.ReportMismatch), transaction.atomic():
            build.apply(row, build.report(row, amount_cents=row.amount_cents + 1))

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def it_is_closed(self, pick: int) -> None:
        paying = self.chosen(pick)
        payments.closed(payment_id=paying.row.pk, as_of=self.as_of, actor=build.ACTOR, reason="test")
        if paying.is_undecided:
            paying.state = PaymentState.EXPIRED

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def it_is_reported_as_closed(self, pick: int) -> None:
        paying = self.chosen(pick)
        build.apply(paying.row, build.report(paying.row, status=ReportStatus.CLOSED))
        if paying.is_undecided:
            paying.state = PaymentState.EXPIRED

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def it_is_reported_as_waiting(self, pick: int) -> None:
        paying = self.chosen(pick)
        build.apply(paying.row, build.report(paying.row, status=ReportStatus.WAITING))
        if paying.is_undecided:
            paying.state = PaymentState.PENDING

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def the_gateway_is_silent(self, pick: int) -> None:
        paying = self.chosen(pick)
        payments.gateway_silent(payment_id=paying.row.pk, as_of=self.as_of, actor=build.ACTOR, reason="test")
        if paying.is_undecided:
            paying.state = PaymentState.UNKNOWN

    @rule(minutes=st.integers(1, 45))
    def time_passes(self, minutes: int) -> None:
        self.as_of += timedelta(minutes=minutes)

    @invariant()
    def the_books_are_right(self) -> None:
        assert build.books_are_right()
        for account in self.accounts:
            overview = balances.of_account(account.row, today=clock.local_date(self.as_of))
            balance = account.received - account.returned - account.billed
            assert overview.credit_cents - overview.owed_cents == balance

    @invariant()
    def each_payment_is_where_it_should_be(self) -> None:
        rows = {row.pk: row.state for row in Payment.objects.filter(pk__in=[p.row.pk for p in self.payments])}
        assert rows == {paying.row.pk: paying.state for paying in self.payments}

    @invariant()
    def money_to_be_looked_at_settles_nothing(self) -> None:
        booked = Receipt.objects.filter(account__in=[account.row for account in self.accounts])
        found = booked.values_list("trade_no", "review_reason", "refunded_cents")
        assert {(trade_no, reason, refunded) for trade_no, reason, refunded in found} == {
            (trade_no, paying.reviews[trade_no], refunded)
            for paying in self.payments
            for trade_no, refunded in paying.refunded.items()
        }
        assert not booked.exclude(review_reason="").filter(allocated_cents__gt=0).exists()

    def know_trade(self, paying: Paying, trade_no: str) -> None:
        """The model's side of money that came in."""
        if trade_no in paying.refunded:
            return
        paying.refunded[trade_no] = 0
        paying.account.received += paying.row.amount_cents
        late = ReviewReason.DUPLICATE if paying.state == PaymentState.SUCCEEDED else ReviewReason.LATE
        paying.reviews[trade_no] = ReviewReason.NONE if paying.is_undecided else late
        if paying.is_undecided:
            paying.state = PaymentState.SUCCEEDED

    def chosen(self, pick: int) -> Paying:
        return self.payments[pick % len(self.payments)]


@pytest.mark.django_db
def test_the_books_are_right_whatever_happens_in_whatever_order() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
