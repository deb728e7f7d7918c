import csv
import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection

from accounts.models import BillingAccount, Customer
from accounts.services import bulk_accounts
from billing.models import AccountBalance, Bill, BillLine, LedgerEntry
from billing.selectors import ledger_check
from billing.services.bulk import bulk_bills
from core.imports.errors import BadProfile, FileTooLarge
from core.imports.records import Parser
from tests import shared_data
from tests.conftest import NOON
from tests.imports import build

pytestmark = pytest.mark.django_db
H = build.BILL_HEADER
AR = "accounts_receivable"


@pytest.fixture
def two_accounts() -> None:
    build.account("81")
    build.account("82")


def bills() -> list[tuple[Any, ...]]:
    rows = Bill.objects.order_by("source_number")
    return list(
        rows.values_list("source_number", "account__number", "total_cents", "issued_on", "due_on", "period")
    )


@pytest.mark.usefixtures("two_accounts")
def test_a_bill_its_line_its_entry_and_the_balance(tmp_path: Path) -> None:
    path = build.file(
        tmp_path, H + "0007,81,2026-11,2026-11-01,2026-11-25,26.00\n0008,81,,2026-10-01,2026-10-25,1\n"
    )
    assert build.load(bulk_bills.load, path).counts.created == 2
    assert bills() == [
        ("0007", "81", 2600, date(2026, 11, 1), date(2026, 11, 25), "2026-11"),
        ("0008", "81", 100, date(2026, 10, 1), date(2026, 10, 25), "2026-10"),
    ]
    bill = Bill.objects.get(source_number="0007")
    assert bill.number.startswith("B20261118")
    assert len(bill.number) == 19
    assert (bill.source, bill.kind, bill.paid_cents, bill.created_at) == ("boss", "PERIODIC", 0, NOON)
    line = BillLine.objects.get(bill=bill)
    assert (line.position, line.code, line.text, line.amount_cents) == (1, "import", "账单金额", 2600)
    entry = LedgerEntry.objects.get(bill=bill)
    assert (entry.kind, entry.amount_cents, entry.account.number) == ("BILL", -2600, "81")
    assert AccountBalance.objects.get().balance_cents == -2700
    assert not list(ledger_check.differences())


@pytest.mark.usefixtures("two_accounts")
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_each_bad_row_has_its_line_column_and_reason(tmp_path: Path, chunk: int) -> None:
    lines = [
        "1,81,2026-11,2026-11-01,2026-11-25,26.00",
        "1,81,2026-11,2026-11-01,2026-11-25,26.00",
        "1,81,2026-11,2026-11-01,2026-11-25,27.00",
        "2,99,2026-11,2026-11-01,2026-11-25,26.00",
        "3,81,2026-11,2026-11-25,2026-11-01,26.00",
        "4,81,2026-11,2026-11-01,,26.00",
        "5,81,2026-11,11/01/2026,2026-11-25,26.00",
        "6,81,2026-11,2026-11-01,2026-11-25,-1",
        "7,81,2026-11,2026-11-01,2026-11-25,",
        "8,81,2026-11,2026-11-01,2026-11-25",
        "9,82,2026-11,2026-11-01,2026-11-25,0.00",
        ",82,2026-11,2026-11-01,2026-11-25,1",
    ]
    result = build.load(bulk_bills.load, build.file(tmp_path, H + "\n".join(lines)), chunk_rows=chunk)
    assert (result.counts.created, result.counts.unchanged) == (2, 1)
    assert result.reasons == [
        (4, "金额" if chunk == 1 else "", "DUPLICATE") if chunk != 2 else (4, "金额", "DUPLICATE"),
        (5, "户号", "UNKNOWN_ACCOUNT"),
        (6, "缴费截止日", "DUE_BEFORE_ISSUED"),
        (7, "缴费截止日", "MISSING"),
        (8, "出账日", "BAD_DATE"),
        (9, "金额", "NEGATIVE_AMOUNT"),
        (10, "金额", "MISSING"),
        (11, "", "COLUMNS"),
        (13, "账单号", "MISSING"),
    ]
    assert Bill.objects.count() == 2
    assert not list(ledger_check.differences())


