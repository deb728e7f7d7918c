"""Using an account's credit for its bills."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import F

from accounts import locks as account_locks
from billing import locks, rules
from billing.models import BalancePreference, Bill, Receipt
from billing.services.money import allocations
from core import clock

_HAS_AUTOMATIC_CREDIT = """
    SELECT EXISTS (SELECT FROM billing_receipt
                    WHERE account_id = %(account)s
                      AND amount_cents > allocated_cents + refunded_cents + refunding_cents
                      AND (review_reason = '' OR reviewed_at IS NOT NULL))
       AND NOT EXISTS (SELECT FROM billing_balancepreference
                        WHERE account_id = %(account)s AND NOT is_automatic)"""


def is_automatic(account_id: int) -> bool:
    """Whether the account's credit pays its new bills by itself: yes, unless the customer chose otherwise."""
    return not BalancePreference.objects.filter(account_id=account_id, is_automatic=False).exists()


def use(*, account_id: int, as_of: datetime, first_bill_id: int | None = None) -> int:
    """Credit that nobody must look at pays open bills, oldest money first; returns the fen used."""
    used, today = 0, clock.local_date(as_of)
    with transaction.atomic():
        account_locks.account(account_id)
        for receipt in locks.credits(account_id):
            owed = allocations.owed(account_id, on=today)
            cents = _settle(receipt, owed, on=today, as_of=as_of, first_bill_id=first_bill_id)
            if not cents:
                break
            used += cents
    return used


def use_again(account_id: int, *, as_of: datetime) -> int:
    """Credit that was kept back is free again: it pays what came due meanwhile, if the account's credit does that by
    itself; returns the fen used."""
    return use(account_id=account_id, as_of=as_of) if is_automatic(account_id) else 0


def use_for_new(bill: Bill, *, as_of: datetime) -> int:
    """Pays a bill that was just issued, if the account's credit does that by itself; returns the fen used.

    Money that was there counts from the day of issue, also when the bill is written down later. The caller holds the
    account's lock.
    """
    if not bill.total_cents or not _has_automatic_credit(bill.account_id):
        return 0
    used = 0
    for receipt in locks.credits(bill.account_id):
        on = effective_on(bill.issued_on, receipt.paid_at, as_of=as_of)
        owed = [one for one in allocations.owed(bill.account_id, on=on) if one.bill_id == bill.pk]
        cents = _settle(receipt, owed, on=on, as_of=as_of)
        if not cents:
            break
        used += cents
    return used


def use_for_opened(bill_ids: Collection[int], *, as_of: datetime) -> int:
    """Other credit pays the bills of one account that are owed again, if it does so by itself; returns the fen used.

    Money that was there meanwhile counts from when it came: that a bill was taken for paid must not cost a penalty.
    The caller holds the account's lock.
    """
    opened = list(Bill.objects.filter(pk__in=bill_ids).order_by("due_on", "pk"))
    used = sum(use_for_new(bill, as_of=as_of) for bill in opened)
    if opened:  # a penalty that this brought is a bill of its own
        used += use_again(opened[0].account_id, as_of=as_of)
    return used


def effective_on(issued_on: date, paid_at: datetime, *, as_of: datetime) -> date:
    """The day on which credit that was paid then pays a bill that was issued then."""
    return min(clock.local_date(as_of), max(issued_on, clock.local_date(paid_at)))


def set_automatic(*, account_id: int, is_automatic: bool, as_of: datetime) -> int:
    """Whether credit pays bills by itself from now on; switched on, it pays what is open now. Returns the fen used."""
    with transaction.atomic():
        account_locks.account(account_id)
        BalancePreference.objects.update_or_create(
            account_id=account_id, defaults={"is_automatic": is_automatic, "changed_at": as_of}
        )
        return use(account_id=account_id, as_of=as_of) if is_automatic else 0


def _settle(
    receipt: Receipt,
    owed: list[rules.Owed],
    *,
    on: date,
    as_of: datetime,
    first_bill_id: int | None = None,
) -> int:
    settlement = rules.settle(receipt.free_cents, owed, first_bill_id=first_bill_id)
    if settlement.shares:
        allocations.write(receipt_id=receipt.pk, settlement=settlement, on=on, as_of=as_of)
        Receipt.objects.filter(pk=receipt.pk).update(allocated_cents=F("allocated_cents") + settlement.cents)
    return settlement.cents


def _has_automatic_credit(account_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_HAS_AUTOMATIC_CREDIT, {"account": account_id})
        (found,) = cursor.fetchone()
    return bool(found)
