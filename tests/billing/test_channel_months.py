"""What each channel brought in a month: equal to the ledger to the fen, and how much customers paid themselves."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import LedgerEntry
from billing.selectors import channel_months
from billing.selectors.channel_months import Month, Payer, Sums
from billing.services.money import receipts
from core import clock
from tests.admin import build as staff
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
URL = "/admin/billing/receipt/channels/"
TODAY = clock.local_date(NOON)
LAST_MONTH = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)


def client(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


def book(gateway: str, cents: int, *, months_ago: int = 0) -> None:
    at = NOON - timedelta(days=TODAY.day if months_ago else 0)
    receipts.book(
        account_id=build.account().pk,
        gateway=gateway,
        trade_no=f"{gateway}{cents}{months_ago}",
        amount_cents=cents,
        paid_at=at,
        as_of=at,
    )


@pytest.fixture
def booked() -> None:
    paid = build.payment(build.account(), 5000)
    build.apply(paid, build.report(paid, refunded=400))
    for gateway, cents in (("wechatpay", 2400), ("cash", 2000), ("pos", 1000), ("import:old", 7777)):
        book(gateway, cents)
    book("cash", 900, months_ago=1)


def ledger_of_months() -> int:
    entries = LedgerEntry.objects.filter(kind__in=("RECEIPT", "REFUND"))
    return sum(entries.values_list("amount_cents", flat=True))


@pytest.mark.usefixtures("booked")
def test_each_channel_equals_its_ledger_to_the_fen() -> None:
    this, last, *before = channel_months.months(TODAY)
    assert this.channels == {
        "alipay": Sums(1, 5000, 400, 4600),
        "wechatpay": Sums(1, 2400, 0, 2400),
        "cash": Sums(1, 2000, 0, 2000),
        "pos": Sums(1, 1000, 0, 1000),
        "import:old": Sums(1, 7777, 0, 7777),
    }
    assert last.channels == {"cash": Sums(1, 900, 0, 900)}
    assert [month.first for month in (this, last)] == [TODAY.replace(day=1), LAST_MONTH]
    assert not any(month.channels for month in before)
    assert this.total.net_cents + last.total.net_cents == ledger_of_months()
    assert this.total.agrees


@pytest.mark.usefixtures("booked")
def test_what_the_ledger_does_not_hold_is_seen() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_ledgerentry DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM billing_ledgerentry WHERE amount_cents = 2000")
    this = channel_months.months(TODAY)[0]
    assert [gateway for gateway, sums in this.channels.items() if not sums.agrees] == ["cash"]
    assert "与账务流水不一致" in client(staff.superuser()).get(URL).content.decode()


@pytest.mark.usefixtures("booked")
def test_the_share_is_that_of_customers_against_staff() -> None:
    this, last, *before = channel_months.months(TODAY)
    assert [this.net_of(payer) for payer in Payer] == [7000, 3000, 7777]
    assert (this.self_paid_permille, last.self_paid_permille, before[0].self_paid_permille) == (700, 0, None)


@pytest.mark.parametrize(
    ("own", "collected", "share"),
    [(1, 2, 333), (2, 1, 667), (1, 1999, 1), (1, 2001, 0), (5, 0, 1000), (-1, 5, None)],
)
def test_it_is_rounded_once(own: int, collected: int, share: int | None) -> None:
    channels = {"alipay": Sums(received_cents=own), "cash": Sums(received_cents=collected)}
    assert Month(date(2026, 1, 1), channels).self_paid_permille == share


@pytest.mark.usefixtures("booked")
def test_money_counts_on_the_day_of_the_office() -> None:
    at = clock.local_date(NOON).replace(day=1)
    first_minute = NOON.astimezone(clock.SHANGHAI).replace(
        year=at.year, month=at.month, day=1, hour=0, minute=0, second=0
    )
    before = channel_months.months(TODAY)[1].total.receipts
    for minutes in (0, 1):
        receipts.book(
            account_id=build.account().pk,
            gateway="cash",
            trade_no=f"midnight{minutes}",
            amount_cents=1,
            paid_at=first_minute - timedelta(minutes=minutes),
            as_of=first_minute - timedelta(minutes=minutes),
        )
    assert channel_months.months(TODAY)[1].total.receipts == before + 1


@pytest.mark.usefixtures("booked")
def test_the_page_shows_it_and_the_menu_leads_there() -> None:
    desk = client(staff.superuser())
    menu = desk.get(reverse("admin:index")).context["sidebar_navigation"]
    assert URL in [item["link"] for item in menu[0]["items"]]
    text = desk.get(URL).content.decode()
    for shown in ("与账务流水一致", "70.0%", "¥46.00", "¥177.77", "import:old", "营业厅柜台 · 现金"):
        assert shown in text
    assert "¥9.00" in desk.get(URL, {"month": f"{LAST_MONTH:%Y-%m}"}).content.decode()


@pytest.mark.parametrize("month", ["2026-13", "x", "9999-01", "1999-12", "2026-1", "2026-01-01"])
def test_months_that_cannot_be_are_404(month: str) -> None:
    assert client(staff.superuser()).get(URL, {"month": month}).status_code == 404


def test_only_staff_with_the_right_see_it() -> None:
    assert client(build.user()).get(URL).status_code in (302, 403)
    assert client(staff.staff_with("billing.view_bill", username="other")).get(URL).status_code == 403
    assert client(staff.staff_with("billing.view_receipt", username="looker")).get(URL).status_code == 200


@pytest.mark.usefixtures("booked")
def test_six_months_are_two_queries(django_assert_num_queries: object) -> None:
    assert callable(django_assert_num_queries)
    with django_assert_num_queries(2):
        channel_months.months(TODAY)