@pytest.mark.usefixtures("two_accounts")
@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("1,81,2026-11,2026-11-01,2026-11-25,26.01", "金额"),
        ("1,82,2026-11,2026-11-01,2026-11-25,26.00", "户号"),
        ("1,81,2026-11,2026-11-02,2026-11-25,26.00", "出账日"),
        ("1,81,2026-11,2026-11-01,2026-11-26,26.00", "缴费截止日"),
    ],
)
def test_a_bill_that_is_there_never_changes(tmp_path: Path, row: str, column: str) -> None:
    build.load(bulk_bills.load, build.file(tmp_path, H + "1,81,2026-11,2026-11-01,2026-11-25,26.00\n"))
    before = bills()
    result = build.load(bulk_bills.load, build.file(tmp_path, H + row))
    assert result.reasons == [(2, column, "CHANGED")]
    assert bills() == before
    assert AccountBalance.objects.get().balance_cents == -2600


@pytest.mark.usefixtures("two_accounts")
def test_copies_of_a_rejected_row_are_rejected_too(tmp_path: Path) -> None:
    row = "1,99,2026-11,2026-11-01,2026-11-25,26.00\n"
    result = build.load(bulk_bills.load, build.file(tmp_path, H + row * 3))
    assert result.reasons == [(line, "户号", "UNKNOWN_ACCOUNT") for line in (2, 3, 4)]


@pytest.mark.usefixtures("two_accounts")
def test_items_become_lines_that_sum_to_the_total(tmp_path: Path) -> None:
    profile = build.file(
        tmp_path,
        """source = "t"
[bills]
due_days = 30
items = [
    {code = "BASIC", text = "基本费", column = "b"},
    {code = "VOD", text = "点播", column = "v"},
    {code = "OFF", text = "优惠", column = "o"},
]
[bills.columns]
number = "n"
account = "a"
issued_on = "d"
amount = "t"
""",
        "p.toml",
    )
    text = (
        "n,a,d,b,v,o,t\n1,81,2026-11-01,26,5.50,-1.50,30\n2,81,2026-11-01,26,,0,26\n3,81,2026-11-01,0,0,0,0\n"
    )
    text += "4,81,2026-11-01,26,1,0,26\n5,81,2026-11-01,1,0,-2,-1\n6,81,2026-11-01,1,0,-2,\n"
    result = build.load(bulk_bills.load, build.file(tmp_path, text), profile=str(profile))
    assert result.reasons == [
        (5, "t", "ITEMS_DIFFER"),
        (6, "t", "NEGATIVE_AMOUNT"),
        (7, "t", "NEGATIVE_AMOUNT"),
    ]
    lines = BillLine.objects.order_by("bill__source_number", "position")
    assert list(lines.values_list("bill__source_number", "position", "code", "text", "amount_cents")) == [
        ("1", 1, "BASIC", "基本费", 2600),
        ("1", 2, "VOD", "点播", 550),
        ("1", 3, "OFF", "优惠", -150),
        ("2", 1, "BASIC", "基本费", 2600),
        ("3", 1, "BASIC", "基本费", 0),
        ("3", 2, "VOD", "点播", 0),
        ("3", 3, "OFF", "优惠", 0),
    ]
    assert Bill.objects.get(source_number="1").due_on == date(2026, 12, 1)
    assert not list(ledger_check.differences())


@pytest.mark.parametrize(
    "item",
    [
        "5",
        '{code = "A", text = "x"}',
        '{code = "A", text = "x", column = "b", price = 1}',
        '{code = "A", text = "x", column = 2}',
        '{code = "", text = "x", column = "b"}',
        f'{{code = "{"A" * 41}", text = "x", column = "b"}}',
    ],
)
def test_items_that_are_not_items_are_a_wrong_profile(tmp_path: Path, item: str) -> None:
    text = f'source = "t"\n[bills]\nitems = [{item}]\n[bills.columns]\nnumber = "n"\n'
    profile = build.file(tmp_path, text, "p.toml")
    with pytest.raises(BadProfile) as caught:
        build.load(bulk_bills.load, build.file(tmp_path, H), profile=str(profile))
    assert caught.value.params["line"] == 3


