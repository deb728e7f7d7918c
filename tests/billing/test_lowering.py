"""Part of a bill taken back: the unpaid part first, then what was paid is credit; the books stay right."""

import pytest

from billing.models import Allocation, Bill, Receipt
from billing.services.bills import lowering
from billing.services.bills.adjustments import AboveOpen
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def paid(of: Bill, cents: int) -> None:
    payment = build.payment(of.account, cents, first=of)
    build.apply(payment, build.report(payment))


def lower(of: Bill, cents: int) -> lowering.Lowered:
    return lowering.lower(bill_id=of.pk, amount_cents=cents, reason="退", actor=build.ACTOR, as_of=NOON)


def figures(of: Bill) -> tuple[int, int, int]:
    """paid, adjusted, open"""
    of.refresh_from_db()
    return of.paid_cents, of.adjusted_cents, of.open_cents


def test_what_is_not_paid_is_simply_not_owed() -> None:
    bill = build.bill(build.account(), 5000)
    assert lower(bill, 2000) == lowering.Lowered(2000, 0)
    assert figures(bill) == (0, 2000, 3000)
    assert build.balance(bill.account) == -3000
    assert build.books_are_right()


def test_beyond_it_what_was_paid_becomes_credit() -> None:
    bill = build.bill(build.account(), 5000)
    paid(bill, 3000)
    assert lower(bill, 4000) == lowering.Lowered(4000, 2000)
    assert figures(bill) == (1000, 4000, 0)
    assert build.balance(bill.account) == 2000
    assert Receipt.objects.get().free_cents == 2000
    assert build.books_are_right()


def test_the_last_money_is_freed_first_and_pays_other_bills() -> None:
    account = build.account()
    bill = build.bill(account, 5000)
    paid(bill, 3000)
    paid(bill, 2000)
    other = build.bill(account, 1500)
    lower(bill, 2500)
    assert figures(bill) == (2500, 2500, 0)
    assert figures(other) == (1500, 0, 0)
    freed = (
        Allocation.objects.filter(amount_cents__lt=0).order_by("pk").values_list("amount_cents", flat=True)
    )
    assert list(freed) == [-2000, -500]
    assert build.balance(account) == 1000
    assert build.books_are_right()


@pytest.mark.parametrize("cents", [0, -1, 5001])
def test_no_more_than_the_bill_comes_to(cents: int) -> None:
    bill = build.bill(build.account(), 5000)
    paid(bill, 5000)
    with pytest.raises(AboveOpen):
        lower(bill, cents)
    assert figures(bill) == (5000, 0, 0)
    assert build.books_are_right()


def test_all_of_it_once() -> None:
    bill = build.bill(build.account(), 5000)
    paid(bill, 5000)
    lower(bill, 5000)
    with pytest.raises(AboveOpen):
        lower(bill, 1)
    assert build.balance(bill.account) == 5000
