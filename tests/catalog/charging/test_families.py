"""A head who pays for others: whose bill has whose lines, from month to month, and the preview of it."""

from datetime import date, datetime

import pytest
from django.test import Client

from accounts.models import BillingAccount, Membership
from catalog.charging.selectors import previews
from catalog.holdings.services import families
from catalog.models import ChargedMonth, Family, FamilyMember, Subscription
from core import clock
from tests.billing import build as money
from tests.catalog.charging import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
OCT, NOV, DEC = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)


class Home:
    """A head with a family offer at 60, and a member with television at 26 and films at 9 from the 16th on."""

    def __init__(self) -> None:
        self.head, self.member = build.account(), build.account()
        what = build.basic(6000, name="家庭宽带", family_limit=2)
        self.row: Subscription = build.held(self.head, what, OCT)
        build.held(self.member, build.basic(2600, name="基本收视"), OCT)
        build.held(self.member, build.basic(900, name="点播"), date(2026, 11, 16))
        self.family = Family.objects.create(
            number="F1", payer=self.head, subscription=self.row, created_at=NOON
        )
        FamilyMember.objects.create(family=self.family, account=self.head, active_from=OCT)

    def join(self, since: date) -> FamilyMember:
        return FamilyMember.objects.create(family=self.family, account=self.member, active_from=since)


@pytest.fixture
def home() -> Home:
    return Home()


def promised(of: BillingAccount, on: date) -> tuple[str, int]:
    shown = previews.preview(of, on=on)
    return shown.digest, shown.bill.total_cents


def test_the_heads_bill_has_the_members_lines_and_the_member_gets_none(home: Home) -> None:
    home.join(NOV)
    said = promised(home.head, date(2026, 11, 30))
    assert promised(home.member, date(2026, 11, 30))[1] == 0
    build.run("2026-11")
    assert build.lines(home.head, "2026-11") == [
        ("家庭宽带", 6000),
        ("基本收视", 2600),
        ("点播，2026年11月16日至2026年11月30日，15 天", 450),
    ]
    charged = ChargedMonth.objects.get(account=home.head)
    assert said == (charged.digest, charged.total_cents) == (charged.digest, 9050)
    assert build.bill(home.member, "2026-11") is None
    assert not ChargedMonth.objects.filter(account=home.member).exists()


def test_each_month_has_one_payer_though_the_change_is_asked_for_in_its_middle(home: Home) -> None:
    """Agreed to on 18 November: November is the member's own bill, December the head's, to the fen."""
    asked = families.invite(
        payer_id=home.head.pk, account_number=home.member.number, actor=build.ACTOR, as_of=NOON
    )
    families.accept(reference=asked.reference, slip_id=None, actor=build.ACTOR, as_of=NOON)
    said = [promised(home.head, date(2026, 11, 30)), promised(home.member, date(2026, 11, 30))]
    build.run("2026-11")
    assert [cents for _text, cents in build.lines(home.head, "2026-11")] == [6000]
    assert [cents for _text, cents in build.lines(home.member, "2026-11")] == [2600, 450]
    rows = [ChargedMonth.objects.get(account=each) for each in (home.head, home.member)]
    assert said == [(row.digest, row.total_cents) for row in rows]
    build.run("2026-12")
    assert [cents for _text, cents in build.lines(home.head, "2026-12")] == [6000, 2600, 900]
    assert build.bill(home.member, "2026-12") is None


def test_who_leaves_in_the_middle_of_a_month_is_paid_for_until_its_end(home: Home) -> None:
    member = home.join(NOV)
    families.end_membership(member_id=member.pk, actor=build.ACTOR, as_of=NOON)
    for period in ("2026-11", "2026-12"):
        build.run(period)
    assert [cents for _text, cents in build.lines(home.head, "2026-11")] == [6000, 2600, 450]
    assert build.bill(home.member, "2026-11") is None
    assert [cents for _text, cents in build.lines(home.head, "2026-12")] == [6000]
    assert [cents for _text, cents in build.lines(home.member, "2026-12")] == [2600, 900]


def test_a_correction_goes_to_whoever_paid_then(home: Home) -> None:
    member = home.join(NOV)
    build.run("2026-11")
    families.end_membership(member_id=member.pk, actor=build.ACTOR, as_of=build.noon(date(2026, 12, 5)))
    films = Subscription.objects.get(account=home.member, begins_on=date(2026, 11, 16))
    build.pause(films, date(2026, 11, 21), known_on=date(2027, 1, 4))
    build.news(build.noon(date(2027, 1, 4)))
    build.run("2026-12", on=date(2027, 1, 5))
    build.run("2027-01")
    back = [cents for text, cents in build.lines(home.head, "2026-12") if text.startswith("更正")]
    assert sum(back) == -450 + 150
    assert not any(text.startswith("更正") for text, _cents in build.lines(home.member, "2027-01"))


def test_the_member_reads_who_pays(home: Home, client: Client) -> None:
    home.join(NOV)
    build.run("2026-10")
    owner = money.user()
    Membership.objects.create(user=owner, account=home.member, role=Membership.Role.OWNER, created_at=NOON)
    client.force_login(owner)
    at: datetime = NOON
    with clock.stopped(at):
        page = client.get("/bills/next/").content.decode()
    assert "由家庭的付费户号承担" in page
    assert 'data-label="这个月" class="end number strong">¥0.00</td>' in page
