"""The same credit wanted from two sides at once: by a refund, by a new bill, by a payment; and debits beside."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from accounts import locks as account_locks
from accounts.models import BillingAccount, User
from billing import locks
from billing.models import Bill, DebitTry, Payment, Receipt, RefundRequest
from billing.rules import Owed
from billing.selectors import debits as debit_reads
from billing.selectors import payments as payment_reads
from billing.services.debits import debit_agreements, debits
from billing.services.debits.debits import Outcome
from billing.services.money import allocations, credits
from billing.services.payments import payments
from billing.services.refunds import refunds
from core.db import violated
from tests.billing import banks, build
from tests.billing.banks import Bank, day
from tests.billing.refunds_build import asked, credit, sums
from tests.concurrency.races import Meeting, caught
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def account_unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_locks, "account", lambda pk: BillingAccount.objects.get(pk=pk))
    monkeypatch.setattr(account_locks, "hold", lambda pk: None)


def credit_unlocked(monkeypatch: pytest.MonkeyPatch, *, parties: int) -> None:
    """All parties have read the credit, without a lock, before one of them uses it."""
    meeting = Meeting(parties)
    account_unlocked(monkeypatch)
    monkeypatch.setattr(
        locks,
        "receipt_with_account",
        meeting.after(lambda pk: Receipt.objects.select_related("account").get(pk=pk)),
    )
    monkeypatch.setattr(
        locks, "credits", meeting.after(lambda pk: list(Receipt.objects.filter(account_id=pk).with_credit()))
    )


def owing() -> tuple[Receipt, Bill]:
    """Credit of 26.00 and a bill of 26.00 that it has not paid, by the customer's own choice."""
    receipt = credit()
    credits.set_automatic(account_id=receipt.account_id, is_automatic=False, as_of=NOON)
    return receipt, build.bill(receipt.account)


def used(receipt: Receipt) -> int:
    return credits.use(account_id=receipt.account_id, as_of=NOON)


# A refund against the use of the same credit


def test_control_without_the_locks_a_refund_and_a_bill_take_the_same_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt, _bill = owing()
    credit_unlocked(monkeypatch, parties=2)
    together(partial(asked, receipt, 2600), partial(used, receipt))
    receipt.refresh_from_db()
    assert (receipt.allocated_cents, receipt.refunding_cents, receipt.free_cents) == (2600, 2600, -2600)


def test_a_refund_and_the_use_of_credit_share_it() -> None:
    for _ in range(ROUNDS):
        receipt, bill = owing()
        outcomes = together(caught(partial(asked, receipt, 2600)), partial(used, receipt))
        receipt.refresh_from_db()
        bill.refresh_from_db()
        if isinstance(outcomes[0], refunds.NotRefundable):
            assert (outcomes[1], bill.open_cents, sums(receipt)) == (2600, 0, (0, 0, 0))
        else:
            assert (outcomes[1], bill.open_cents, sums(receipt)) == (0, 2600, (0, 2600, 0))
    assert build.books_are_right()


# Automatic use on two new bills


def test_control_without_the_locks_two_bills_take_the_same_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the constraint on the receipt stops the second."""
    receipt, first = owing()
    other = build.bill(receipt.account)
    owed = iter([Owed(first.pk, 2600), Owed(other.pk, 2600)])
    credit_unlocked(monkeypatch, parties=2)
    monkeypatch.setattr(allocations, "owed", lambda account_id, on: [next(owed)])
    outcomes = together(caught(partial(used, receipt)), caught(partial(used, receipt)))
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "receipt_allocated_within_amount"


def test_two_new_bills_share_the_credit() -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        together(partial(build.bill, receipt.account, 2000), partial(build.bill, receipt.account, 2000))
        receipt.refresh_from_db()
        left = Bill.objects.filter(account=receipt.account).values_list("open_cents", flat=True)
        assert (receipt.allocated_cents, sum(left)) == (2600, 1400)
        assert build.balance(receipt.account) == -1400
    assert build.books_are_right()


# A payment against the use of credit, and all three at once


def test_control_without_the_locks_a_payment_and_credit_settle_the_same_bill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the constraint on the bill stops the second."""
    receipt, bill = owing()
    payment = build.payment(receipt.account)
    account_unlocked(monkeypatch)
    monkeypatch.setattr(
        locks,
        "payment_with_account",
        lambda pk: (Payment.objects.get(pk=pk), receipt.account.number),
    )
    monkeypatch.setattr(allocations, "owed", Meeting(2).after(lambda account_id, on: [Owed(bill.pk, 2600)]))
    outcomes = together(
        caught(partial(used, receipt)), caught(partial(build.apply, payment, build.report(payment)))
    )
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "bill_paid_within_total"


