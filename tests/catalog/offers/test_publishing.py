"""What is published, when, and what stands in the way; a refusal changes nothing."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from catalog.choices import Charge, WhileOff
from catalog.offers import errors
from catalog.offers.models import Offer
from catalog.offers.selectors import shelf
from catalog.offers.services import publishing
from content.models import SearchItem
from core.errors import HallError
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
A_MINUTE, A_DAY = timedelta(minutes=1), timedelta(days=1)


def codes(as_of: Any = NOON) -> list[str]:
    return [each.offer.code for each in shelf.on_sale(shelf.visitor(), as_of)]


def test_a_priced_draft_is_published_and_found_at_once() -> None:
    offer = build.draft("basic")
    build.price(offer, 2600)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert codes() == ["basic"]
    assert SearchItem.objects.get(kind="offer").url == "/offers/basic/"


def test_an_announced_offer_is_live_from_its_minute_on_without_a_job() -> None:
    offer = build.draft("later")
    build.price(offer, 2600)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON, at=NOON + A_MINUTE)
    assert codes(NOON + A_MINUTE - timedelta(seconds=1)) == []
    assert shelf.one("later", shelf.visitor(), NOON) is None
    assert codes(NOON + A_MINUTE) == ["later"]
    assert SearchItem.objects.get(kind="offer").active_from == NOON + A_MINUTE


def no_owner(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(owner=None)


def no_conditions(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(conditions="  ")


def no_flow(offer: Offer) -> None:
    type(offer.type).objects.filter(pk=offer.type_id).update(flow="")


def no_price(offer: Offer) -> None:
    offer.prices.update(withdrawn_at=NOON)


def price_too_late(offer: Offer) -> None:
    offer.prices.update(withdrawn_at=NOON)
    build.price(offer, 2600, active_from=date(2026, 11, 19))


def price_ends(offer: Offer) -> None:
    offer.prices.update(active_to=date(2027, 1, 1))


def price_ends_with_the_sale(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(active_to=date(2027, 1, 1))
    offer.prices.update(active_to=date(2027, 1, 1))


def no_fee_for_the_pause(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(while_paused=WhileOff.FEE)


def pause_above_the_fee(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(while_paused=WhileOff.FEE)
    build.price(offer, 2601, charge=Charge.PAUSE)


def over(offer: Offer) -> None:
    Offer.objects.filter(pk=offer.pk).update(active_to=date(2026, 11, 18))


def partner_is_a_draft(offer: Offer) -> None:
    build.related(offer, "NEEDS", build.draft("partner"))


REFUSALS: dict[str, tuple[Callable[[Offer], None], str]] = {
    "nobody answers for it": (no_owner, "OFFER_WITHOUT_OWNER"),
    "nothing is said of it": (no_conditions, "OFFER_WITHOUT_CONDITIONS"),
    "nobody knows how to carry it out": (no_flow, "OFFER_WITHOUT_FLOW"),
    "it has no price": (no_price, "OFFER_WITHOUT_PRICE"),
    "its price begins later": (price_too_late, "OFFER_WITHOUT_PRICE"),
    "its price ends": (price_ends, "OFFER_WITHOUT_PRICE"),
    "its price ends with the sale, and its holders go on": (price_ends_with_the_sale, "OFFER_WITHOUT_PRICE"),
    "the fee while paused is not told": (no_fee_for_the_pause, "OFFER_WITHOUT_PRICE"),
    "a pause costs more than use": (pause_above_the_fee, "PAUSE_ABOVE_FEE"),
    "it is over": (over, "OFFER_OVER"),
    "what it needs is not published": (partner_is_a_draft, "PARTNER_NOT_PUBLISHED"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_is_not_published_when(name: str) -> None:
    break_it, code = REFUSALS[name]
    offer = build.draft("basic")
    build.price(offer, 2600)
    break_it(offer)
    with pytest.raises(HallError) as refusal:
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert refusal.value.code == code
    assert "%(" not in refusal.value.text
    assert Offer.objects.get(code="basic").published_at is None
    assert codes() == []
    assert not SearchItem.objects.filter(kind="offer").exists()


def test_a_pause_may_cost_as_much_as_use_and_later_prices_keep_it_so() -> None:
    offer = build.draft("basic", while_paused=WhileOff.FEE)
    build.price(offer, 2600)
    build.price(offer, 2600, charge=Charge.PAUSE)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    with pytest.raises(errors.PauseAboveFee) as refusal:
        build.price(offer, 2500, active_from=date(2027, 1, 1), as_of=NOON)
    assert "2027-01-01" in refusal.value.text
    assert offer.prices.filter(withdrawn_at=None).count() == 2


def test_not_twice_and_not_for_a_time_gone_by() -> None:
    offer = build.published("basic")
    with pytest.raises(errors.AlreadyPublished):
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    other = build.draft("other")
    build.price(other, 100)
    with pytest.raises(errors.PublishedTooEarly):
        publishing.publish_offer(offer_id=other.pk, as_of=NOON, at=NOON - A_MINUTE)
    assert codes() == ["basic"]


def test_each_place_that_it_is_for_needs_a_price() -> None:
    east, west = build.region("E"), build.region("W")
    offer = build.draft("local")
    offer.regions.set([east, west])
    build.price(offer, 2600, region_id=east.pk)
    with pytest.raises(errors.NoPrice) as refusal:
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert refusal.value.params["region"] == "区域W"
    build.price(offer, 2400, region_id=west.pk)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)


def test_a_price_above_is_a_price_below() -> None:
    city = build.region("CITY")
    district = build.region("D", city)
    offer = build.draft("local")
    offer.regions.set([district])
    build.price(offer, 2600, region_id=city.pk)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert codes() == ["local"]


def test_each_kind_that_it_is_for_needs_a_price() -> None:
    offer = build.draft("firms", customer_kinds=["ENTERPRISE", "PERSONAL"])
    build.price(offer, 2080, customer_kind="ENTERPRISE")
    with pytest.raises(errors.NoPrice) as refusal:
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert refusal.value.params["kind"] == "个人"


def test_what_is_only_announced_becomes_a_draft_again_and_what_is_live_does_not() -> None:
    from core import clock

    now = clock.now()
    offer = build.draft("later")
    build.price(offer, 2600)
    publishing.publish_offer(offer_id=offer.pk, as_of=now, at=now + timedelta(hours=1))
    publishing.take_back_offer(offer_id=offer.pk, as_of=now)
    assert Offer.objects.get(code="later").published_at is None
    assert not SearchItem.objects.filter(kind="offer").exists()
    live = build.published("live")
    with pytest.raises(errors.AlreadyLive):
        publishing.take_back_offer(offer_id=live.pk, as_of=NOON)
    with pytest.raises(errors.NotPublished):
        publishing.take_back_offer(offer_id=offer.pk, as_of=NOON)


def test_withdrawn_from_tomorrow_on_at_the_earliest() -> None:
    offer = build.published("basic")
    with pytest.raises(errors.TooSoon):
        publishing.withdraw_offer(offer_id=offer.pk, ends_on=build.TODAY, as_of=NOON)
    publishing.withdraw_offer(offer_id=offer.pk, ends_on=build.TODAY + A_DAY, as_of=NOON)
    assert codes() == ["basic"]
    assert codes(NOON + A_DAY) == []
    with pytest.raises(errors.AlreadyEnded):
        publishing.withdraw_offer(offer_id=offer.pk, ends_on=build.TODAY + 3 * A_DAY, as_of=NOON + 2 * A_DAY)


def test_a_draft_is_not_withdrawn() -> None:
    with pytest.raises(errors.NotPublished):
        publishing.withdraw_offer(offer_id=build.draft().pk, ends_on=build.TODAY + A_DAY, as_of=NOON)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"owner": None}, "OFFER_WITHOUT_OWNER"),
        ({"conditions": ""}, "OFFER_WITHOUT_CONDITIONS"),
        ({"active_from": date(2026, 11, 17)}, "RULE_IN_THE_PAST"),
    ],
)
def test_a_rule_is_not_published_when(broken: dict[str, Any], code: str) -> None:
    rule = build.rule("eighty", build.published("basic"), **broken)
    with pytest.raises(HallError) as refusal:
        publishing.publish_rule(rule_id=rule.pk, as_of=NOON)
    assert refusal.value.code == code
    rule.refresh_from_db()
    assert rule.published_at is None


def test_a_rule_about_nothing_is_not_published() -> None:
    with pytest.raises(errors.RuleWithoutOffers):
        publishing.publish_rule(rule_id=build.rule().pk, as_of=NOON)


def test_a_rule_never_works_on_days_before_it_was_told() -> None:
    rule = build.rule("eighty", build.published("basic"), active_from=build.TODAY)
    with pytest.raises(errors.RuleTooEarly):
        publishing.publish_rule(rule_id=rule.pk, as_of=NOON, at=NOON + A_DAY)


def test_a_rule_ends_on_a_day_to_come() -> None:
    rule = build.published_rule("eighty", build.published("basic"))
    with pytest.raises(errors.TooSoon):
        publishing.end_rule(rule_id=rule.pk, ends_on=build.TODAY, as_of=NOON)
    ended = publishing.end_rule(rule_id=rule.pk, ends_on=build.TODAY + 7 * A_DAY, as_of=NOON)
    assert ended.active_to == build.TODAY + 7 * A_DAY


def test_only_the_charges_that_are_due_are_asked_for() -> None:
    offer = build.draft("box", cycle="ONCE")
    build.price(offer, 29900, charge=Charge.ONCE)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert codes() == ["box"]


def test_what_is_for_a_tier_without_a_name_is_not_published() -> None:
    offer = build.draft("gold", tiers=["GOLD"])
    build.price(offer, 100)
    rule = build.rule("eighty", build.published("basic"), tiers=["SILVER"])
    Offer.objects.filter(pk=offer.pk).update(tiers=["GOLD", "NAMELESS"])
    type(rule).objects.filter(pk=rule.pk).update(tiers=["NAMELESS"])
    with pytest.raises(errors.TierWithoutName) as refusal:
        publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert "NAMELESS" in refusal.value.text
    with pytest.raises(errors.TierWithoutName):
        publishing.publish_rule(rule_id=rule.pk, as_of=NOON)
    assert codes() == ["basic"]
