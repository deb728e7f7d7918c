"""Bills, payments, closings and refunds on the same account at the same moment."""

import random
import time
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing import locks
from billing.models import AccountBalance, Bill, EntryKind, LedgerEntry, Payment, Receipt, Refund
from billing.selectors import ledger_check
from billing.services.money import ledger, receipts
from billing.services.payments import payments
from core.db import violated
from core.errors import HallError
from tests.billing import build
from tests.concurrency.races import Meeting, caught, without_locks
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def pay(payment: Payment) -> payments.Applied:
    return build.apply(payment, build.report(payment))


def book(account: BillingAccount, trade_no: str, cents: int) -> str | None:
    """Money without a payment, as from a bank."""
    with transaction.atomic():
        account_locks.account(account.pk)
        return receipts.book(
            account_id=account.pk,
            gateway="bank",
            trade_no=trade_no,
            amount_cents=cents,
            paid_at=NOON,
            as_of=NOON,
        )


def test_bills_issued_while_a_payment_is_applied() -> None:
    for _ in range(5):
        account = build.account()
        build.bill(account, 2600)
        payment = build.payment(account, 5000)
        together(partial(pay, payment), partial(build.bill, account, 3000), partial(build.bill, account, 100))
        assert build.balance(account) == 5000 - 2600 - 3000 - 100
        paid = sum(Bill.objects.filter(account=account).values_list("paid_cents", flat=True))
        assert 2600 <= paid == Receipt.objects.get(payment=payment).allocated_cents
    assert build.books_are_right()


def test_control_a_balance_read_before_it_is_written_loses_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    account = build.account()
    build.bill(account, 2600)
    payment = build.payment(account)
    meeting = Meeting(2)

    def naive_post(
        *, account_id: int, kind: EntryKind, amount_cents: int, as_of: datetime, **cause: int
    ) -> None:
        LedgerEntry.objects.create(
            account_id=account_id,
            kind=kind,
            amount_cents=amount_cents,
            bill_id=cause.get("bill_id"),
            receipt_id=cause.get("receipt_id"),
            at=as_of,
        )
        before = AccountBalance.objects.get(pk=account_id).balance_cents
        meeting.wait()
        AccountBalance.objects.filter(pk=account_id).update(balance_cents=before + amount_cents)

    without_locks(monkeypatch, parties=1)
    monkeypatch.setattr(ledger, "post", naive_post)
    together(partial(pay, payment), partial(build.bill, account, 3000))
    assert build.balance(account) in (0, -5600)  # -3000 is right
    broken = {difference.rule for difference in ledger_check.differences()}
    assert "balance = Σ ledger entries" in broken


def test_money_from_two_sides_at_once_settles_each_bill_once() -> None:
    for n in range(5):
        account = build.account()
        bill = build.bill(account, 2600)
        payment = build.payment(account)
        together(
            partial(pay, payment), partial(book, account, f"A{n}", 2600), partial(book, account, f"B{n}", 100)
        )
        bill.refresh_from_db()
        assert bill.open_cents == 0
        assert build.balance(account) == 2600 + 100
    assert build.books_are_right()


def test_control_without_the_locks_two_sides_settle_the_same_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both see the whole bill open; only the constraint on the bill stops the second."""
    account = build.account()
    build.bill(account, 2600)

    def unlocked(account_ids: Collection[int]) -> list[locks.OpenBill]:
        rows = Bill.objects.filter(account_id__in=account_ids).open()
        return [locks.OpenBill(row.pk, row.account_id, row.open_cents, row.due_on, False) for row in rows]

    without_locks(monkeypatch, parties=1)
    monkeypatch.setattr(locks, "open_bills", Meeting(2).after(unlocked))
    outcomes = together(caught(partial(book, account, "A", 2600)), caught(partial(book, account, "B", 2600)))
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "bill_paid_within_total"


class Bustle:
    """One thread's share of a busy time: random work on the shared accounts, refusals are part of it."""

    def __init__(self, accounts: list[BillingAccount], seed: int) -> None:
        self.accounts, self.random = accounts, random.Random(seed)
        self.seed, self.done, self.refused = seed, 0, 0

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            action = self.random.choice(
                [self.issue, self.start, self.pay, self.pay_again, self.close, self.refund]
            )
            try:
                action(self.random.choice(self.accounts))
            except HallError:
                self.refused += 1
            self.done += 1

    def issue(self, account: BillingAccount) -> None:
        build.bill(account, self.random.choice([100, 2600, 9900]))

    def start(self, account: BillingAccount) -> None:
        build.payment(account, self.random.choice([100, 2600, 5000]))

    def pay(self, account: BillingAccount) -> None:
        self.with_payment(account, pay)

    def pay_again(self, account: BillingAccount) -> None:
        trade_no = f"X{self.seed}-{self.done}"
        self.with_payment(
            account, lambda payment: build.apply(payment, build.report(payment, trade_no=trade_no))
        )

    def close(self, account: BillingAccount) -> None:
        self.with_payment(
            account,
            lambda payment: payments.closed(
                payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test"
            ),
        )

    def refund(self, account: BillingAccount) -> None:
        self.with_payment(account, lambda payment: build.apply(payment, build.report(payment, refunded=50)))

    def with_payment(self, account: BillingAccount, act: Callable[[Payment], object]) -> None:
        newest = Payment.objects.filter(account=account).order_by("-id")[:3]
        if chosen := list(newest):
            act(self.random.choice(chosen))


def test_a_busy_time_ends_with_right_books_and_without_a_deadlock() -> None:
    accounts = [build.account(), build.account()]
    threads = [Bustle(accounts, seed) for seed in range(4)]
    together(*[partial(thread.run, 2.0) for thread in threads])
    assert min(thread.done for thread in threads) > 5
    assert build.books_are_right()
    for account in accounts:
        received = _sum(Receipt.objects.filter(account=account))
        returned = _sum(Refund.objects.filter(receipt__account=account))
        billed = Bill.objects.filter(account=account).aggregate(sum=Sum("total_cents"))["sum"] or 0
        balance = (
            AccountBalance.objects.filter(account=account).values_list("balance_cents", flat=True).first()
        )
        assert (balance or 0) == received - returned - billed


def _sum(rows: QuerySet[Receipt] | QuerySet[Refund]) -> int:
    return rows.aggregate(sum=Sum("amount_cents"))["sum"] or 0
