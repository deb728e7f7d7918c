"""Taking back part of a bill that may be paid already: what was paid on that part becomes the account's credit."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from accounts import locks as account_locks
from billing import locks
from billing.models import Allocation, Bill, Receipt
from billing.services.bills import adjustments
from billing.services.money import credits
from core import clock
from core.actor import Actor

_PAID_BY = """
    SELECT receipt_id, sum(amount_cents), max(effective_on) FROM billing_allocation WHERE bill_id = %s
     GROUP BY receipt_id HAVING sum(amount_cents) > 0 ORDER BY max(id) DESC"""


@dataclass(frozen=True, slots=True)
class Lowered:
    """Fen that are not owed any more, and fen of them that had been paid and are credit now."""

    cents: int
    credit_cents: int


def lower(*, bill_id: int, amount_cents: int, reason: str, actor: Actor, as_of: datetime) -> Lowered:
    """The bill is lower by the amount. The unpaid part goes first; beyond it, what was paid is free again.

    Free money pays other bills, if the account's credit does that by itself. Raises AboveOpen beyond what the bill
    still comes to.
    """
    with transaction.atomic():
        account_id = Bill.objects.values_list("account_id", flat=True).get(pk=bill_id)
        account_locks.hold(account_id)
        bill = locks.bill(bill_id)
        if not 0 < amount_cents <= bill.total_cents - bill.adjusted_cents:
            raise adjustments.AboveOpen()
        freed = max(0, amount_cents - bill.open_cents)
        if freed:
            _free(bill, freed, as_of=as_of)
        adjustments.adjust(
            bill_id=bill_id, amount_cents=amount_cents, reason=reason[:300], actor=actor, as_of=as_of
        )
        if freed:
            credits.use_again(account_id, as_of=as_of)
    return Lowered(amount_cents, freed)


def _free(bill: Bill, cents: int, *, as_of: datetime) -> None:
    """So much of what the bill was paid with is not allocated any more, the last money first."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID_BY, [bill.pk])
        paid_by = cursor.fetchall()
    locks.receipts([receipt_id for receipt_id, _cents, _on in paid_by])
    left = cents
    for receipt_id, settled, settled_on in paid_by:
        taken = min(left, int(settled))
        if not taken:
            break
        Allocation.objects.create(
            receipt_id=receipt_id,
            bill=bill,
            amount_cents=-taken,
            effective_on=max(clock.local_date(as_of), settled_on),
            at=as_of,
        )
        Receipt.objects.filter(pk=receipt_id).update(allocated_cents=F("allocated_cents") - taken)
        left -= taken
    Bill.objects.filter(pk=bill.pk).update(paid_cents=F("paid_cents") - cents)
