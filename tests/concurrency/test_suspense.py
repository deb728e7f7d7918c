"""Held money under two hands at once: clerk against clerk, clerk against callback, callback against callback."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing import locks
from billing.models import LedgerEntry, Receipt, ReceiptTransfer
from billing.services.money import credits, reviews, suspense
from tests.billing import build
from tests.billing.test_suspense import unknown
from tests.billing.test_suspense_staff import held, in_suspense, transfer, use
from tests.concurrency.races import Meeting, caught, one_behind_the_other
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def without_locks(monkeypatch: pytest.MonkeyPatch, *, parties: int) -> None:
    """All have read the receipt before one of them writes."""
    meeting = Meeting(parties)
    read = meeting.after(lambda pk: Receipt.objects.get(pk=pk))
    monkeypatch.setattr(account_locks, "account", lambda pk: BillingAccount.every.get(pk=pk))
    monkeypatch.setattr(account_locks, "hold", lambda pk: None)
    monkeypatch.setattr(locks, "receipt", read)
    monkeypatch.setattr(locks, "receipt_with_account", read)


def refund_reported(cents: int = 1000) -> Any:
    """The gateway tells that it gave back some of the unknown money."""
    report = replace(unknown(), total_refunded_cents=cents)
    return partial(suspense.apply, report=report, as_of=NOON, actor=build.ACTOR)


def two_owners() -> tuple[Receipt, list[Callable[[], Any]], list[BillingAccount]]:
    receipt, owners = in_suspense(), [build.account(), build.account()]
    return receipt, [caught(partial(transfer, receipt, owner.number)) for owner in owners], owners


def spent_twice() -> tuple[Receipt, Callable[[], Any]]:
    account = build.account()
    receipt = held(account)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    build.bill(account, 5200)
    return receipt, caught(partial(use, receipt))


def test_control_without_locks_two_clerks_give_one_receipt_to_two_accounts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _receipt, calls, _owners = two_owners()
    without_locks(monkeypatch, parties=2)
    together(*calls)
    assert ReceiptTransfer.objects.count() == 2
    assert not build.books_are_right()


def test_two_clerks_give_one_receipt_to_one_account() -> None:
    receipt, calls, owners = two_owners()
    first, second = one_behind_the_other(*calls)
    assert (first, type(second)) == (0, reviews.ReceiptChanged)
    receipt.refresh_from_db()
    assert receipt.account == owners[0]
    assert ReceiptTransfer.objects.count() == 1
    assert build.books_are_right()


def test_control_without_locks_only_a_constraint_keeps_money_from_being_used_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _receipt, call = spent_twice()
    without_locks(monkeypatch, parties=2)
    results = together(call, call)
    assert any(isinstance(result, IntegrityError) for result in results)


def test_two_clerks_use_one_receipt_once() -> None:
    receipt, call = spent_twice()
    first, second = one_behind_the_other(call, call)
    assert (first, type(second)) == (2600, reviews.NothingFree)
    receipt.refresh_from_db()
    assert receipt.allocated_cents == 2600
    assert build.books_are_right()


def test_a_clerk_who_moves_and_one_who_uses() -> None:
    account, target = build.account(), build.account()
    receipt = held(account)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    build.bill(account, 5200)
    results = one_behind_the_other(
        caught(partial(use, receipt)), caught(partial(transfer, receipt, target.number))
    )
    assert [type(result) for result in results] == [int, reviews.ReceiptUsed]
    other = held(build.account())
    results = one_behind_the_other(
        caught(partial(transfer, other, target.number)), caught(partial(use, other))
    )
    assert [type(result) for result in results] == [int, reviews.ReceiptChanged]
    assert build.books_are_right()


def test_control_without_locks_a_refund_meets_money_on_the_move(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt, account, told = in_suspense(), build.account(), refund_reported()
    without_locks(monkeypatch, parties=2)
    results = together(caught(partial(transfer, receipt, account.number)), caught(told))
    refused = any(isinstance(result, IntegrityError) for result in results)  # by receipt_moves_only_whole
    assert refused or not build.books_are_right()


@pytest.mark.parametrize("clerk_first", [True, False])
def test_a_refund_and_a_clerk_who_moves_the_money(clerk_first: bool) -> None:
    receipt, account, told = in_suspense(), build.account(), refund_reported()
    clerk = caught(partial(transfer, receipt, account.number))
    results = one_behind_the_other(*((clerk, caught(told)) if clerk_first else (caught(told), clerk)))
    receipt.refresh_from_db()
    assert receipt.refunded_cents == 1000
    if clerk_first:
        assert (receipt.account, build.balance(account)) == (account, 1600)
    else:
        assert isinstance(results[1], reviews.ReceiptUsed)
        assert receipt.account.purpose == BillingAccount.Purpose.SUSPENSE
    assert build.books_are_right()


@pytest.mark.parametrize("clerk_first", [True, False])
def test_a_redelivered_callback_and_a_clerk_who_moves_the_money(clerk_first: bool) -> None:
    receipt, account, again = in_suspense(), build.account(), refund_reported(0)
    clerk = caught(partial(transfer, receipt, account.number))
    one_behind_the_other(*((clerk, again) if clerk_first else (again, clerk)))
    assert Receipt.objects.get() == receipt
    assert Receipt.objects.get().account == account
    assert build.books_are_right()


def test_many_callbacks_of_the_first_unknown_money_book_it_once() -> None:
    report = unknown()
    together(*[partial(suspense.apply, report=report, as_of=NOON, actor=build.ACTOR)] * 6)
    assert Receipt.objects.count() == LedgerEntry.objects.count() == 1
    assert BillingAccount.every.filter(purpose="SUSPENSE").count() == 1
    assert build.books_are_right()


def test_transfers_crosswise_do_not_block_each_other() -> None:
    accounts = [build.account(), build.account()]
    receipts = [held(account) for account in accounts]
    together(
        partial(transfer, receipts[0], accounts[1].number),
        partial(transfer, receipts[1], accounts[0].number),
        seconds=20,
    )
    assert ReceiptTransfer.objects.count() == 2
    assert build.books_are_right()
