from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount
from catalog.choices import SuspensionReason
from catalog.holdings import rules
from catalog.holdings.families import Family, FamilyMember
from catalog.holdings.selectors import holdings, payers
from catalog.holdings.services import subscriptions, suspensions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import TerminationReason
from catalog.pricing.types import Period, Stop
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
HOW: Any = {"actor": ACTOR, "as_of": NOON}
NOVEMBER = Period.of("2026-11")


def refs(account: BillingAccount, period: Period = NOVEMBER) -> list[str]:
    return [each.ref for each in holdings.of_many([account.pk], period).get(account.pk, ())]


def test_a_holding_is_what_pricing_takes() -> None:
    account = money.account()
    offer = build.offer()
    row = build.held(account, offer, committed_until=day(12, 1, 2027), paid_until=day(12, 1))
    suspensions.suspend(number=row.number, reason=SuspensionReason.STAFF, on=day(11, 3), **HOW)
    suspensions.resume(number=row.number, reason=SuspensionReason.STAFF, on=day(11, 5), **HOW)
    suspensions.suspend(number=row.number, reason=SuspensionReason.CUSTOMER, on=day(11, 10), **HOW)
    [found] = holdings.of(account, on=TODAY)
    assert (found.ref, found.offer, found.begins_on, found.ends_on) == (
        row.number,
        offer.code,
        day(10, 1),
        None,
    )
    assert (found.committed_until, found.paid_until) == (day(12, 1, 2027), day(12, 1))
    assert found.place == account.number
    assert found.stops == (
        Stop("STAFF", day(11, 3), day(11, 5)),
        Stop("CUSTOMER", day(11, 10), None),
    )


@pytest.mark.parametrize(
    ("begins_on", "ends_on", "is_in"),
    [
        (day(10, 1), None, True),
        (day(10, 1), day(11, 1), False),  # the first day not charged
        (day(10, 1), day(11, 2), True),
        (day(11, 30), None, True),
        (day(12, 1), None, False),
        (day(11, 5), day(11, 5), False),  # given back
    ],
)
def test_a_month_has_what_was_held_on_one_of_its_days(
    begins_on: date, ends_on: date | None, is_in: bool
) -> None:
    account = money.account()
    row = build.held(account, begins_on=begins_on)
    if ends_on:
        evidence = subscriptions.Evidence(slip_id=build.slip(account).pk)
        reason = TerminationReason.CUSTOMER
        subscriptions.terminate(number=row.number, reason=reason, evidence=evidence, on=ends_on, **HOW)
    assert refs(account) == ([row.number] if is_in else [])
    assert (account.pk in holdings.payers(NOVEMBER)) == is_in


def test_what_is_being_switched_on_is_seen_by_an_order_and_not_by_the_bill_run() -> None:
    account, offer = money.account(), build.offer(entitlements=("HD",))
    subscriptions.begin(account_id=account.pk, wanted=Wanted(offer_id=offer.pk, begins_on=TODAY), **HOW)
    assert len(holdings.of(account, on=TODAY)) == 1
    assert refs(account) == []


def test_an_address_of_its_own_is_a_place_of_its_own() -> None:
    account = money.account()
    build.held(account, address="别墅路 1 号")
    [found] = holdings.of(account, on=TODAY)
    assert found.place == f"{account.number}/别墅路 1 号"


def family(payer: BillingAccount, *members: tuple[BillingAccount, date, date | None]) -> Family:
    row = build.held(payer, build.offer(family_limit=5))
    made = Family.objects.create(number=f"F{payer.number}", payer=payer, subscription=row, created_at=NOON)
    FamilyMember.objects.create(family=made, account=payer, active_from=day(10, 1))
    for account, joined, left in members:
        FamilyMember.objects.create(family=made, account=account, active_from=joined, active_to=left)
    return made


def test_a_family_s_head_pays_for_each_month_of_its_members() -> None:
    payer, member = money.account(), money.account()
    own = build.held(member)
    family(payer, (member, day(11, 1), day(12, 1)))
    assert own.number in refs(payer)
    assert refs(member) == []
    assert payers.of_account(member.pk, on=TODAY) == payer.pk
    december = Period.of("2026-12")
    assert own.number not in refs(payer, december)
    assert refs(member, december) == [own.number]
    assert refs(member, Period.of("2026-10")) == [own.number]
    [found] = [each for each in holdings.of(payer, on=TODAY) if each.ref == own.number]
    assert found.place == member.number  # its terminals are counted in its own home
    assert holdings.payers(NOVEMBER) == [payer.pk]


