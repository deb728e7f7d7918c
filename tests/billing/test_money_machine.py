"""Bills, late bills, payments, counter money, credit, refunds, penalties, waivers, adjustments and transfers of two
accounts in any order over months: no fen is lost or made up after any step.

HALL_MACHINE_EXAMPLES raises the number of stories (forty steps each).
"""

import os
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.models import BillingAccount
from billing.gateways.base import RefundStatus
from billing.models import (
    Bill,
    BillKind,
    PaymentPurpose,
    Receipt,
    RefundRequest,
    RefundState,
    RefundWay,
    ReviewReason,
)
from billing.selectors import balances
from billing.selectors import penalties as penalty_reads
from billing.services.bills import adjustments, penalties
from billing.services.money import credits, receipts, reviews
from billing.services.payments import payments
from billing.services.refunds import refund_states, refunds
from core import clock
from tests.billing import build
from tests.conftest import NOON

STORIES = int(os.environ.get("HALL_MACHINE_EXAMPLES", "12"))
WHICH = st.integers(0, 1)
CENTS = st.sampled_from([1, 333, 2600, 2601, 9900, 50_000])
PICK = st.integers(0, 1_000_000)
PERCENT = st.integers(1, 100)


@dataclass
class Account:
    """The model of an account: what came in and went out, penalties apart (they are read, and judged by rules)."""

    row: BillingAccount
    billed: int = 0
    received: int = 0
    returned: int = 0
    adjusted: int = 0
    moved: int = 0

    @property
    def penalties(self) -> int:
        found = Bill.objects.filter(account=self.row, kind=BillKind.PENALTY)
        return int(found.aggregate(cents=Sum("total_cents", default=0))["cents"])

    @property
    def balance(self) -> int:
        return self.received + self.adjusted + self.moved - self.billed - self.returned - self.penalties


