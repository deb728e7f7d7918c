"""Facts that change after their month was charged: put right by the next run, to the fen, for exactly that."""

from datetime import date
from typing import Any

import pytest

from accounts.models import Region
from accounts.services import standing
from billing.selectors import ledger_check
from catalog.charging.services import recharges
from catalog.holdings.services import families
from catalog.models import CarriedForward, ChargedMonth, Recharge
from catalog.offers.services import publishing
from core.models import OutboxRow
from tests.catalog.charging import build
from tests.catalog.offers import build as offers

pytestmark = pytest.mark.django_db
NOV_5, DEC_3 = date(2026, 11, 5), date(2026, 12, 3)


def test_an_earlier_end_gives_back_what_was_charged_too_much() -> None:
    of, what = build.account(), build.basic(3100, name="基本收视")
    row = build.held(of, what)
    stays = build.held(of, build.basic(6000, name="宽带"))
    build.run("2026-10")
    build.end(row, date(2026, 10, 21), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    assert list(Recharge.objects.values_list("account_id", "period")) == [(of.pk, "2026-10")]
    build.run("2026-11")
    assert build.lines(of, "2026-11") == [
        ("宽带", 6000),
        ("更正2026年10月：基本收视", -3100),
        ("更正2026年10月：基本收视，2026年10月1日至2026年10月20日，20 天", 2000),
    ]
    assert build.charged(of, "2026-10") == [9100, 8000]
    assert build.charged(of, "2026-11") == [6000]
    assert Recharge.objects.get().done_at == build.noon(date(2026, 12, 1))
    assert stays.state == "ACTIVE"
    assert not list(ledger_check.differences())


def test_what_stays_the_same_is_left_alone() -> None:
    of = build.account()
    row = build.held(of, build.basic(while_checked="FULL"))
    build.run("2026-10")
    build.pause(row, date(2026, 10, 10), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    counts = build.run("2026-11")
    assert counts.corrections == 0
    assert len(build.lines(of, "2026-11")) == 1
    assert build.charged(of, "2026-10") == [2600]
    assert Recharge.objects.get().done_at is not None


def test_a_begin_in_a_month_that_was_run_is_charged_later() -> None:
    of = build.account()
    build.held(build.account(), build.basic())
    build.run("2026-10")
    build.held(of, build.basic(3100), date(2026, 10, 22), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    build.run("2026-11")
    assert [cents for _text, cents in build.lines(of, "2026-11")] == [3100, 1000]
    assert build.charged(of, "2026-10") == [1000]
    assert build.run("2026-10", on=date(2026, 12, 2)).touched == 0


def test_a_month_that_was_never_run_waits_for_its_run() -> None:
    of = build.account()
    build.held(of, build.basic(3100), date(2026, 10, 22), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    assert not Recharge.objects.exists()
    build.run("2026-10", on=date(2026, 11, 6))
    assert [cents for _text, cents in build.lines(of, "2026-10")] == [1000]


def test_a_bill_never_goes_below_zero() -> None:
    of = build.account()
    row = build.held(of, build.basic(9000), date(2026, 8, 1))
    build.held(of, build.basic(3000))
    for period in ("2026-08", "2026-09", "2026-10"):
        build.run(period)
    build.end(row, date(2026, 8, 1), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    for period in ("2026-11", "2026-12"):
        build.run(period)
    november, december = build.bill(of, "2026-11"), build.bill(of, "2026-12")
    assert november is not None
    assert december is not None
    assert (november.total_cents, december.total_cents) == (0, 0)
    assert build.lines(of, "2026-11")[-1] == ("结转下期抵扣", 24_000)
    assert build.lines(of, "2026-12")[1:] == [("上期结转抵扣", -24_000), ("结转下期抵扣", 21_000)]
    rows = CarriedForward.objects.order_by("from_period")
    assert list(rows.values_list("from_period", "amount_cents", "taken_in")) == [
        ("2026-11", 24_000, "2026-12"),
        ("2026-12", 21_000, ""),
    ]
    assert not list(ledger_check.differences())


def test_who_holds_nothing_any_more_gets_his_due_carried() -> None:
    of = build.account()
    row = build.held(of, build.basic(3100))
    build.run("2026-10")
    build.end(row, date(2026, 10, 11), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    build.run("2026-11")
    found = build.bill(of, "2026-11")
    assert found is not None
    assert found.total_cents == 0
    assert CarriedForward.objects.get().amount_cents == 2100
    build.run("2026-12")
    assert build.bill(of, "2026-12") is None  # it waits for the next bill, whenever that is
    assert CarriedForward.objects.get().taken_in == ""


def test_two_corrections_of_one_month_are_two_revisions() -> None:
    of = build.account()
    row = build.held(of, build.basic(3100))
    build.held(of, build.basic(9000))
    build.run("2026-10")
    build.pause(row, date(2026, 10, 22), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    build.run("2026-11")
    build.resume(row, date(2026, 10, 27), known_on=date(2026, 12, 3))
    build.news(build.noon(date(2026, 12, 3)))
    build.run("2026-12")
    assert build.charged(of, "2026-10") == [12_100, 11_100, 11_600]
    assert build.charged(of, "2026-11") == [9000, 12_100]
    assert sum(cents for _text, cents in build.lines(of, "2026-12")) == 9000 + 500 + 3100 + 3100
    assert not list(ledger_check.differences())


def test_a_correction_takes_the_prices_of_where_the_account_was() -> None:
    here, there = offers.region("HERE"), offers.region("THERE", level=Region.Level.CITY)
    what = offers.draft("tv")
    offers.price(what, 3100, region_id=here.pk)
    offers.price(what, 9300, region_id=there.pk)
    publishing.publish_offer(offer_id=what.pk, as_of=offers.LONG_AGO)
    of = build.account(place=here)
    row = build.held(of, what)
    build.run("2026-10")
    of.region = there
    of.save(update_fields=["region"])
    build.end(row, date(2026, 10, 11), known_on=NOV_5)
    build.news(build.noon(NOV_5))
    build.run("2026-11")
    assert build.charged(of, "2026-10") == [3100, 1000]
    assert ChargedMonth.objects.get(account=of, period="2026-10", revision=1).region == here


def test_news_that_comes_twice_is_noted_once() -> None:

    of = build.account()
    build.held(of, build.basic())
    build.run("2026-09")
    build.run("2026-10")
    wanted = {"account_number": of.number, "from_day": date(2026, 9, 12), "reason": "x"}
    at = build.noon(NOV_5)
    assert recharges.request(as_of=at, **wanted) == 2  # type: ignore[arg-type]
    assert recharges.request(as_of=at, **wanted) == 0  # type: ignore[arg-type]
    assert sorted(Recharge.objects.values_list("period", flat=True)) == ["2026-09", "2026-10"]


GOLD = {"tier": "GOLD", "active_from": date(2026, 10, 10), "is_correction": True}


def test_a_tier_entered_for_days_gone_by_is_put_right_by_the_next_run() -> None:
    of, other = build.account(), build.account()
    what = build.basic(3100, name="基本收视")
    rule = offers.rule("half", what, name="金卡", value=50, tiers=["GOLD"], active_from=date(2026, 10, 1))
    publishing.publish_rule(rule_id=rule.pk, as_of=offers.LONG_AGO)
    build.held(of, what)
    build.held(other, what)
    build.run("2026-10")
    assert build.charged(of, "2026-10") == [3100]
    standing.set_standing(customer_id=of.customer_id, as_of=build.noon(NOV_5), **GOLD)  # type: ignore[arg-type]
    build.news(build.noon(NOV_5))
    assert list(Recharge.objects.values_list("account_id", "period")) == [(of.pk, "2026-10")]
    build.run("2026-11")
    assert build.charged(of, "2026-10") == [3100, 1550]
    assert sum(cents for _text, cents in build.lines(of, "2026-11")) == 1550 - 1550
    assert sum(cents for _text, cents in build.lines(other, "2026-11")) == 3100
    standing.end_standing(
        customer_id=of.customer_id, as_of=build.noon(DEC_3), on=date(2026, 11, 1), is_correction=True
    )
    build.news(build.noon(DEC_3))
    build.run("2026-12")
    assert build.charged(of, "2026-11") == [1550, 3100]
    assert not list(ledger_check.differences())


def test_a_segment_entered_for_days_gone_by_is_put_right_by_the_next_run() -> None:
    of, what = build.account(), build.basic(3100)
    kids = offers.segment("kids")
    rule = offers.rule("half", what, value=50, active_from=date(2026, 10, 1))
    rule.segments.set([kids])
    publishing.publish_rule(rule_id=rule.pk, as_of=offers.LONG_AGO)
    build.held(of, what)
    build.run("2026-10")
    how: dict[str, Any] = {"customer_id": of.customer_id, "segment_code": "kids", "is_correction": True}
    standing.join_segment(source="staff", active_from=date(2026, 10, 12), as_of=build.noon(NOV_5), **how)
    build.news(build.noon(NOV_5))
    build.run("2026-11")
    assert build.charged(of, "2026-10") == [3100, 1550]
    standing.leave_segment(on=date(2026, 10, 31), as_of=build.noon(DEC_3), **how)
    build.news(build.noon(DEC_3))
    build.run("2026-12")
    assert build.charged(of, "2026-10") == [3100, 1550, 3100]


def test_what_is_no_correction_does_not_reach_back() -> None:
    of = build.account()
    with pytest.raises(standing.StandingInThePast):
        standing.set_standing(
            customer_id=of.customer_id, tier="GOLD", active_from=date(2026, 10, 10), as_of=build.noon(NOV_5)
        )
    assert not OutboxRow.objects.exists()
    standing.set_standing(customer_id=of.customer_id, tier="GOLD", active_from=NOV_5, as_of=build.noon(NOV_5))
    assert not OutboxRow.objects.exists()


def test_a_family_that_ended_earlier_moves_its_charged_months_to_the_member() -> None:
    head, member = build.account(), build.account()
    shared = build.held(head, build.basic(1000, family_limit=3))
    build.held(member, build.basic(2600))
    asked = build.noon(date(2026, 9, 2))
    invited = families.invite(payer_id=head.pk, account_number=member.number, actor=build.ACTOR, as_of=asked)
    families.accept(reference=invited.reference, slip_id=None, actor=build.ACTOR, as_of=asked)
    build.run("2026-09")
    build.run("2026-10")
    assert (build.charged(head, "2026-10"), build.charged(member, "2026-10")) == ([3600], [])
    build.end(shared, date(2026, 9, 20), known_on=date(2026, 11, 5))
    build.news(build.noon(date(2026, 11, 5)))
    build.run("2026-11")
    assert (build.charged(head, "2026-10"), build.charged(member, "2026-10")) == ([3600, 0], [2600])