def test_every_holding_has_one_payer_each_month() -> None:
    accounts = [money.account() for _ in range(6)]
    rows = [build.held(each) for each in accounts]
    family(accounts[0], (accounts[1], day(10, 1), day(11, 1)), (accounts[2], day(11, 1), None))
    family(accounts[3], (accounts[1], day(11, 1), None), (accounts[4], day(12, 1), None))
    for code in ("2026-10", "2026-11", "2026-12"):
        period = Period.of(code)
        found = holdings.of_many([each.pk for each in accounts], period)
        held = [each.ref for several in found.values() for each in several]
        assert len(held) == len(set(held))
        assert {row.number for row in rows} <= set(held)
        assert sorted(found) == holdings.payers(period)


def test_a_chunk_takes_two_queries_whatever_its_size() -> None:
    accounts = [money.account() for _ in range(20)]
    for each in accounts:
        build.held(each)
        build.held(each)
    with CaptureQueriesContext(connection) as queries:
        found = holdings.of_many([each.pk for each in accounts], NOVEMBER)
    assert (len(found), len(queries)) == (20, 2)


def test_what_follows_keeps_the_place_of_the_first() -> None:
    account = money.account()
    first, second, better, best = build.held(account), build.held(account), build.offer(), build.offer()
    for on, row, to in ((day(11, 5), first, better), (day(11, 9), None, best)):
        old = row or first.followed_by
        subscriptions.turn(
            number=old.number,
            wanted=Wanted(offer_id=to.pk, begins_on=on),
            slip_id=build.change(old, to).pk,
            actor=ACTOR,
            as_of=build.noon(on),
        )
        build.switch(build.noon(on))
    with CaptureQueriesContext(connection) as queries:
        found = {each.offer: each for each in holdings.of_many([account.pk], NOVEMBER)[account.pk]}
    assert len(queries) == 3
    for offer in (better, best):
        assert (found[offer.code].since, found[offer.code].first_ref) == (day(10, 1), first.number)
    assert [(each.since, each.first_ref) for each in found.values() if each.ref == second.number] == [
        (None, "")
    ]


def test_a_term_paid_ahead_comes_with_all_days_off_since_its_begin() -> None:
    account = money.account()
    monthly, ahead = build.held(account), build.held(account, paid_until=day(11, 30))
    for row in (monthly, ahead):
        for act, on in ((suspensions.suspend, day(10, 5)), (suspensions.resume, day(10, 20))):
            act(number=row.number, reason=SuspensionReason.CUSTOMER, on=on, actor=ACTOR, as_of=build.noon(on))
    december = Period.of("2026-12")
    found = {each.ref: each.stops for each in holdings.of_many([account.pk], december)[account.pk]}
    assert found == {monthly.number: (), ahead.number: (Stop("CUSTOMER", day(10, 5), day(10, 20)),)}


def test_payers_come_in_chunks_by_id() -> None:
    accounts = [money.account() for _ in range(5)]
    for each in accounts:
        build.held(each)
    ids = sorted(each.pk for each in accounts)
    assert holdings.payers(NOVEMBER, most=3) == ids[:3]
    assert holdings.payers(NOVEMBER, beyond=ids[2], most=3) == ids[3:]


def test_rules_of_days() -> None:
    assert rules.next_month_start(day(1, 31)) == day(2, 1)
    assert rules.next_month_start(day(12, 1)) == day(1, 1, 2027)
    assert rules.month_start_from(day(12, 1)) == day(12, 1)
    assert rules.month_start_from(day(12, 2)) == day(1, 1, 2027)
    assert rules.changed_from(None, None) is None
    assert rules.changed_from(None, TODAY) == TODAY
    assert rules.changed_from(day(10, 1), TODAY) == day(10, 1)
    assert rules.is_over(day(10, 31), today=TODAY)
    assert not rules.is_over(day(11, 1), today=TODAY)
    assert rules.returnable(begins_on=TODAY, return_days=1, today=TODAY)
    assert not rules.returnable(begins_on=TODAY, return_days=0, today=TODAY)
