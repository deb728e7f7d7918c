"""The shelf: what is there for whom, why, and at which price."""

from datetime import date, timedelta
from typing import Any

import pytest

from catalog.offers.selectors import books, disclosure, shelf
from catalog.offers.services import publishing
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LATER = date(2026, 12, 1)


def seen_by(account: Any) -> dict[str, shelf.Shown]:
    return {each.offer.code: each for each in shelf.on_sale(shelf.holder(account, build.TODAY), NOON)}


def limited(code: str, **more: Any) -> Any:
    offer = build.draft(code, **more)
    build.price(offer, 1000)
    return offer


def test_the_reasons_that_make_it_his_are_told() -> None:
    place = build.region("E")
    account = build.account(place)
    build.tier(account, "GOLD")
    local, gold, kids = limited("local"), limited("gold", tiers=["GOLD"]), limited("kids")
    local.regions.set([place])
    kids.segments.set([build.segment("KIDS", account)])
    firms = limited("firms", customer_kinds=["ENTERPRISE"])
    plain = limited("plain")
    for offer in (local, gold, kids, firms, plain):
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    found = seen_by(account)
    assert found["local"].because == ["为您所在的区域E准备"]
    assert found["gold"].because == ["您的Gold卡等级可办"]
    assert found["kids"].because == ["因为您家有小朋友"]
    assert (found["plain"].because, found["plain"].is_eligible) == ([], True)
    assert (found["firms"].is_eligible, found["firms"].refusals) == (False, ["仅限政企客户"])
    assert [each.offer.code for each in shelf.on_sale(shelf.holder(account, build.TODAY), NOON)][
        -1
    ] == "firms"


def test_a_stranger_is_told_what_it_takes() -> None:
    place = build.region("E")
    local, gold, kids = limited("local"), limited("gold", tiers=["GOLD"]), limited("kids")
    local.regions.set([place])
    kids.segments.set([build.segment("KIDS")])
    for offer in (local, gold, kids):
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    found = {each.offer.code: each.refusals for each in shelf.on_sale(shelf.visitor(), NOON)}
    assert found == {"local": ["仅限区域E"], "gold": ["须达到Gold卡等级"], "kids": ["仅限“客户群KIDS”"]}
    here = {each.offer.code: each.is_eligible for each in shelf.on_sale(shelf.visitor(place.pk), NOON)}
    assert here == {"local": True, "gold": False, "kids": False}


def test_the_price_of_today_and_from_when_it_changes() -> None:
    offer = build.published("basic", 2600)
    build.price(offer, 2800, active_from=LATER, as_of=NOON)
    found = shelf.price_of("basic", books.book(None), build.TODAY).period
    assert found is not None
    assert (found.cents, found.ends_on) == (2600, LATER)
    assert [(rate.begins_on, rate.amounts_cents) for rate in found.changes] == [(LATER, (2800,))]
    after = shelf.price_of("basic", books.book(None), LATER).period
    assert after is not None
    assert (after.cents, after.changes) == (2800, ())


def test_the_first_bills_are_those_of_the_pricing_function() -> None:
    basic = build.published("basic", 2600)
    box = build.published("box", 29900, cycle="ONCE")
    pack = build.draft("pack")
    build.price(pack, 1500)
    build.related(pack, "MUST_BUY", box)
    build.related(pack, "NEEDS", basic)
    publishing.publish_offer(offer_id=pack.pk, as_of=NOON)
    shown = shelf.one("pack", shelf.visitor(), NOON)
    assert shown is not None
    assert [(kind, other.code) for kind, other in shown.partners] == [("MUST_BUY", "box"), ("NEEDS", "basic")]
    first = shelf.first_bills(shown, shelf.visitor(), build.TODAY)
    assert first is not None
    # 13 of 30 days of November: 1500 × 13 ÷ 30 = 650
    assert (first.with_offers, first.now_cents, first.this_month_cents, first.later_cents) == (
        ("box",), 29900, 650, 1500,
    )  # fmt: skip


def test_no_figures_are_made_up_where_a_price_is_missing() -> None:
    east, west = build.region("E"), build.region("W")
    offer = build.draft("local")
    offer.regions.set([east])
    build.price(offer, 1000, region_id=east.pk)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    viewer = shelf.visitor(west.pk)
    shown = shelf.one("local", viewer, NOON)
    assert shown is not None
    assert shown.prices.main is None
    assert shelf.first_bills(shown, viewer, build.TODAY) is None


def test_so_many_queries_whatever_the_shelf(django_assert_max_num_queries: Any) -> None:
    for each in range(12):
        offer = build.draft(f"offer{each:02d}")
        offer.specifications.add(build.specification(频道="60"))
        build.price(offer, 100)
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
        build.published_rule("", offer)
    with django_assert_max_num_queries(18):
        assert len(shelf.on_sale(shelf.visitor(), NOON)) == 12
    with django_assert_max_num_queries(12):
        assert disclosure.everything(as_of=NOON).count == 12


def test_discounts_stand_beside_what_they_are_for() -> None:
    offer, other = build.published("basic"), build.published("other", type_code="pack")
    build.published_rule("eighty", offer)
    assert other.type_id != offer.type_id
    found = {
        each.offer.code: [rule.code for rule in each.discounts]
        for each in shelf.on_sale(shelf.visitor(), NOON)
    }
    assert found == {"basic": ["eighty"], "other": []}


def test_the_disclosure_tells_what_comes_what_is_and_what_was() -> None:
    build.published("now", 100)
    build.published("soon", 100, active_from=LATER)
    gone = build.published("gone", 100)
    publishing.withdraw_offer(offer_id=gone.pk, ends_on=date(2026, 11, 1), as_of=build.LONG_AGO)
    build.draft("draft")
    found = disclosure.everything(as_of=NOON)
    states = {entry.offer.code: entry.state for group in found.groups for entry in group.entries}
    assert states == {"now": "ON_SALE", "soon": "COMING"}
    assert [entry.offer.code for entry in found.over] == ["gone"]
    assert [price.amounts_cents for price in found.over[0].prices] == [[100]]
    assert disclosure.everything(as_of=NOON + timedelta(days=400)).over == []
    assert disclosure.everything(as_of=NOON, words="产品 now").count == 1
    assert disclosure.everything(as_of=NOON, words="没有这样的").count == 0
