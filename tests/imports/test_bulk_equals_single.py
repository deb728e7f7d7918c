"""The bulk writers leave exactly what the single services would, on random accounts, bills and receipts."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import locks
from accounts.models import BillingAccount
from billing.selectors import ledger_check
from billing.services.bills import bills
from billing.services.bulk import bulk_bills, bulk_receipts
from billing.services.money import credits, receipts
from core import money
from core.clock import SHANGHAI
from tests.conftest import NOON
from tests.imports import build

pytestmark = pytest.mark.django_db
ACCOUNTS, BILLS, RECEIPTS = 60, 400, 500
ADVANCE = 60  # receipts that come before any bill: credit that pays bills by itself
_TABLES = {  # everything but primary keys and numbers, which only have to differ
    "bills": """SELECT known, a.number, kind, period, issued_on, due_on, total_cents, paid_cents, open_cents, source,
                       b.created_at
                  FROM known_bill b JOIN accounts_billingaccount a ON a.id = account_id""",
    "lines": """SELECT known, position, code, amount_cents, source_kind FROM billing_billline l
                  JOIN known_bill b ON b.id = bill_id""",
    "penalties": """SELECT known, periods, cap_cents, computed_cents, waived_cents, billed_before_cents
                      FROM billing_penalty p JOIN known_bill b ON b.id = p.bill_id""",
    "receipts": """SELECT gateway, trade_no, a.number, amount_cents, allocated_cents, refunded_cents, review_reason,
                          payment_id, paid_at, booked_at
                     FROM billing_receipt r JOIN accounts_billingaccount a ON a.id = account_id""",
    "allocations": """SELECT trade_no, known, x.amount_cents, x.effective_on, x.at FROM billing_allocation x
                        JOIN billing_receipt r ON r.id = receipt_id JOIN known_bill b ON b.id = bill_id""",
    "entries": """SELECT a.number, e.kind, e.amount_cents, known, r.trade_no, e.refund_id, e.at
                    FROM billing_ledgerentry e JOIN accounts_billingaccount a ON a.id = e.account_id
                    LEFT JOIN known_bill b ON b.id = bill_id LEFT JOIN billing_receipt r ON r.id = receipt_id""",
    "balances": """SELECT a.number, balance_cents FROM billing_accountbalance
                     JOIN accounts_billingaccount a ON a.id = account_id""",
}
# A bill by its number at the source; one of a penalty by the number of the bill that was late.
_KNOWN = """
    CREATE TEMPORARY VIEW known_bill AS
    SELECT b.*, coalesce(late.source_number || ' penalty', b.source_number) AS known
      FROM billing_bill b LEFT JOIN billing_bill late ON late.id = b.penalty_of_id"""


def state() -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_seqscan = on; ANALYZE"
        )  # an import left its own wishes for plans behind
        cursor.execute(_KNOWN)
        for name, sql in _TABLES.items():
            cursor.execute(sql)
            found[name] = sorted(cursor.fetchall(), key=repr)
    return found


def random_bills(rng: random.Random) -> list[tuple[str, str, date, date, int]]:
    rows = []
    for number in range(BILLS):
        issued = date(2026, 1, 1) + timedelta(days=rng.randrange(300))
        due = issued + timedelta(days=rng.choice([0, 10, 30]))  # many share a day: the order must be the same
        account = f"{rng.randrange(ACCOUNTS):04d}"
        rows.append(
            (f"{number:06d}", account, issued, due, rng.choice([0, 1, 999, 2600, rng.randrange(50_000)]))
        )
    return rows


def random_receipts(
    rng: random.Random, given: list[tuple[str, str, date, date, int]]
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for number in range(RECEIPTS):
        bill, account, _issued, due, cents = rng.choice(given)
        amount = rng.choice([1, max(cents, 1), 2 * cents + 1, rng.randrange(1, 60_000)])
        day = min(due + timedelta(days=rng.choice([-20, 0, 0, 1, 40])), NOON.date())
        paid = datetime(day.year, day.month, day.day, rng.randrange(24), tzinfo=SHANGHAI)
        named = bill if number >= ADVANCE and rng.random() < 0.5 else ""
        rows.append((f"T{number:06d}", account, named, money.yuan(amount), f"{paid:%Y-%m-%d %H:%M:%S}"))
    return rows


def one_by_one(given: list[tuple[str, str, date, date, int]], paid: list[tuple[str, ...]]) -> None:
    ids = dict(BillingAccount.objects.values_list("number", "id"))
    bill_ids: dict[str, int] = {}
    advance = paid[:ADVANCE]
    _book(advance, ids, bill_ids)
    for number, account, issued, due, cents in given:
        bill_ids[number] = bills.issue(
            account_id=ids[account],
            lines=[bills.Line("import", "账单金额", cents)],
            issued_on=issued,
            due_on=due,
            source="boss",
            source_number=number,
            period=f"{issued:%Y-%m}",
            as_of=NOON,
        ).pk
    _book(paid[ADVANCE:], ids, bill_ids)


def _book(paid: list[tuple[str, ...]], ids: dict[str, int], bill_ids: dict[str, int]) -> None:
    for trade_no, account, bill, amount, at in paid:
        with transaction.atomic():
            locks.account(ids[account])
            receipts.book(
                account_id=ids[account],
                gateway="import:boss",
                trade_no=trade_no,
                amount_cents=money.parse_yuan(amount),
                paid_at=datetime.strptime(at, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI),
                as_of=NOON,
                first_bill_id=bill_ids[bill] if bill else None,
            )


def in_bulk(
    folder: Path, given: list[tuple[str, str, date, date, int]], paid: list[tuple[str, ...]], chunk: int
) -> None:
    _import(folder, paid[:ADVANCE], chunk)
    text = "".join(f"{n},{a},,{i},{d},{money.yuan(c)}\n" for n, a, i, d, c in given)
    path = build.file(folder, build.BILL_HEADER + text, "bills.csv")
    assert build.load(bulk_bills.load, path, chunk_rows=chunk).counts.created == BILLS
    _import(folder, paid[ADVANCE:], chunk)


def _import(folder: Path, paid: list[tuple[str, ...]], chunk: int) -> None:
    text = "".join(",".join(row) + "\n" for row in paid)
    path = build.file(folder, build.RECEIPT_HEADER + text, "receipts.csv")
    assert build.load(bulk_receipts.load, path, chunk_rows=chunk).counts.created == len(paid)


@pytest.mark.parametrize(("seed", "chunk"), [(1, 20_000), (2, 7), (3, 100)])
def test_bulk_and_single_leave_the_same(tmp_path: Path, seed: int, chunk: int) -> None:
    rng = random.Random(seed)
    for number in range(ACCOUNTS):
        kept = build.account(f"{number:04d}")
        if number % 10 == 0:
            credits.set_automatic(account_id=kept.pk, is_automatic=False, as_of=NOON)
    given = random_bills(rng)
    paid = random_receipts(rng, given)
    single = _state_after(lambda: one_by_one(given, paid))
    bulk = _state_after(lambda: in_bulk(tmp_path, given, paid, chunk))
    for name in _TABLES:
        assert bulk[name] == single[name], name
    assert len(single["allocations"]) > RECEIPTS / 2
    assert len(single["penalties"]) > 20


def _state_after(write: Callable[[], None]) -> dict[str, list[tuple[Any, ...]]]:
    """What a way of writing leaves; undone."""
    before = transaction.savepoint()
    write()
    assert not list(ledger_check.differences())
    found = state()
    transaction.savepoint_rollback(before)
    return found
