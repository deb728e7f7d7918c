"""Two at the counter with the same paper, the same cash on two deposits, a reversal that meets a deposit."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import BillingAccount, User
from billing import locks
from billing.models import (
    AccountLookup,
    CashDepositLine,
    CounterMoney,
    CounterReversal,
    PayLink,
    Payment,
    Receipt,
    Refund,
)
from billing.services import counter
from billing.services.payments import lookups, pay_links
from core.db import violated
from core.models import AuditRow
from tests.billing import build
from tests.billing.till import deposit, make_clerk, receive, reverse_it, taken
from tests.concurrency.races import Meeting, caught, one_behind_the_other, without_locks
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def at_the_counter() -> tuple[User, BillingAccount]:
    account = build.account(build.user())
    build.bill(account, 10_000)
    return make_clerk(), account


def test_the_same_paper_by_many_at_once_is_booked_once() -> None:
    clerk, account = at_the_counter()
    outcomes = together(*[partial(receive, clerk, account)] * 6)
    assert sorted(outcome.is_new for outcome in outcomes) == [False] * 5 + [True]
    assert len({outcome.receipt_number for outcome in outcomes}) == 1
    assert (Receipt.objects.count(), CounterMoney.objects.count()) == (1, 1)
    assert build.balance(account) == 2600 - 10_000
    assert build.books_are_right()


def test_the_same_paper_for_two_accounts_at_once_is_booked_for_one() -> None:
    """Their locks are not the same: the receipt's own constraint decides."""
    for n in range(5):
        clerk = make_clerk(f"clerk{n}")
        accounts = [build.account() for _ in range(2)]
        calls: list[Any] = [caught(partial(receive, clerk, account, paper=f"K00{n}")) for account in accounts]
        outcomes = together(*calls)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PaperNumberTaken", "Taken"]
    assert Receipt.objects.count() == CounterMoney.objects.count() == 5
    assert build.books_are_right()


def test_the_same_cash_on_two_deposits_at_once_is_on_one() -> None:
    clerk, account = at_the_counter()
    pieces = [taken(clerk, account, paper=f"K00{n}") for n in range(3)]
    calls: list[Any] = [caught(partial(deposit, clerk, *pieces, slip=f"BANK-{n}")) for n in range(4)]
    outcomes = together(*calls)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {type(error) for error in refused} == {counter.NotInYourTill}
    assert (len(refused), CashDepositLine.objects.count()) == (3, 3)


def test_control_without_the_locks_both_deposits_find_the_cash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the constraint stops the second."""
    clerk, account = at_the_counter()
    piece = taken(clerk, account)
    monkeypatch.setattr(locks, "receipts", lambda ids: None)
    meeting = Meeting(2)
    monkeypatch.setattr(counter, "_write_deposit", meeting.after(counter._write_deposit))
    calls: list[Any] = [caught(partial(deposit, clerk, piece, slip=f"BANK-{n}")) for n in range(2)]
    outcomes = together(*calls)
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, IntegrityError)
    assert CashDepositLine.objects.count() == 1


def test_a_deposit_behind_the_reversal_does_not_find_the_cash() -> None:
    clerk, account = at_the_counter()
    piece = taken(clerk, account)
    _done, refused = one_behind_the_other(
        partial(reverse_it, piece, clerk), caught(partial(deposit, clerk, piece))
    )
    assert isinstance(refused, counter.NotInYourTill)
    assert (CounterReversal.objects.count(), CashDepositLine.objects.count()) == (1, 0)
    assert build.books_are_right()


def test_a_reversal_behind_the_deposit_is_refused() -> None:
    clerk, account = at_the_counter()
    piece = taken(clerk, account)
    _done, refused = one_behind_the_other(
        partial(deposit, clerk, piece), caught(partial(reverse_it, piece, clerk))
    )
    assert isinstance(refused, counter.AlreadyDeposited)
    assert not Refund.objects.exists()
    assert build.balance(account) == 2600 - 10_000


def test_control_without_the_lock_a_reversed_receipt_is_deposited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deposit has read the till before the reversal is written; only the law at its end stops it."""
    clerk, account = at_the_counter()
    piece = taken(clerk, account)
    monkeypatch.setattr(locks, "receipts", lambda ids: None)
    is_read, is_reversed, write = Meeting(2), Meeting(2), counter._write_deposit

    def write_meanwhile(*args: Any, **named: Any) -> Any:
        is_read.wait()
        written = write(*args, **named)
        is_reversed.wait()
        return written

    monkeypatch.setattr(counter, "_write_deposit", write_meanwhile)

    def reverse_meanwhile() -> Any:
        is_read.wait()
        outcome = reverse_it(piece, clerk)
        is_reversed.wait()
        return outcome

    outcomes = together(caught(partial(deposit, clerk, piece)), caught(reverse_meanwhile))
    assert isinstance(outcomes[0], IntegrityError), outcomes
    assert violated(outcomes[0]) in ("cash_deposit_exact", "deposit_line_exact")


def test_a_reversal_by_two_at_once_pays_back_once() -> None:
    clerk, account = at_the_counter()
    piece = taken(clerk, account)
    outcomes = together(*[caught(partial(reverse_it, piece, clerk))] * 3)
    assert sum(isinstance(outcome, counter.AlreadyReversed) for outcome in outcomes) == 2
    assert Refund.objects.count() == AuditRow.objects.filter(action=counter.REVERSAL).count() == 1
    assert build.balance(account) == -10_000
    assert build.books_are_right()


def make_link(account: BillingAccount) -> PayLink:
    pay_links.create(account_id=account.pk, actor=build.ACTOR, as_of=NOON)
    return PayLink.objects.latest("pk")


def pay(link: PayLink) -> Payment:
    return pay_links.pay(link_id=link.pk, gateway="alipay", shown_cents=10_000, actor=build.ACTOR, as_of=NOON)


def test_a_link_opened_by_many_at_once_starts_one_payment() -> None:
    _clerk, account = at_the_counter()
    payments = together(*[partial(pay, make_link(account))] * 5)
    assert {payment.pk for payment in payments} == {Payment.objects.get().pk}


def test_control_without_the_locks_a_link_starts_two_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    _clerk, account = at_the_counter()
    link = make_link(account)
    without_locks(monkeypatch, parties=2)
    meeting = Meeting(2)
    monkeypatch.setattr(locks, "pay_link", meeting.after(lambda pk: PayLink.objects.get(pk=pk)))
    monkeypatch.setattr(
        "billing.selectors.payments.in_the_way", meeting_of_two(lambda **_: Payment.objects.none())
    )
    together(partial(pay, link), partial(pay, link))
    assert Payment.objects.count() == 2


def meeting_of_two(call: Any) -> Any:
    return Meeting(2).after(call)


def test_questions_at_once_are_all_counted() -> None:
    asked: list[Any] = [
        partial(lookups.ask, typed=f"82{n:08d}", who="user:1", client_address="10.0.0.1", as_of=NOON)
        for n in range(14)
    ]
    outcomes = together(*asked)
    assert sum(outcome.is_allowed for outcome in outcomes) == 10
    assert AccountLookup.objects.count() == 10