def test_accounts_are_made_from_the_rows_when_the_profile_says_so(tmp_path: Path) -> None:
    profile = build.file(
        tmp_path,
        """source = "t"
[bills]
create_accounts = true
due_days = 30
[bills.columns]
number = "n"
account = "a"
issued_on = "d"
amount = "t"
account_name = "name"
account_phone = "phone"
""",
        "p.toml",
    )
    build.account("81")
    text = "n,a,d,t,name,phone\n1,81,2026-11-01,1,别人,\n2,82,2026-11-01,2,张伟,13800000001\n3,82,2026-11-01,3,,\n"
    path = build.file(tmp_path, text)
    dry = build.load(bulk_bills.load, path, profile=str(profile), dry_run=True)
    assert (dry.counts.created, BillingAccount.objects.count()) == (3, 1)
    assert build.load(bulk_bills.load, path, profile=str(profile)).counts.created == 3
    made = BillingAccount.objects.get(number="82")
    assert (made.customer.name, made.contacts.get().value) == ("张伟", "+8613800000001")
    assert made.contacts.get().verified_at is None
    assert Customer.objects.get(number="81").name == "张伟"  # who is there is not touched
    assert [b.account.number for b in Bill.objects.order_by("source_number")] == ["81", "82", "82"]


def test_accounts_receivable_gives_the_known_sums() -> None:
    path = shared_data.require("invoices/accounts_receivable.csv")
    result = build.load(bulk_bills.load, path, profile=AR, chunk_rows=500)
    assert (result.counts.read, result.counts.created, result.rejects) == (1977, 1977, [])
    assert BillingAccount.objects.count() == 80
    assert sum(Bill.objects.values_list("total_cents", flat=True)) == 11576661
    with path.open(encoding="utf-8", newline="") as file:
        given = {row["invoiceNumber"]: row for row in csv.DictReader(file)}
    for bill in Bill.objects.select_related("account"):
        row = given[bill.source_number]
        assert bill.account.number == row["customerID"]
        assert f"{bill.issued_on.month}/{bill.issued_on.day}/{bill.issued_on.year}" == row["InvoiceDate"]
    again = build.load(bulk_bills.load, path, profile=AR)
    assert (again.counts.created, again.counts.unchanged) == (0, 1977)
    assert not list(ledger_check.differences())


@pytest.mark.parametrize(
    ("name", "unchanged", "lost"),
    [("accounts_receivable_excel_lost_zeros", 1762, 215), ("accounts_receivable_dirty", 1762, 313)],
)
def test_numbers_that_lost_their_zeros_are_noticed(name: str, unchanged: int, lost: int) -> None:
    build.load(bulk_bills.load, shared_data.require("invoices/accounts_receivable.csv"), profile=AR)
    result = build.load(bulk_bills.load, shared_data.require(f"invoices/{name}.csv"), profile=AR)
    assert (result.counts.created, result.counts.unchanged) == (0, unchanged)
    assert [reject.reason.code for reject in result.rejects] == ["LOST_ZEROS"] * lost
    assert Bill.objects.count() == 1977


@pytest.mark.usefixtures("two_accounts")
def test_a_packed_file_and_a_bomb(tmp_path: Path) -> None:
    text = H + "".join(f"{n},81,2026-11,2026-11-01,2026-11-25,1\n" for n in range(1000))
    packed = build.file(tmp_path, gzip.compress(text.encode("gb18030")), "export.csv.gz")
    assert build.load(bulk_bills.load, packed).counts.created == 1000
    bomb = build.file(tmp_path, gzip.compress(text.encode() + b"\n" * 5_000_000), "bomb.csv.gz")
    with pytest.raises(FileTooLarge):
        build.load(bulk_bills.load, bomb, max_bytes=1_000_000)
    assert Bill.objects.count() == 1000


