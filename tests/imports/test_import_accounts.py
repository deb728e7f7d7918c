import csv
import json
from pathlib import Path

import pytest

from accounts.models import BillingAccount, Contact, Customer, Region
from accounts.services import bulk_accounts
from billing.models import AccountBalance, Receipt
from billing.selectors import ledger_check
from core import outbox
from core.models import OutboxRow
from tests import shared_data
from tests.conftest import NOON
from tests.imports import build

pytestmark = pytest.mark.django_db
H = build.ACCOUNT_HEADER
HOSTILE = [
    (3, "", "DUPLICATE"),
    (9, "余额", "BAD_AMOUNT"),
    (10, "姓名", "MISSING"),
    (11, "手机", "BAD_PHONE"),
    (12, "姓名", "MISSING"),
    (13, "余额", "BAD_AMOUNT"),
    (15, "户号", "EXCEL_NUMBER"),
    (16, "", "COLUMNS"),
    (17, "", "COLUMNS"),
    (18, "姓名", "BAD_NAME"),
    (20, "姓名", "TOO_LONG"),
    (21, "余额", "BAD_AMOUNT"),
    (22, "余额", "BAD_AMOUNT"),
    (23, "余额", "BAD_AMOUNT"),
    (24, "余额", "BAD_AMOUNT"),
    (25, "姓名", "INVISIBLE_CHARACTER"),
]
GOOD = {
    "8100000001": ("张伟", "+8613800000001", "北京市朝阳区某路1号"),
    "8100000002": ("李,逗号", "+8613800000002", '带"引号"的地址'),
    "8100000003": ("换 行", "+8613800000003", "多行 地址"),
    "8100000004": ("𠮷野家·买买提·𪚥", "+8613800000004", "生僻字"),
    "0000000010": ("前导零", "+8613800000010", "x"),
    "8100000014": ("=cmd|' /C calc'!A0", "+8613800000014", "x"),
}


def stored() -> dict[str, tuple[str, str, str]]:
    phones = dict(Contact.objects.filter(is_primary=True).values_list("account__number", "value"))
    rows = BillingAccount.objects.values_list("number", "customer__name", "address")
    return {number: (name, phones.get(number, ""), address) for number, name, address in rows}


def dispatch() -> None:
    outbox.dispatch(as_of=NOON)


@pytest.mark.parametrize(
    ("name", "encoding"), [("utf8_bom", "utf-8-sig"), ("gb18030", "gb18030"), ("utf16", "utf-16")]
)
@pytest.mark.parametrize("chunk", [1, 3, 20_000])
def test_hostile_rows_are_rejected_with_line_column_and_reason(name: str, encoding: str, chunk: int) -> None:
    path = shared_data.require(f"hostile/import_rows_bad_{name}.csv")
    result = build.load(bulk_accounts.load, path, chunk_rows=chunk)
    expected = [(3, "地址", "DUPLICATE"), *HOSTILE[1:]] if chunk == 1 else HOSTILE
    assert (result.encoding, result.reasons) == (encoding, expected)
    counts = result.counts
    assert (counts.read, counts.created, counts.rejected, counts.blank) == (22, 6, 16, 2)
    assert stored() == GOOD


def test_a_second_run_changes_nothing() -> None:
    path = shared_data.require("hostile/import_rows_bad_gb18030.csv")
    build.load(bulk_accounts.load, path)
    again = build.load(bulk_accounts.load, path)
    assert (again.counts.created, again.counts.updated, again.counts.unchanged) == (0, 0, 6)
    assert again.reasons == HOSTILE
    assert stored() == GOOD


def test_the_same_row_twice_is_one_account_and_no_reject(tmp_path: Path) -> None:
    row = "81,张伟,13800000001,路1号,0\n"
    result = build.load(bulk_accounts.load, build.file(tmp_path, H + row + row))
    assert (result.counts.created, result.counts.unchanged, result.counts.rejected) == (1, 1, 0)


def test_what_is_empty_is_filled_in_and_what_is_there_stays(tmp_path: Path) -> None:
    build.load(bulk_accounts.load, build.file(tmp_path, H + "81,张伟,,,0\n82,李四,13800000002,路2号,0\n"))
    later = H + "81,张伟,13800000001,路1号,0\n82,李四,13900000002,路2号,0\n82,李五,13800000002,路2号,0\n"
    result = build.load(bulk_accounts.load, build.file(tmp_path, later), chunk_rows=1)
    assert (result.counts.updated, result.reasons) == (1, [(3, "手机", "CHANGED"), (4, "姓名", "CHANGED")])
    assert stored() == {
        "81": ("张伟", "+8613800000001", "路1号"),
        "82": ("李四", "+8613800000002", "路2号"),
    }


