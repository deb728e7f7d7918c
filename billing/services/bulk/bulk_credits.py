"""Credit for many new bills at once: what `credits.use_for_new` would do for each of them in turn."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from billing import locks
from billing.models import Bill
from billing.services.money import credits
from core.imports import staging
from core.imports.staging import Stage

SHARE_STAGE = Stage(
    "import_credit_share",
    {"receipt_id": "bigint", "bill_id": "bigint", "cents": "bigint", "effective_on": "date"},
)


class NewBill(NamedTuple):
    id: int
    account_id: int
    cents: int
    issued_on: date
    due_on: date


@dataclass(slots=True)
class _Credit:
    receipt_id: int
    cents: int
    paid_at: datetime


def use_for(bills: Iterable[NewBill], *, account_ids: Collection[int], as_of: datetime) -> int:
    """The credit of these accounts pays their new bills, unless a customer chose otherwise; returns the fen used.

    The bills are written and in the order of issue; the accounts' locks are held. `bills` is not even asked for its
    first when no account has credit, as in nearly every chunk.
    """
    free = _free(account_ids)
    return _pay([bill for bill in bills if bill.account_id in free], free, as_of=as_of) if free else 0


def _pay(bills: Sequence[NewBill], free: dict[int, list[_Credit]], *, as_of: datetime) -> int:
    shares: list[tuple[int, int, int, str]] = []
    alone: set[int] = set()  # accounts whose money came after a due date: penalties are billed one by one
    for bill in bills:
        found = free[bill.account_id]
        if any(credits.effective_on(bill.issued_on, one.paid_at, as_of=as_of) > bill.due_on for one in found):
            alone.add(bill.account_id)
        if bill.account_id not in alone:
            shares += _take(bill, found, as_of=as_of)
    _write(shares, as_of=as_of)
    used = sum(cents for _receipt, _bill, cents, _on in shares)
    late = [bill.id for bill in bills if bill.account_id in alone]
    return used + sum(
        credits.use_for_new(bill, as_of=as_of) for bill in Bill.objects.filter(pk__in=late).order_by("id")
    )


def _take(bill: NewBill, found: list[_Credit], *, as_of: datetime) -> list[tuple[int, int, int, str]]:
    taken, left = [], bill.cents
    for credit in found:
        cents = min(left, credit.cents)
        if cents > 0:
            on = credits.effective_on(bill.issued_on, credit.paid_at, as_of=as_of)
            taken.append((credit.receipt_id, bill.id, cents, on.isoformat()))
            credit.cents -= cents
            left -= cents
    return taken


def _free(account_ids: Collection[int]) -> dict[int, list[_Credit]]:
    """What the accounts have to their credit and let be used by itself, oldest first; all locked."""
    found: dict[int, list[_Credit]] = {}
    for account_id, receipt_id, cents, paid_at in locks.automatic_credits(account_ids):
        found.setdefault(account_id, []).append(_Credit(receipt_id, cents, paid_at))
    return found


def _write(shares: Sequence[tuple[int, int, int, str]], *, as_of: datetime) -> None:
    if not shares:
        return
    SHARE_STAGE.create()
    SHARE_STAGE.fill(shares)
    staging.execute(_WRITE, {"at": as_of})


_WRITE = """
    INSERT INTO billing_allocation (receipt_id, bill_id, amount_cents, effective_on, at)
    SELECT receipt_id, bill_id, cents, effective_on, %(at)s FROM import_credit_share;
    UPDATE billing_bill SET paid_cents = paid_cents + share.cents
      FROM (SELECT bill_id, sum(cents)::bigint AS cents FROM import_credit_share GROUP BY bill_id) AS share
     WHERE billing_bill.id = share.bill_id;
    UPDATE billing_receipt SET allocated_cents = allocated_cents + share.cents
      FROM (SELECT receipt_id, sum(cents)::bigint AS cents FROM import_credit_share GROUP BY receipt_id) AS share
     WHERE billing_receipt.id = share.receipt_id;"""
