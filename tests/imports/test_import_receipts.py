import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from billing.models import AccountBalance, Allocation, Bill, Receipt
from billing.selectors import ledger_check
from billing.services.bulk import bulk_bills, bulk_receipts
from core import money
from tests import shared_data
from tests.conftest import NOON
from tests.imports import build

pytestmark = pytest.mark.django_db
H = build.RECEIPT_HEADER
AR = "accounts_receivable"


@pytest.fixture
def three_bills(tmp_path: Path) -> None:
    """81 owes 10 (older) and 20, 82 owes 30."""
    build.account("81")
    build.account("82")
    text = "1,81,,2026-10-01,2026-11-05,10\n2,81,,2026-11-01,2026-11-25,20\n3,82,,2026-11-01,2026-11-25,30\n"
    build.load(bulk_bills.load, build.file(tmp_path, build.BILL_HEADER + text))


def paid() -> dict[str, int]:
    return dict(Bill.objects.values_list("source_number", "paid_cents"))


def allocations() -> list[tuple[Any, ...]]:
    rows = Allocation.objects.order_by("id")
    return list(rows.values_list("receipt__trade_no", "bill__source_number", "amount_cents"))


@pytest.mark.usefixtures("three_bills")
def test_named_bill_first_then_oldest_and_the_rest_is_credit(tmp_path: Path) -> None:
    rows = "T1,81,2,25,2026-11-02 08:00:00\nT2,81,,10,2026-11-03\nT3,,3,5,2026-11-03\n"
    result = build.load(bulk_receipts.load, build.file(tmp_path, H + rows))
    assert result.counts.created == 3
    assert allocations() == [("T1", "2", 2000), ("T1", "1", 500), ("T2", "1", 500), ("T3", "3", 500)]
    assert paid() == {"1": 1000, "2": 2000, "3": 500}
    first, second = Receipt.objects.order_by("id")[:2]
    assert (first.gateway, first.trade_no, first.amount_cents) == ("import:boss", "T1", 2500)
    assert first.number.startswith("R20261118")
    assert first.paid_at == datetime.fromisoformat("2026-11-02T08:00:00+08:00")
    assert first.booked_at == NOON
    assert second.unallocated_cents == 500
    assert dict(AccountBalance.objects.values_list("account__number", "balance_cents")) == {
        "81": 500,
        "82": -2500,
    }
    assert not list(ledger_check.differences())


@pytest.mark.usefixtures("three_bills")
@pytest.mark.parametrize("chunk", [1, 100])
def test_each_bad_row_has_its_line_column_and_reason(tmp_path: Path, chunk: int) -> None:
    lines = [
        "T1,81,,1,2026-11-01",
        "T1,81,,1,2026-11-01",
        "T1,81,,2,2026-11-01",
        "T2,99,,1,2026-11-01",
        "T3,81,77,1,2026-11-01",
        "T4,81,3,1,2026-11-01",
        "T5,,,1,2026-11-01",
        "T6,81,,0,2026-11-01",
        "T7,81,,-1,2026-11-01",
        "T8,81,,1,yesterday",
        "T9,81,,1,",
        "T0,,77,1,2026-11-01",
    ]
    result = build.load(bulk_receipts.load, build.file(tmp_path, H + "\n".join(lines)), chunk_rows=chunk)
    assert (result.counts.created, result.counts.unchanged) == (1, 1)
    assert result.reasons == [
        (4, "金额" if chunk == 1 else "", "DUPLICATE"),
        (5, "户号", "UNKNOWN_ACCOUNT"),
        (6, "账单号", "UNKNOWN_BILL"),
        (7, "账单号", "OTHER_ACCOUNT"),
        (8, "户号", "MISSING"),
        (9, "金额", "ZERO_AMOUNT"),
        (10, "金额", "NEGATIVE_AMOUNT"),
        (11, "支付时间", "BAD_DATE"),
        (12, "支付时间", "MISSING"),
        (13, "账单号", "UNKNOWN_BILL"),
    ]
    assert paid() == {"1": 100, "2": 0, "3": 0}
    assert not list(ledger_check.differences())


