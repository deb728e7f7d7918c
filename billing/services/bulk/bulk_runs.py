"""Bills of a run, a chunk at a time: the same rows that `bills.issue` would write one by one.

A bill is known by (source, source_number); the caller knows under the accounts' locks that these are new. Should one
be there nevertheless, the database refuses the chunk.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from billing.services.bills.bills import BadBill, Line
from billing.services.bulk import bulk_credits, bulk_rows
from core import clock
from core.imports import staging
from core.imports.staging import Stage

_BILL_STAGE = Stage(
    "run_bill",
    {
        "bill_id": "bigint",
        "account_id": "bigint",
        "number": "text",
        "issued_on": "date",
        "due_on": "date",
        "period": "text",
        "total_cents": "bigint",
    },
)
_LINE_STAGE = Stage(
    "run_line",
    {
        "bill_id": "bigint",
        "position": "smallint",
        "code": "text",
        "text": "text",
        "amount_cents": "bigint",
        "source_kind": "text",
        "source_id": "text",
    },
)


@dataclass(frozen=True, slots=True)
class RunBill:
    """A bill to be written: the number that it has at its source, and at least one line."""

    account_id: int
    source_number: str
    lines: Sequence[Line]
    total_cents: int  # the sum of the lines


def prepare() -> None:
    """The temporary tables that `issue` needs, once per session."""
    _BILL_STAGE.create()
    _LINE_STAGE.create()


def issue(
    bills: Collection[RunBill], *, source: str, period: str, issued_on: date, due_on: date, as_of: datetime
) -> list[int]:
    """The bills, their lines and ledger entries exist, and credit has paid them; their ids in the order given.

    Called in a transaction that holds the accounts' locks. BadBill for one without lines, below zero, or with a total
    that its lines do not have.
    """
    if not bills:
        return []
    for bill in bills:
        if not bill.lines or not 0 <= bill.total_cents == sum(line.amount_cents for line in bill.lines):
            raise BadBill()
    ids = staging.next_ids("billing_bill", len(bills))
    _BILL_STAGE.fill(
        (bill_id, bill.account_id, bill.source_number, str(issued_on), str(due_on), period, bill.total_cents)
        for bill_id, bill in zip(ids, bills, strict=True)
    )
    _LINE_STAGE.fill(_lines(ids, bills))
    prefix = f"B{clock.local_date(as_of):%Y%m%d}"
    staging.execute(_WRITE, {"prefix": prefix, "source": source, "at": as_of})
    bulk_credits.use_for(
        _written(ids, bills, issued_on, due_on),
        account_ids={bill.account_id for bill in bills},
        as_of=as_of,
    )
    return ids


def _lines(ids: Sequence[int], bills: Collection[RunBill]) -> Iterator[tuple[int | str, ...]]:
    for bill_id, bill in zip(ids, bills, strict=True):
        for position, line in enumerate(bill.lines, start=1):
            yield (
                bill_id,
                position,
                line.code,
                line.text,
                line.amount_cents,
                line.source_kind,
                line.source_id,
            )


def _written(
    ids: Sequence[int], bills: Collection[RunBill], issued_on: date, due_on: date
) -> Iterator[bulk_credits.NewBill]:
    for bill_id, bill in zip(ids, bills, strict=True):
        yield bulk_credits.NewBill(bill_id, bill.account_id, bill.total_cents, issued_on, due_on)


_WRITE = (
    bulk_rows.BILLS.format(stage=_BILL_STAGE.table)
    + """
    INSERT INTO billing_billline (bill_id, position, code, text, amount_cents, source_kind, source_id)
    SELECT bill_id, position, code, text, amount_cents, source_kind, source_id FROM run_line;"""
    + bulk_rows.LEDGER.format(stage=_BILL_STAGE.table)
)