class Money(RuleBasedStateMachine):
    """What the services do, beside five sums."""

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.as_of = NOON
        self.count = 0
        self.accounts = [Account(build.account()), Account(build.account())]

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    # What happens

    @rule(days=st.integers(1, 60))
    def time_passes(self, days: int) -> None:
        self.as_of += timedelta(days=days)

    @rule(which=WHICH, cents=CENTS, age=st.integers(0, 120))
    def a_bill_is_issued(self, which: int, cents: int, age: int) -> None:
        build.bill(self.accounts[which].row, cents, issued_on=self.today - timedelta(days=age))
        self.accounts[which].billed += cents

    @rule(which=WHICH, cents=CENTS, is_topup=st.booleans())
    def somebody_pays_online(self, which: int, cents: int, is_topup: bool) -> None:
        account = self.accounts[which]
        payment = payments.start(
            account_id=account.row.pk,
            amount_cents=cents,
            gateway="alipay",
            payer_id=None,
            purpose=PaymentPurpose.TOPUP if is_topup else PaymentPurpose.BILLS,
            as_of=self.as_of,
            actor=build.ACTOR,
        )
        report = build.report(payment, paid_at=self.as_of)
        build.apply(payment, report, as_of=self.as_of)
        build.apply(payment, report, as_of=self.as_of)
        account.received += cents

    @rule(which=WHICH, cents=CENTS, review=st.sampled_from(["", ReviewReason.DUPLICATE, ReviewReason.LATE]))
    def money_comes_in(self, which: int, cents: int, review: ReviewReason) -> None:
        self.book(self.accounts[which], cents, review=review)

    @rule(which=WHICH)
    def everything_due_is_paid(self, which: int) -> None:
        """What the page proposes is exactly enough, and no fen of credit comes of it."""
        account = self.accounts[which]
        before = self.overview(account)
        if before.due_cents:
            self.book(account, before.due_cents)
            after = self.overview(account)
            assert (after.due_cents, after.credit_cents) == (0, before.credit_cents)

    @rule(which=WHICH)
    def credit_is_used(self, which: int) -> None:
        account = self.accounts[which]
        before = self.overview(account)
        used = credits.use(account_id=account.row.pk, as_of=self.as_of)
        assert 0 <= used <= min(before.due_cents, before.credit_cents + self.negative_cents(account))

    @rule(which=WHICH, is_automatic=st.booleans())
    def the_customer_chooses(self, which: int, is_automatic: bool) -> None:
        credits.set_automatic(
            account_id=self.accounts[which].row.pk, is_automatic=is_automatic, as_of=self.as_of
        )

    @rule(pick=PICK, percent=PERCENT)
    def a_bill_is_adjusted(self, pick: int, percent: int) -> None:
        bill = self.any(Bill.objects.filter(account__in=self.rows, open_cents__gt=0), pick)
        if bill and (cents := bill.open_cents * percent // 100):
            adjustments.adjust(
                bill_id=bill.pk, amount_cents=cents, reason="x", actor=build.ACTOR, as_of=self.as_of
            )
            self.of(bill.account_id).adjusted += cents

    @rule(pick=PICK, percent=PERCENT)
    def a_penalty_is_waived(self, pick: int, percent: int) -> None:
        bill = self.any(Bill.objects.filter(account__in=self.rows, open_cents__gt=0), pick)
        accrued = penalty_reads.accrued([bill.pk], on=self.today).get(bill.pk) if bill else None
        if bill and accrued and (cents := accrued.cents * percent // 100):
            penalties.waive(
                bill_id=bill.pk, amount_cents=cents, reason="x", actor=build.ACTOR, as_of=self.as_of
            )
            assert penalty_reads.accrued([bill.pk], on=self.today)[bill.pk].cents == accrued.cents - cents

    @rule(pick=PICK, percent=st.integers(1, 130))
    def a_refund_is_asked_for(self, pick: int, percent: int) -> None:
        receipt = self.any(Receipt.objects.filter(account__in=self.rows), pick)
        if receipt is None:
            return
        cents = max(receipt.free_cents, 0) * percent // 100
        if 0 < cents <= receipt.free_cents:
            refunds.by_staff(
                receipt_id=receipt.pk,
                amount_cents=cents,
                reason="x",
                reason_code="BALANCE",
                actor=build.ACTOR,
                as_of=self.as_of,
            )
            return
        with pytest.raises(refunds.NotRefundable), transaction.atomic():
            refunds.request(
                receipt_id=receipt.pk,
                amount_cents=cents,
                reason="x",
                reason_code="BALANCE",
                actor=build.ACTOR,
                as_of=self.as_of,
            )

    @rule(pick=PICK, status=st.sampled_from(RefundStatus))
    def the_gateway_answers_about_a_refund(self, pick: int, status: RefundStatus) -> None:
        """Twice: what has ended stays as it is. Counter money goes back by hand."""
        request = self.any(RefundRequest.objects.filter(receipt__account__in=self.rows), pick)
        if request is None:
            return
        receipt = request.receipt
        was_over = request.state not in ("REQUESTED", "APPROVED", "ACCEPTED", "ABNORMAL")
        if request.way == RefundWay.BY_HAND:
            if not was_over:
                refunds.paid_by_hand(request_id=request.pk, evidence="1", actor=build.ACTOR, as_of=self.as_of)
                self.of(receipt.account_id).returned += request.amount_cents
            return
        try:
            with transaction.atomic():
                for _ in range(2):
                    refund_states.take(
                        request, receipt, status, refunded_at=self.as_of, as_of=self.as_of, actor=build.ACTOR
                    )
        except refunds.RefundAboveReceipt:
            return  # the gateway told of more refunds than it had money for: a person must look
        if request.state == RefundState.SUCCEEDED and not was_over:
            self.of(receipt.account_id).returned += request.amount_cents

    @rule(pick=PICK, percent=st.integers(1, 100))
    def the_gateway_reports_a_total_of_refunds(self, pick: int, percent: int) -> None:
        receipt = self.any(Receipt.objects.filter(account__in=self.rows, payment__isnull=False), pick)
        if receipt is None or receipt.payment is None:
            return
        report = build.report(
            receipt.payment,
            trade_no=receipt.trade_no,
            refunded=receipt.amount_cents * percent // 100,
            paid_at=receipt.paid_at,
        )
        before = receipt.refunded_cents
        try:
            with transaction.atomic():
                refunds.book_reported(report=report, as_of=self.as_of)
        except refunds.RefundAboveReceipt:
            return  # something was paid back by hand besides: a person must look
        receipt.refresh_from_db()
        self.of(receipt.account_id).returned += receipt.refunded_cents - before

    @rule(pick=PICK)
    def staff_put_right_what_was_refunded(self, pick: int) -> None:
        receipt = self.any([one for one in self.receipts() if one.unallocated_cents < 0], pick)
        if receipt:
            reviews.reopen_bills(receipt_id=receipt.pk, cents=-receipt.unallocated_cents, as_of=self.as_of)

    @rule(pick=PICK)
    def staff_use_money_under_review(self, pick: int) -> None:
        receipt = self.any(
            [one for one in self.receipts() if one.is_under_review and one.free_cents > 0], pick
        )
        if receipt is None:
            return
        try:
            with transaction.atomic():
                used = reviews.use_for_bills(
                    receipt_id=receipt.pk,
                    account_id=receipt.account_id,
                    cents=receipt.free_cents,
                    as_of=self.as_of,
                )
        except reviews.NothingToPay:
            return
        assert 0 <= used <= receipt.free_cents

    @rule(pick=PICK)
    def staff_move_a_receipt(self, pick: int) -> None:
        receipt = self.any(self.receipts(), pick)
        if receipt is None:
            return
        source = self.of(receipt.account_id)
        target = next(each for each in self.accounts if each is not source)
        arguments: dict[str, Any] = {
            "receipt_id": receipt.pk,
            "cents": receipt.amount_cents,
            "to_number": target.row.number,
            "reason": "x",
            "actor": build.ACTOR,
            "as_of": self.as_of,
        }
        if receipt.allocated_cents or receipt.refunded_cents or receipt.refunding_cents:
            with pytest.raises(reviews.ReceiptUsed), transaction.atomic():
                reviews.transfer(**arguments)
            return
        reviews.transfer(**arguments)
        source.moved -= receipt.amount_cents
        target.moved += receipt.amount_cents

    # What is always true

    @invariant()
    def the_books_are_right(self) -> None:
        assert build.books_are_right()
        for account in self.accounts:
            overview = self.overview(account)
            assert overview.credit_cents - overview.owed_cents == account.balance

    @invariant()
    def no_penalty_is_above_its_cap_or_on_a_penalty(self) -> None:
        for bill in Bill.objects.filter(account__in=self.rows).prefetch_related("penalty_bills"):
            charged = sum(one.total_cents for one in bill.penalty_bills.all())
            assert charged <= bill.total_cents
            assert bill.kind != BillKind.PENALTY or not charged

    @invariant()
    def nothing_is_free_that_is_not_there(self) -> None:
        for receipt in self.receipts():
            assert receipt.refunded_cents <= receipt.amount_cents
            assert not (receipt.is_under_review and receipt.allocated_cents)

    # Helpers

    @property
    def today(self) -> date:
        return clock.local_date(self.as_of)

    @property
    def rows(self) -> list[BillingAccount]:
        return [account.row for account in self.accounts]

    def of(self, account_id: int) -> Account:
        return next(account for account in self.accounts if account.row.pk == account_id)

    def receipts(self) -> list[Receipt]:
        return list(Receipt.objects.filter(account__in=self.rows).order_by("id"))

    def overview(self, account: Account) -> balances.AccountOverview:
        return balances.of_account(account.row, today=self.today)

    def negative_cents(self, account: Account) -> int:
        """What refunds took away that had settled bills: it lowers the credit that is shown, not what can be used."""
        return sum(
            max(0, -one.unallocated_cents) for one in self.receipts() if one.account_id == account.row.pk
        )

    def any(self, found: Any, pick: int) -> Any:
        rows = list(found.order_by("id")) if hasattr(found, "order_by") else found
        return rows[pick % len(rows)] if rows else None

    def book(self, account: Account, cents: int, *, review: ReviewReason | str = "") -> None:
        self.count += 1
        receipts.book(
            account_id=account.row.pk,
            gateway="cash",
            trade_no=f"{self.count}",
            amount_cents=cents,
            paid_at=self.as_of,
            as_of=self.as_of,
            review=ReviewReason(review),
        )
        account.received += cents


@pytest.mark.django_db
def test_no_fen_is_lost_or_made_up_over_the_months() -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