@pytest.mark.usefixtures("three_bills")
@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("T1,82,,1,2026-11-01", "户号"),
        ("T1,81,,2,2026-11-01", "金额"),
        ("T1,81,,1,2026-11-02", "支付时间"),
        ("T1,81,,1,2026-11-01", None),
    ],
)
def test_a_receipt_is_booked_once(tmp_path: Path, row: str, column: str | None) -> None:
    build.load(bulk_receipts.load, build.file(tmp_path, H + "T1,81,,1,2026-11-01\n"))
    again = build.load(bulk_receipts.load, build.file(tmp_path, H + row))
    assert again.reasons == ([(2, column, "CHANGED")] if column else [])
    assert again.counts.unchanged == (0 if column else 1)
    assert paid() == {"1": 100, "2": 0, "3": 0}


@pytest.mark.usefixtures("three_bills")
def test_a_dry_run_books_nothing(tmp_path: Path) -> None:
    path = build.file(tmp_path, H + "T1,81,,1,2026-11-01\n")
    assert build.load(bulk_receipts.load, path, dry_run=True).counts.created == 1
    assert not Receipt.objects.exists()
    assert paid() == {"1": 0, "2": 0, "3": 0}


_STATE = """
    SELECT count(*) FILTER (WHERE open > 0), coalesce(sum(open), 0),
           count(*) FILTER (WHERE open > 0 AND due_on < %(day)s),
           coalesce(sum(open) FILTER (WHERE due_on < %(day)s), 0),
           count(DISTINCT account_id) FILTER (WHERE open > 0 AND due_on < %(day)s)
      FROM (SELECT b.account_id, b.due_on,
                   b.total_cents - coalesce((SELECT sum(x.amount_cents) FROM billing_allocation x
                                               JOIN billing_receipt r ON r.id = x.receipt_id
                              WHERE x.bill_id = b.id
                                AND (r.paid_at AT TIME ZONE 'Asia/Shanghai')::date <= %(day)s), 0) AS open
              FROM billing_bill b WHERE b.issued_on <= %(day)s) AS state"""


def test_accounts_receivable_is_open_and_overdue_as_known() -> None:
    facts = json.loads(shared_data.require("facts.json").read_text(encoding="utf-8"))["invoices"]
    path = shared_data.require("invoices/accounts_receivable.csv")
    assert build.load(bulk_bills.load, path, profile=AR).counts.created == facts["rows"]
    result = build.load(bulk_receipts.load, path, profile=AR, chunk_rows=300)
    assert (result.counts.created, result.rejects) == (facts["rows"], [])
    assert sum(Receipt.objects.values_list("amount_cents", flat=True)) == money.parse_yuan(
        facts["total_amount"]
    )
    assert not Bill.objects.open().exists()
    assert set(AccountBalance.objects.values_list("balance_cents", flat=True)) == {0}
    for day, known in facts["as_of"].items():
        with connection.cursor() as cursor:
            cursor.execute(_STATE, {"day": day})
            count, amount, overdue, overdue_amount, customers = cursor.fetchone()
        assert (count, money.yuan(int(amount))) == (known["open_invoices"], known["open_amount"])
        assert (overdue, money.yuan(int(overdue_amount))) == (
            known["overdue_invoices"],
            known["overdue_amount"],
        )
        assert customers == known["customers_in_arrears"]
    assert not list(ledger_check.differences())
    again = build.load(bulk_receipts.load, path, profile=AR)
    assert (again.counts.created, again.counts.unchanged) == (0, facts["rows"])


@pytest.mark.usefixtures("three_bills")
def test_money_of_the_future_is_rejected_and_costs_no_penalty(tmp_path: Path) -> None:
    rows = "T1,81,,60,2099-11-02 08:00:00\nT2,81,,60,2026-11-18 23:59:59\n"
    result = build.load(bulk_receipts.load, build.file(tmp_path, H + rows))
    assert [reason for _line, _column, reason in result.reasons] == ["PAID_IN_FUTURE"]
    assert list(Receipt.objects.values_list("trade_no", flat=True)) == ["T2"]