@pytest.mark.usefixtures("two_accounts")
def test_a_damaged_line_is_rejected_and_the_rest_is_taken(tmp_path: Path) -> None:
    lines = [f"{n},81,2026-11,2026-11-01,2026-11-25,1".encode() for n in range(100)]
    lines[40] = b"4\xff0,81,2026-11,2026-11-01,2026-11-25,1"
    lines[41] = b"41\x00,81,2026-11,2026-11-01,2026-11-25,1"
    result = build.load(bulk_bills.load, build.file(tmp_path, H.encode() + b"\n".join(lines)), chunk_rows=10)
    assert result.reasons == [(42, "账单号", "UNDECODABLE"), (43, "账单号", "BAD_NUMBER")]
    assert result.counts.created == 98


@pytest.mark.usefixtures("two_accounts")
def test_limit_and_stop_end_after_whole_chunks(tmp_path: Path) -> None:
    path = build.file(tmp_path, H + "".join(f"{n},81,2026-11,2026-11-01,2026-11-25,1\n" for n in range(100)))
    assert build.load(bulk_bills.load, path, limit=25, chunk_rows=10).counts.created == 25
    stopped = build.load(bulk_bills.load, path, chunk_rows=40, stop=lambda: True)
    assert (stopped.counts.read, Bill.objects.count()) == (40, 40)
    assert build.load(bulk_bills.load, path).counts.unchanged == 40
    assert not list(ledger_check.differences())


@pytest.mark.usefixtures("two_accounts")
def test_a_row_that_the_database_refuses_fails_alone(tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_bill ADD CONSTRAINT never_13 CHECK (source_number <> '13')")
    path = build.file(tmp_path, H + "".join(f"{n},81,2026-11,2026-11-01,2026-11-25,1\n" for n in range(100)))
    result = build.load(bulk_bills.load, path)
    assert (result.counts.created, result.counts.failed, result.counts.rejected) == (99, 1, 0)
    assert [(r.line, r.reason.code, r.value) for r in result.rejects] == [(15, "NOT_STORED", "never_13")]
    assert AccountBalance.objects.get().balance_cents == -9900


@pytest.mark.usefixtures("two_accounts")
def test_an_error_of_ours_stops_the_run_and_leaves_whole_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build.file(tmp_path, H + "".join(f"{n},81,2026-11,2026-11-01,2026-11-25,1\n" for n in range(30)))
    parse = Parser.parse

    def breaks(self: Parser, row: Any) -> Any:
        if row.line == 25:
            raise ZeroDivisionError
        return parse(self, row)

    monkeypatch.setattr(Parser, "parse", breaks)
    with pytest.raises(ZeroDivisionError):
        build.load(bulk_bills.load, path, chunk_rows=10)
    assert Bill.objects.count() == 20
    assert not list(ledger_check.differences())


def test_a_bare_account_number_may_be_one_of_the_export_or_of_the_hall(tmp_path: Path) -> None:
    accounts = build.file(tmp_path, build.ACCOUNT_HEADER + "0000000010,前导零,13800000010,x,0\n", "a.csv")
    build.load(bulk_accounts.load, accounts)
    result = build.load(bulk_bills.load, build.file(tmp_path, H + "1,10,,2026-11-01,2026-11-25,1\n"))
    assert result.reasons == [(2, "户号", "UNKNOWN_ACCOUNT")]


def test_the_laws_hold_for_imported_bills() -> None:
    account = build.account("81")
    with pytest.raises(IntegrityError):
        Bill.objects.create(
            number="B1",
            account=account,
            issued_on=date(2026, 1, 2),
            due_on=date(2026, 1, 1),
            total_cents=1,
            source="x",
            source_number="1",
            created_at=NOON,
        )
