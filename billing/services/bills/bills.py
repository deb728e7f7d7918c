"""Issuing bills."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from billing.models import Bill, BillKind, BillLine, EntryKind
from billing.services.money import credits, ledger
from core import clock, sequences
from core.errors import HallError
from core.idempotency import IdempotencyConflict


class BadBill(HallError):
    code = "BAD_BILL"
    message = _("账单明细为空或合计为负")


@dataclass(frozen=True, slots=True)
class Line:
    """One item: the biller's code, what the customer reads, fen (negative: a discount), and what it is for."""

    code: str
    text: str
    amount_cents: int
    source_kind: str = ""
    source_id: str = ""


def issue(
    *,
    account_id: int,
    lines: Sequence[Line],
    issued_on: date,
    due_on: date,
    source: str,
    source_number: str,
    as_of: datetime,
    kind: BillKind = BillKind.PERIODIC,
    period: str = "",
) -> Bill:
    """The bill, its lines and its ledger entry exist, once per (source, source_number).

    Credit of the account pays it at once unless the customer chose otherwise. The same bill again returns the first
    one; another total under the same number raises IdempotencyConflict.
    """
    total = sum(line.amount_cents for line in lines)
    if not lines or total < 0:
        raise BadBill()
    with transaction.atomic():
        account_locks.account(account_id)
        existing = Bill.objects.filter(source=source, source_number=source_number).first()
        if existing is not None:
            if (existing.account_id, existing.total_cents) != (account_id, total):
                raise IdempotencyConflict()
            return existing
        bill = Bill.objects.create(
            number=sequences.next_number("bill_number", prefix="B", on=clock.local_date(as_of)),
            account_id=account_id,
            kind=kind,
            period=period,
            issued_on=issued_on,
            due_on=due_on,
            total_cents=total,
            source=source,
            source_number=source_number,
            created_at=as_of,
        )
        BillLine.objects.bulk_create(_rows(bill, lines))
        ledger.post(
            account_id=account_id, kind=EntryKind.BILL, amount_cents=-total, bill_id=bill.pk, as_of=as_of
        )
        if credits.use_for_new(bill, as_of=as_of):
            bill.refresh_from_db(fields=["paid_cents", "open_cents"])
    return bill


def _rows(bill: Bill, lines: Sequence[Line]) -> list[BillLine]:
    return [
        BillLine(
            bill=bill,
            position=position,
            code=line.code,
            text=line.text,
            amount_cents=line.amount_cents,
            source_kind=line.source_kind,
            source_id=line.source_id,
        )
        for position, line in enumerate(lines, start=1)
    ]