def test_a_bare_account_made_by_bills_gets_its_name_later(tmp_path: Path) -> None:
    customer = Customer.objects.create(number="81", name="", created_at=NOON)
    BillingAccount.objects.create(number="81", customer=customer, created_at=NOON)
    build.load(bulk_accounts.load, build.file(tmp_path, H + "81,张伟,13800000001,路1号,0\n"))
    assert stored() == {"81": ("张伟", "+8613800000001", "路1号")}


def test_accounts_of_one_customer_share_it(tmp_path: Path) -> None:
    profile = build.file(
        tmp_path,
        'source = "t"\n[accounts.columns]\nnumber = "a"\nname = "n"\ncustomer = "c"\nregion = "r"\nopened_on = "d"\n',
        "p.toml",
    )
    Region.objects.create(code="TST-1", name="测试", level=Region.Level.HALL)
    text = "a,n,c,r,d\n1,张伟,C1,TST-1,2020-01-31\n2,张伟,C1,,\n3,李四,C1,,\n4,王五,C2,NOWHERE,\n"
    result = build.load(bulk_accounts.load, build.file(tmp_path, text), profile=str(profile))
    assert result.reasons == [(4, "n", "CHANGED"), (5, "r", "UNKNOWN_REGION")]
    accounts = BillingAccount.objects.select_related("customer", "region").order_by("number")
    assert [(a.number, a.customer.number, a.region and a.region.code) for a in accounts] == [
        ("1", "C1", "TST-1"),
        ("2", "C1", None),
    ]
    assert str(accounts[0].opened_on) == "2020-01-31"


def test_money_that_comes_with_an_account_is_booked_once(tmp_path: Path) -> None:
    path = build.file(tmp_path, H + "81,张伟,13800000001,路1号,12.50\n82,李四,13800000002,路2号,0\n")
    build.load(bulk_accounts.load, path)
    assert not Receipt.objects.exists()
    dispatch()
    receipt = Receipt.objects.get()
    assert (receipt.gateway, receipt.trade_no, receipt.amount_cents) == ("import:boss", "opening:81", 1250)
    assert receipt.paid_at == NOON
    assert AccountBalance.objects.get().balance_cents == 1250
    build.load(bulk_accounts.load, path)
    OutboxRow.objects.update(state=OutboxRow.State.PENDING)  # and the news itself may come twice
    dispatch()
    assert Receipt.objects.count() == 1
    assert not list(ledger_check.differences())


def test_a_debt_is_refused_as_opening_balance(tmp_path: Path) -> None:
    result = build.load(bulk_accounts.load, build.file(tmp_path, H + "81,张伟,13800000001,路1号,-5\n"))
    assert result.reasons == [(2, "余额", "NEGATIVE_AMOUNT")]
    assert not BillingAccount.objects.exists()


def test_a_dry_run_tells_the_same_and_writes_nothing(tmp_path: Path) -> None:
    path = shared_data.require("hostile/import_rows_bad_utf16.csv")
    result = build.load(bulk_accounts.load, path, dry_run=True)
    assert (result.counts.created, result.reasons) == (6, HOSTILE)
    assert not BillingAccount.objects.exists()
    assert not OutboxRow.objects.exists()


def test_telco_customers() -> None:
    path = shared_data.require("customers/telco_customer_churn.csv")
    result = build.load(bulk_accounts.load, path, profile="telco_customer_churn")
    assert (result.counts.read, result.counts.created, result.rejects) == (5634, 5634, [])
    with path.open(encoding="utf-8", newline="") as file:
        ids = {row["customerID"] for row in csv.DictReader(file)}
    assert set(BillingAccount.objects.values_list("number", flat=True)) == ids


def test_naughty_strings_are_taken_or_refused_one_by_one(tmp_path: Path) -> None:
    strings = json.loads(shared_data.require("hostile/blns.json").read_text(encoding="utf-8"))
    path = tmp_path / "naughty.csv"
    with path.open("w", encoding="utf-8", newline="", errors="surrogatepass") as file:
        writer = csv.writer(file)
        writer.writerow(H.strip().split(","))
        writer.writerows([f"N{place}", text, "", text, "0"] for place, text in enumerate(strings))
    result = build.load(bulk_accounts.load, path)
    counts = result.counts
    assert counts.failed == 0
    assert counts.read == len(strings)
    assert counts.created + counts.rejected == len(strings)
    for account in BillingAccount.objects.select_related("customer"):
        given = str(strings[int(account.number[1:])])
        assert account.address == " ".join(given.split()) or account.address == given.strip()
        assert not set("<>\u200b\u202e\0") & set(account.customer.name)
