"""Using a receipt's money for bills, and taking it back. Callers hold the account's lock."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import F

from billing import locks, rules
from billing.events import OrderBillPaid
from billing.models import Allocation, Bill, Receipt
from billing.selectors import penalties as penalty_reads
from billing.services.bills import penalties
from core import outbox
from core.errors import Conflict

_SETTLE = """
    WITH share (bill_id, cents) AS (SELECT * FROM unnest(%(bills)s::bigint[], %(cents)s::bigint[])),
    written AS (INSERT INTO billing_allocation (receipt_id, bill_id, amount_cents, effective_on, at)
                SELECT %(receipt)s, bill_id, cents, %(on)s, %(at)s FROM share)
    UPDATE billing_bill SET paid_cents = paid_cents + share.cents FROM share WHERE billing_bill.id = share.bill_id
    RETURNING billing_bill.number, billing_bill.account_id,
              billing_bill.kind = 'ORDER' AND billing_bill.open_cents = 0"""


class AboveAllocated(Conflict):
    code = "ABOVE_ALLOCATED"


def owed(account_id: int, *, on: date) -> list[rules.Owed]:
    """The account's open bills, locked, oldest due first, with the penalties that paying them off on the day brings."""
    bills = locks.open_bills([account_id])
    late = [bill.id for bill in bills if bill.may_cost(on)]
    accrued = penalty_reads.accrued(late, on=on)
    return [
        rules.Owed(
            bill.id,
            bill.cents,
            accrued[bill.id].cents if bill.id in accrued else 0,
            bill.is_penalty,
        )
        for bill in bills
    ]


def write(*, receipt_id: int, settlement: rules.Settlement, on: date, as_of: datetime) -> None:
    """One allocation per share, effective `on`; penalties that fall due are billed and get theirs.

    The bills' paid sums move with the allocations, in one statement. The receipt's own `allocated_cents` is the
    caller's: he writes it with the receipt.
    """
    shares = [*settlement.shares, *_penalty_shares(settlement, on=on, as_of=as_of)]
    if not shares:
        return
    values: dict[str, Any] = {
        "receipt": receipt_id,
        "on": on,
        "at": as_of,
        "bills": [share.bill_id for share in shares],
        "cents": [share.cents for share in shares],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, values)
        settled = [(number, account_id) for number, account_id, is_paid_order in cursor if is_paid_order]
    for number, account_id in settled:
        outbox.publish(OrderBillPaid(number, account_id), as_of=as_of)


def reverse(*, receipt_id: int, cents: int, on: date, as_of: datetime) -> Sequence[int]:
    """So much of what the receipt had settled is owed again from `on`; returns the ids of the bills.

    The last bills that it settled come first. What was settled after `on` is owed again from that day: or the days
    between would cost penalty on more than the bill. Raises AboveAllocated when the receipt settled less.
    """
    receipt = locks.receipt(receipt_id)
    if not 0 < cents <= receipt.allocated_cents:
        raise AboveAllocated()
    left, opened = cents, []
    for bill_id, settled, settled_on in _settled_by(receipt):
        taken = min(left, settled)
        if taken <= 0:
            continue
        Allocation.objects.create(
            receipt=receipt, bill_id=bill_id, amount_cents=-taken, effective_on=max(on, settled_on), at=as_of
        )
        Bill.objects.filter(pk=bill_id).update(paid_cents=F("paid_cents") - taken)
        opened.append(bill_id)
        left -= taken
    Receipt.objects.filter(pk=receipt.pk).update(allocated_cents=F("allocated_cents") - cents)
    return opened


def _penalty_shares(settlement: rules.Settlement, *, on: date, as_of: datetime) -> list[rules.Share]:
    shares = []
    for share in settlement.penalties:
        written = penalties.bill(bill_id=share.bill_id, on=on, as_of=as_of)
        if written is None or written.total_cents != share.total_cents:
            raise AssertionError("a penalty changed under its account's lock")
        if share.cents:
            shares.append(rules.Share(written.pk, share.cents))
    return shares


def _settled_by(receipt: Receipt) -> list[tuple[int, int, date]]:
    """(bill, fen, from which day at the latest) that the receipt settles now, the latest first."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, [receipt.pk])
        return [(bill_id, int(cents), day) for bill_id, cents, day in cursor.fetchall()]


_SETTLED = """
    SELECT bill_id, sum(amount_cents), max(effective_on) FROM billing_allocation WHERE receipt_id = %s
     GROUP BY bill_id HAVING sum(amount_cents) > 0 ORDER BY max(id) DESC"""
