"""清单: the lists hold the ledger's own figures, are free of formulas, and are nobody else's."""

import csv
import io
import re
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.db.models import Sum
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import BillingAccount, User
from billing.models import Bill, EntryKind, LedgerEntry
from billing.selectors.exports import Content, Wanted, head
from billing.services import exports
from billing.services.bills import adjustments, bills
from core import clock
from tests.billing import build
from tests.conftest import NOON
from tests.shared_data import require

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2026, 6, 1), date(2026, 11, 30)
DANGEROUS = re.compile(r"[=+\-@\t\r\n|＝＋－＠]")


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


def issue(
    of: BillingAccount, *items: tuple[str, int], on: date = date(2026, 11, 1), number: str = ""
) -> Bill:
    return bills.issue(
        account_id=of.pk,
        lines=[bills.Line("ITEM", text, cents) for text, cents in items],
        issued_on=on,
        due_on=on + timedelta(days=29),
        source="test",
        source_number=number or f"{of.pk}/{on}/{len(items)}",
        period=f"{on:%Y-%m}",
        as_of=NOON,
    )


def wanted(user: User, content: Content = Content.BILLS, **changes: Any) -> Wanted:
    return Wanted(**{"user": user, "content": content, "first": FIRST, "last": LAST} | changes)  # type: ignore[arg-type]


def as_csv(given: Wanted, language: str = "zh-hans") -> list[list[str]]:
    """The list's rows, its heading first."""
    content = b"".join(exports.as_csv(given, language=language))
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def column(rows: list[list[str]], name: str) -> list[str]:
    return [row[rows[0].index(name)] for row in rows[1:]]


def fen(values: list[str]) -> int:
    assert all(re.fullmatch(r"-?\d+\.\d\d", value) for value in values if value)
    return sum(int(Decimal(value) * 100) for value in values if value)


def ledger(of: BillingAccount, kind: EntryKind) -> int:
    total = LedgerEntry.objects.filter(account=of, kind=kind).aggregate(total=Sum("amount_cents"))["total"]
    return int(total or 0)


def test_every_column_sums_to_what_the_ledger_says(alice: User, account: BillingAccount) -> None:
    for month in range(6, 12):
        issue(
            account, ("基本收视维护费", 2600), ("点播", 333 * month), ("优惠", -101), on=date(2026, month, 1)
        )
    paid = build.payment(account, 7777)
    build.apply(paid, build.report(paid))
    more = build.payment(account, 100_000)
    build.apply(more, build.report(more))
    build.apply(more, build.report(more, refunded=500))
    bill = Bill.objects.order_by("pk")[0]
    rows = as_csv(wanted(alice))
    assert fen(column(rows, "项目金额（元）")) == -ledger(account, EntryKind.BILL)
    assert fen(column(rows, "账单合计（元）")) == -ledger(account, EntryKind.BILL)
    assert fen(column(rows, "已缴（元）")) == Bill.objects.aggregate(paid=Sum("paid_cents"))["paid"]
    assert fen(column(rows, "还应缴（元）")) == 0
    assert column(rows, "账单号").count(bill.number) == 3
    received = as_csv(wanted(alice, Content.RECEIPTS))
    assert fen(column(received, "金额（元）")) == ledger(account, EntryKind.RECEIPT)
    assert fen(column(received, "已退款（元）")) == -ledger(account, EntryKind.REFUND)
    assert fen(column(received, "已销账（元）")) == fen(column(rows, "已缴（元）"))
    assert fen(column(received, "账户余额（元）")) == build.balance(account)


def test_what_was_taken_off_stands_in_its_own_column(alice: User, account: BillingAccount) -> None:
    bill = issue(account, ("基本收视维护费", 2600))
    adjustments.adjust(bill_id=bill.pk, amount_cents=600, reason="多收", actor=build.ACTOR, as_of=NOON)
    [row] = as_csv(wanted(alice))[1:]
    assert row[-4:] == ["26.00", "6.00", "0.00", "20.00"]


def test_the_days_and_the_account_choose_what_is_listed(alice: User, account: BillingAccount) -> None:
    second = build.account(alice)
    for of in (account, second):
        for day in (date(2026, 5, 31), FIRST, LAST, date(2026, 12, 1)):
            issue(of, ("基本收视维护费", 2600), on=day)
    assert column(as_csv(wanted(alice)), "出账日") == ["2026-06-01", "2026-11-30"] * 2
    only = as_csv(wanted(alice, account_number=second.number))
    assert set(column(only, "户号")) == {second.number}


def test_a_payment_counts_on_its_day_where_the_customer_lives(alice: User, account: BillingAccount) -> None:
    for hours in (11, 13):  # 23:00 of the 18th, and 01:00 of the 19th, in Shanghai
        paid = build.payment(account, 100)
        build.apply(paid, build.report(paid, paid_at=NOON + timedelta(hours=hours)))
    day = date(2026, 11, 18)
    listed = as_csv(wanted(alice, Content.RECEIPTS, first=day, last=day))
    assert column(listed, "付款时间") == ["2026-11-18 23:00:00"]


def hostile() -> list[str]:
    with require("hostile/csv_injection.csv").open(encoding="utf-8", newline="") as file:
        return [row["value"] for row in csv.DictReader(file)]


def is_harmless(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", cell, re.ASCII) is not None or not DANGEROUS.match(
        cell.lstrip("\ufeff\u200b \t\r\n\u3000")
    )


def test_no_cell_of_the_csv_is_taken_for_a_formula(alice: User, account: BillingAccount) -> None:
    values = hostile()
    issue(account, *((value, 1) for value in values))
    cells = column(as_csv(wanted(alice)), "收费项目")
    assert all(map(is_harmless, cells)), [cell for cell in cells if not is_harmless(cell)]
    assert [
        cell if cell == value else cell.removeprefix("'") for cell, value in zip(cells, values, strict=True)
    ] == values