def test_a_payment_and_credit_settle_a_bill_once() -> None:
    for _ in range(ROUNDS):
        receipt, bill = owing()
        payment = build.payment(receipt.account)
        together(partial(used, receipt), partial(build.apply, payment, build.report(payment)))
        bill.refresh_from_db()
        assert (bill.paid_cents, bill.open_cents) == (2600, 0)
        assert build.balance(receipt.account) == 2600
    assert build.books_are_right()


def test_refund_new_bill_and_payment_at_once_lose_no_fen() -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        account = receipt.account
        payment = build.payment(account, 1000)
        together(
            caught(partial(asked, receipt, 2000)),
            caught(partial(build.bill, account, 3000)),
            caught(partial(build.apply, payment, build.report(payment))),
        )
        credits.use(account_id=account.pk, as_of=NOON)
        rows = Receipt.objects.filter(account=account)
        assert all(row.free_cents >= 0 for row in rows)
        reserved = sum(row.refunding_cents for row in rows)
        asked_for = sum(
            RefundRequest.objects.filter(receipt__account=account).values_list("amount_cents", flat=True)
        )
        assert reserved == asked_for
        assert build.balance(account) == 2600 + 1000 - 3000
    assert build.books_are_right()


# A debit beside what people do


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Bank:
    return banks.open_bank(monkeypatch, settings)


def announced(bank: Bank) -> tuple[User, BillingAccount, Bill, int]:
    """A bill of which the customer knows that it will be debited; with the id of the agreement."""
    user = build.user()
    account = build.account(user)
    row = banks.signed(bank, account, user)
    bill = banks.bill(account, due_on=build.TODAY)
    debits.announce(debit_reads.due([row.pk]), as_of=NOON)
    return user, account, bill, row.pk


def debited(agreement_id: int, bill: Bill) -> Outcome:
    return debits.debit(agreement_id=agreement_id, bill_id=bill.pk, as_of=day(3))[0]


def started(user: User, account: BillingAccount) -> Payment:
    return payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=user.pk,
        as_of=day(3),
        actor=build.ACTOR,
    )


def test_control_without_the_lock_the_customer_pays_beside_the_debit(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, account, bill, agreement_id = announced(bank)
    account_unlocked(monkeypatch)
    monkeypatch.setattr(
        payment_reads,
        "in_the_way",
        Meeting(2).after(lambda account_id, payer_id: list(Payment.objects.filter(account_id=account_id))),
    )
    together(partial(debited, agreement_id, bill), partial(started, user, account))
    assert Payment.objects.filter(account=account).count() == 2


def test_the_customer_and_the_job_never_pay_the_same_bill(bank: Bank) -> None:
    for _ in range(ROUNDS):
        user, account, bill, agreement_id = announced(bank)
        before = len(bank.taken())
        outcomes = together(
            caught(partial(debited, agreement_id, bill)), caught(partial(started, user, account))
        )
        if outcomes[0] == Outcome.SKIPPED:
            assert isinstance(outcomes[1], Payment)
            assert len(bank.taken()) == before
        else:
            assert outcomes[0] == Outcome.DONE
            assert len(bank.taken()) == before + 1
    assert build.books_are_right()


def test_control_without_the_lock_two_runs_are_stopped_by_the_key_alone(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    _user, _account, bill, agreement_id = announced(bank)
    account_unlocked(monkeypatch)
    monkeypatch.setattr(debit_reads, "due", Meeting(2).after(debit_reads.due))
    monkeypatch.setattr(payment_reads, "in_the_way", lambda account_id, payer_id: [])
    outcomes = together(*[caught(partial(debited, agreement_id, bill))] * 2)
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "debit_try_once"


def test_two_runs_at_once_debit_a_bill_once(bank: Bank) -> None:
    for _ in range(ROUNDS):
        _user, _account, bill, agreement_id = announced(bank)
        outcomes = together(*[partial(debited, agreement_id, bill)] * 3)
        assert sorted(outcomes) == [Outcome.DONE, Outcome.SKIPPED, Outcome.SKIPPED]
        assert DebitTry.objects.filter(notice__bill=bill).count() == 1
    assert bank.taken() == [2600] * ROUNDS
    assert build.books_are_right()


def test_an_end_and_a_debit_are_one_before_the_other(bank: Bank) -> None:
    for _ in range(ROUNDS):
        _user, account, bill, agreement_id = announced(bank)
        end = partial(debit_agreements.end, account_id=account.pk, actor=build.ACTOR, as_of=day(3))
        outcomes = together(partial(debited, agreement_id, bill), end)
        assert outcomes[0] in (Outcome.DONE, Outcome.SKIPPED)
        assert debited(agreement_id, bill) == Outcome.SKIPPED
        assert DebitTry.objects.filter(notice__bill=bill).count() == (outcomes[0] == Outcome.DONE)
    assert build.books_are_right()
