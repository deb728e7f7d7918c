"""The next bill before it is there."""

from datetime import date

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import BillingAccount, Membership, User
from catalog.charging import texts
from catalog.charging.selectors import previews
from catalog.models import ChargedMonth
from catalog.offers import lines
from core import clock
from tests.billing import build as money
from tests.catalog.charging import build
from tests.catalog.offers import build as offers
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
PAGE = "/bills/next/"


def owned(by: User) -> BillingAccount:
    of = build.account()
    Membership.objects.create(user=by, account=of, role=Membership.Role.OWNER, created_at=NOON)
    return of


@pytest.fixture
def at_noon() -> object:
    with clock.stopped(NOON):
        yield


def test_at_the_months_end_the_preview_is_the_bill() -> None:
    of = build.account()
    row = build.held(of, build.basic(3000), date(2026, 11, 4))
    build.held(of, build.basic(9900))
    build.pause(row, date(2026, 11, 20))
    shown = previews.preview(of, on=date(2026, 11, 30))
    build.run("2026-11")
    charged = ChargedMonth.objects.get(account=of)
    assert shown.digest == charged.digest
    assert (
        shown.bill.total_cents == charged.total_cents == sum(cents for _, cents in build.lines(of, "2026-11"))
    )


def test_in_the_month_nothing_changes_any_more() -> None:
    of = build.account()
    build.held(of, build.basic(3000), date(2026, 11, 16))
    shown = previews.preview(of, on=date(2026, 11, 18))
    assert [line.amount_cents for line in shown.bill.month] == [1500]


def test_a_month_that_waits_for_its_run_comes_first_with_what_is_put_right() -> None:
    of = build.account()
    row = build.held(of, build.basic(3100))
    build.held(of, build.basic(6000))
    build.run("2026-09")
    build.end(row, date(2026, 9, 1), known_on=date(2026, 10, 5))
    build.news(build.noon(date(2026, 10, 5)))
    first, second = previews.coming(of, on=date(2026, 11, 18))
    assert (first.period.code, first.is_over, first.bill.total_cents) == ("2026-10", True, 6000 - 3100)
    assert (second.period.code, second.bill.total_cents) == ("2026-11", 6000)
    build.run("2026-10")
    (only,) = previews.coming(of, on=date(2026, 11, 18))
    assert (only.period.code, only.bill.total_cents, sum(line.amount_cents for line in only.before)) == (
        "2026-11",
        6000,
        6000,
    )


def test_two_months_beside_each_other() -> None:
    of = build.account()
    kept, gone = build.held(of, build.basic(3000, name="宽带")), build.held(of, build.basic(900, name="点播"))
    build.run("2026-10")
    build.pause(kept, date(2026, 11, 11))
    build.end(gone, date(2026, 11, 1))
    build.held(of, build.basic(600, name="影视"), date(2026, 11, 16))
    found = previews.beside(previews.preview(of, on=date(2026, 11, 18)), lines.names())
    assert [(row.text, row.before_cents, row.now_cents, row.change_cents) for row in found.rows] == [
        ("宽带", 3000, 1000, -2000),
        ("影视", None, 300, 300),
        ("点播", 900, None, -900),
    ]
    assert (found.before_cents, found.now_cents, found.change_cents) == (3900, 1300, -2600)


def test_names_are_the_readers() -> None:

    offers.published("tv", name="电视", name_en="Television")
    with translation.override("en"):
        assert lines.names().offers["tv"] == "Television"
        assert texts.names_on_bills().offers["tv"] == "电视"


def test_the_page_shows_the_sum_and_both_months(client: Client, at_noon: None) -> None:
    owner = money.user()
    of = owned(owner)
    build.held(of, build.basic(2600, name="基本收视"))
    build.run("2026-10")
    client.force_login(owner)
    text = client.get(PAGE).content.decode()
    assert "预计应缴" in text
    assert "基本收视" in text
    assert text.count("¥26.00") == 5  # the item twice, both sums, and what is to be paid


def test_a_strangers_account_is_not_there(client: Client, at_noon: None) -> None:
    of = owned(money.user())
    client.force_login(money.user())
    assert client.get(PAGE, {"account": of.number}).status_code == 404
    assert client.get("/services/advice/", {"account": of.number}).status_code == 404


def test_nobody_sees_anything_without_logging_in(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    assert client.get("/services/advice/").status_code == 302


def test_a_user_without_accounts_is_told_what_to_do(client: Client, at_noon: None) -> None:
    client.force_login(money.user())
    assert "绑定户号" in client.get(PAGE).content.decode()
    assert "绑定户号" in client.get("/services/advice/").content.decode()


def test_what_cannot_be_priced_is_said(client: Client, at_noon: None) -> None:
    owner = money.user()
    build.held(owned(owner), offers.draft("never"))
    client.force_login(owner)
    assert "暂时算不出" in client.get(PAGE).content.decode()


def test_the_lists_lead_here(client: Client, at_noon: None) -> None:
    owner = money.user()
    owned(owner)
    client.force_login(owner)
    assert PAGE in client.get("/bills/").content.decode()
    assert PAGE in client.get("/services/").content.decode()