def test_harmless_look_alikes_stay_as_they_are() -> None:
    for value in ("-5", "+8613800000000", "-5.00", "基本-收视", "a=b", "", "'=1+1", "%0A=1+1", "张三 @ 李四"):
        assert exports.harmless(value) == value
    for value in ("=1+1", "-1+1", "@李雷", "\t=1", "\n=1", " =1", "\ufeff=1", "＝1", '"=1', "-", "|calc"):
        assert exports.harmless(value) == f"'{value}"


def test_amounts_are_numbers_and_texts_are_quoted(alice: User, account: BillingAccount) -> None:
    issue(account, ("优惠;=1+1", -500), ("费", 2600))
    text = b"".join(exports.as_csv(wanted(alice), language="zh-hans")).decode("utf-8-sig")
    assert '"优惠;=1+1",-5.00,' in text  # quoted: a semicolon begins no new cell


def sheet(given: Wanted) -> list[list[tuple[str, str]]]:
    """The cells of the workbook as (type, value)."""
    with exports.as_xlsx(given, language="zh-hans") as file, zipfile.ZipFile(file) as book:
        tree = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    assert tree.find(".//x:f", space) is None  # no formula anywhere
    return [
        [(cell.get("t", "n"), "".join(cell.itertext())) for cell in row.findall("x:c", space)]
        for row in tree.findall(".//x:row", space)
    ]


def test_the_workbook_holds_the_same_with_texts_as_texts(alice: User, account: BillingAccount) -> None:
    values = [value for value in hostile() if value == value.strip() and not value.startswith("\ufeff")]
    issue(account, *((value, -5) for value in values if value), ("费", 2600))
    rows = sheet(wanted(alice))
    assert [value for _type, value in rows[0]] == head(Content.BILLS)
    shown = [row[6] for row in rows[1:]]
    assert shown == [("inlineStr", value) for value in [*values, "费"] if value]
    assert [row[7] for row in rows[1:]] == [("n", "-0.05")] * (len(shown) - 1) + [("n", "26.00")]


def test_a_list_beyond_a_sheet_is_refused_and_leaves_no_file(
    alice: User, account: BillingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_XLSX_ROWS", 2)
    issue(account, *(("费", 1),) * 3)
    with pytest.raises(exports.ListTooLong):
        exports.as_xlsx(wanted(alice), language="zh-hans")


def test_a_list_is_sent_piece_by_piece(alice: User, account: BillingAccount) -> None:
    issue(account, *(("费", 1),) * 1200)
    assert len(list(exports.as_csv(wanted(alice), language="zh-hans"))) == 4  # heading, 500, 500, 200


def test_in_english_the_heading_is_english(alice: User, account: BillingAccount) -> None:
    with translation.override("en"):
        expected = head(Content.BILLS)
    assert as_csv(wanted(alice), "en")[0] == expected


def test_nobody_elses_money_is_listed(account: BillingAccount) -> None:
    issue(account, ("费", 2600))
    bob = build.user()
    assert len(as_csv(wanted(bob))) == 1
    assert len(as_csv(wanted(bob, account_number=account.number))) == 1
    assert len(as_csv(wanted(bob, Content.RECEIPTS))) == 1


# The page -------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(alice: User, account: BillingAccount) -> Client:
    cache.clear()
    client = Client()
    client.force_login(alice)
    return client


def answers(**changes: str) -> dict[str, str]:
    given = {"account": "", "content": "bills", "first": "2026-06-01", "last": "2026-11-30", "format": "csv"}
    return given | changes


def test_the_form_proposes_six_months(client: Client) -> None:
    with clock.stopped(NOON):
        shown = client.get(reverse("billing:export")).content.decode()
    assert 'value="2026-06-01"' in shown
    assert 'value="2026-11-18"' in shown


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("content", ["bills", "receipts"])
def test_the_file_comes_as_a_download(client: Client, content: str, format: str) -> None:
    answer = client.get(reverse("billing:export"), answers(content=content, format=format))
    assert answer.status_code == 200
    expected = f'attachment; filename="{content}-20260601-20261130.{format}"'
    assert answer.headers["Content-Disposition"] == expected
    assert "no-store" in answer.headers["Cache-Control"]
    assert b"".join(answer.streaming_content)[:2] in (b"\xef\xbb", b"PK")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": "2026-12-01"},
        {"last": "不是日期"},
        {"last": ""},
        {"content": "everything"},
        {"format": "exe"},
        {"account": "9999999999"},
        {"first": "0001-01-01", "last": "9999-12-31"},
    ],
)
def test_what_does_not_pass_the_form_is_no_file(client: Client, wrong: dict[str, str]) -> None:
    answer = client.get(reverse("billing:export"), answers(**wrong))
    assert answer.status_code == 422
    assert "Content-Disposition" not in answer.headers


def test_bobs_account_is_not_a_choice(client: Client) -> None:
    theirs = build.account(build.user())
    assert client.get(reverse("billing:export"), answers(account=theirs.number)).status_code == 422


def test_only_so_many_lists_an_hour(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "LISTS_AN_HOUR", 2)
    url = reverse("billing:export")
    with clock.stopped(NOON):
        assert [client.get(url, answers()).status_code for _ in range(3)] == [200, 200, 429]
        assert "下载太频繁" in client.get(url, answers()).content.decode()
        other = Client()
        other.force_login(build.user())
        assert other.get(url, answers()).status_code == 200
    with clock.stopped(NOON + timedelta(hours=1)):
        assert client.get(url, answers()).status_code == 200


def test_visitors_log_in_first() -> None:
    assert Client().get(reverse("billing:export"), answers()).status_code == 302
