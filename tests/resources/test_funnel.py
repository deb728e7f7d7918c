"""From looking at numbers to one in use: each step leaves one row, and the staff's page counts what it may see."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Region, User
from billing.models import Bill
from core import clock
from core.actor import Actor
from core.errors import HallError
from resources.models import NumberPeriod, PeriodKind
from resources.selectors import funnel
from resources.selectors import numbers as reads
from resources.selectors.numbers import Wish
from resources.services import numbers, openings, searches
from tests.admin import build as staff
from tests.billing import build as billing
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import minutes

pytestmark = pytest.mark.django_db
DIGITS = "17012345678"
CLERK = Actor("user:0")
PAGE = reverse("admin:resources_numbersearch_funnel")


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def alice() -> User:
    return billing.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return billing.account(alice)


def held(by: User, digits: str = DIGITS, *, price_cents: int = 0, place: Region | None = None) -> str:
    """A number that he holds; under which name."""
    of = build.number_class(f"C{price_cents}", price_cents=price_cents)
    build.number(digits, of=of, place=place)
    searches.note(Wish(region=place), channel="WEB", is_found=True, as_of=NOON)
    numbers.hold(digits=digits, holder=f"user:{by.pk}", actor=Actor.user(by), as_of=NOON)
    return f"user:{by.pk}"


def open_it(holder: str, account: BillingAccount, bill: Bill | None = None, digits: str = DIGITS) -> None:
    openings.real_named(digits=digits, holder=holder, actor=CLERK, as_of=minutes(1), reason="身份证")
    if bill is not None:
        openings.paid(digits=digits, holder=holder, bill_number=bill.number, actor=CLERK, as_of=minutes(2))
    openings.activate(
        digits=digits,
        holder=holder,
        account_number=account.number,
        actor=CLERK,
        as_of=minutes(3),
        reason="开户",
    )


def counts(**more: object) -> list[int]:
    steps = funnel.read(since=NOON - timedelta(days=1), until=NOON + timedelta(days=1), **more)  # type: ignore[arg-type]
    return [step.count for step in steps]


def settled(account: BillingAccount, cents: int) -> Bill:
    bill = billing.bill(account, cents)
    paid = billing.payment(account, cents, first=bill)
    billing.apply(paid, billing.report(paid))
    bill.refresh_from_db()
    assert bill.open_cents == 0
    return bill


def test_the_whole_way_is_one_row_a_step(alice: User, account: BillingAccount) -> None:
    holder = held(alice, price_cents=5000)
    open_it(holder, account, settled(account, 5000))
    steps = funnel.read(since=NOON, until=minutes(9))
    assert [step.code for step in steps] == ["BROWSE", "HOLD", "REAL_NAME", "PAID", "ACTIVE"]
    assert [(step.count, step.permille) for step in steps] == [(1, None), *[(1, 1000)] * 4]
    [own] = reads.of_owner(f"account:{account.number}", as_of=minutes(5))
    assert own.number.digits == DIGITS
    assert set(own.number.changes.values_list("verb", "actor").order_by("pk")[1:]) == {
        ("REAL_NAMED", "user:0"), ("PAID", "user:0"), ("ASSIGNED", "user:0"),
    }  # fmt: skip


def test_a_free_number_counts_as_paid(alice: User, account: BillingAccount) -> None:
    open_it(held(alice), account)
    assert counts() == [1, 1, 1, 1, 1]


def test_a_step_counts_once_in_a_hold_and_again_in_the_next(alice: User) -> None:
    holder = held(alice)
    for _ in range(2):
        openings.real_named(digits=DIGITS, holder=holder, actor=CLERK, as_of=minutes(1), reason="身份证")
    assert counts()[2] == 1
    later = minutes(20)
    numbers.hold(digits=DIGITS, holder=holder, actor=CLERK, as_of=later)
    openings.real_named(digits=DIGITS, holder=holder, actor=CLERK, as_of=later, reason="身份证")
    assert counts()[1:3] == [2, 2]


def refused(code: str, act: object, **given: object) -> None:
    before = counts()
    with pytest.raises(HallError) as caught:
        act(digits=DIGITS, actor=given.pop("actor", CLERK), as_of=minutes(1), **given)  # type: ignore[operator]
    assert caught.value.code == code
    assert counts() == before
    assert not NumberPeriod.objects.filter(kind=PeriodKind.OWNER).exists()


def test_no_step_is_left_out(alice: User, account: BillingAccount) -> None:
    holder = held(alice, price_cents=5000)
    to = {"holder": holder, "account_number": account.number, "reason": "开户"}
    refused("NUMBER_NOT_REAL_NAMED", openings.activate, **to)
    openings.real_named(digits=DIGITS, holder=holder, actor=CLERK, as_of=minutes(1), reason="身份证")
    refused("NUMBER_NOT_PAID", openings.activate, **to)


def test_who_does_not_hold_it_gets_nothing(alice: User, account: BillingAccount) -> None:
    held(alice)
    strangers = {"holder": "user:999"}
    refused("NUMBER_NOT_HELD", openings.real_named, reason="身份证", **strangers)
    refused("NUMBER_NOT_HELD", openings.paid, bill_number="x", **strangers)
    refused("NUMBER_NOT_HELD", openings.activate, account_number=account.number, reason="x", **strangers)


def test_nobody_opens_a_number_for_himself(alice: User) -> None:
    holder = held(alice)
    refused("NUMBER_OWN", openings.real_named, holder=holder, reason="身份证", actor=Actor.user(alice))


def test_it_must_be_his_own_account(alice: User, account: BillingAccount) -> None:
    holder = held(alice)
    strangers = billing.account(billing.user("+8613800000009"))
    for number in (strangers.number, "8100009999"):
        refused("NUMBER_ACCOUNT_NOT_HIS", openings.activate, holder=holder, account_number=number, reason="x")


def test_a_bill_must_be_his_paid_enough_and_unused(alice: User, account: BillingAccount) -> None:
    holder = held(alice, price_cents=5000)
    strangers = settled(billing.account(billing.user("+8613800000009")), 5000)
    for number in (strangers.number, settled(account, 4999).number, "B-NONE"):
        refused("NUMBER_BILL_NOT_HIS", openings.paid, holder=holder, bill_number=number)
    refused("NUMBER_BILL_OPEN", openings.paid, holder=holder, bill_number=billing.bill(account, 6000).number)
    bill = settled(account, 5000)
    other = held(alice, "17012345679", price_cents=5000)
    openings.paid(digits="17012345679", holder=other, bill_number=bill.number, actor=CLERK, as_of=minutes(1))
    refused("NUMBER_BILL_USED", openings.paid, holder=holder, bill_number=bill.number)


class TestPage:
    def test_steps_by_day_and_by_month(self, client: Client, alice: User, account: BillingAccount) -> None:
        open_it(held(alice), account)
        searches.note(Wish(), channel="WEB", is_found=True, as_of=NOON - timedelta(days=1))
        searches.note(Wish(), channel="WEB", is_found=True, as_of=NOON - timedelta(days=40))
        client.force_login(staff.superuser())
        page = client.get(PAGE)
        assert [(step["count"], step["share"]) for step in page.context["steps"]] == [
            (2, "—"), (1, "50.0%"), (1, "100.0%"), (1, "100.0%"), (1, "100.0%"),
        ]  # fmt: skip
        assert [period for period, _steps in page.context["rows"]] == ["2026-11-18", "2026-11-17"]
        months = client.get(PAGE, {"by": "month"})
        assert [(period, steps[0]["count"]) for period, steps in months.context["rows"]] == [
            ("2026-11", 2),
            ("2026-10", 1),
        ]
        assert client.get(PAGE, {"by": "'"}).status_code == 200

    def test_a_day_is_the_customers(self) -> None:
        midnight = NOON.replace(hour=15, minute=59)  # 23:59 in Shanghai
        for at in (midnight, midnight + timedelta(minutes=2)):
            searches.note(Wish(), channel="WEB", is_found=True, as_of=at)
        found = funnel.by_period(date(2026, 11, 1), date(2026, 12, 1), "day")
        assert len(found) == 2

    def test_staff_see_their_own_regions(self, client: Client, alice: User, account: BillingAccount) -> None:
        east, west = build.region("城东"), build.region("城西")
        held(alice, place=east)
        held(alice, "17012345679", place=west)
        searches.note(Wish(), channel="WEB", is_found=True, as_of=NOON)  # of no region: the whole operator's
        rights = ("resources.view_numbersearch", "resources.view_numberchange")
        client.force_login(staff.staff_with(*rights, region=east))
        page = client.get(PAGE)
        assert [step["count"] for step in page.context["steps"]] == [1, 1, 0, 0, 0]
        assert "没有选地区的查询" in page.content.decode()

    def test_who_may_not_look_at_both_sees_nothing(self, client: Client) -> None:
        client.force_login(staff.staff_with("resources.view_numbersearch"))
        assert client.get(PAGE).status_code == 403
        client.force_login(billing.user())
        assert client.get(PAGE).status_code in (302, 403)

    def test_few_queries(self, client: Client, django_assert_max_num_queries: object) -> None:
        client.force_login(staff.superuser())
        with django_assert_max_num_queries(16):  # type: ignore[operator]
            client.get(PAGE)


def test_staff_open_a_number_step_by_step_on_the_page_of_the_hold(
    client: Client, alice: User, account: BillingAccount
) -> None:
    held(alice, price_cents=5000)
    bill = settled(account, 5000)
    client.force_login(staff.superuser())
    period = NumberPeriod.objects.get()
    with clock.stopped(minutes(1)):
        for name, data in (
            ("real-name", {}), ("paid", {"bill": bill.number}), ("activate", {"account": account.number}),
        ):  # fmt: skip
            address = f"{reverse('admin:resources_numberperiod_act', args=[name])}?ids={period.pk}"
            assert client.get(address).status_code == 200
            assert client.post(address, {"reason": "身份证原件，人证一致", **data}).status_code == 302
    assert counts() == [1, 1, 1, 1, 1]
    change = period.number.changes.get(verb="REAL_NAMED")
    assert (change.reason, change.channel) == ("身份证原件，人证一致", "COUNTER")
