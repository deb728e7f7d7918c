"""Nothing that is published makes a valid quote dearer: what may begin tomorrow, and what only when quotes are over."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings

from catalog.models import Offer, Price, PriceRule
from catalog.offers import errors, rules
from catalog.offers.services import prices, publishing
from catalog.pricing.types import Rate
from tests.catalog.offers import build
from tests.catalog.offers.build import TODAY
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
DAYS = settings.ORDER_QUOTE_DAYS
FIRST = TODAY + timedelta(days=DAYS)  # on which something may become dearer


def day(n: int) -> date:
    return TODAY + timedelta(days=n)


def add(offer: Offer, *amounts: int, begins: date, **more: Any) -> Price:
    return prices.add(offer_id=offer.pk, amounts_cents=amounts, active_from=begins, as_of=NOON, **more)


def test_a_dearer_price_begins_when_no_quote_of_today_is_valid_any_more() -> None:
    offer = build.published("basic", 2600)
    for begins in (day(1), day(DAYS - 1)):
        with pytest.raises(errors.PricePromised) as refused:
            add(offer, 2601, begins=begins)
        assert (refused.value.code, FIRST.isoformat() in str(refused.value)) == ("PRICE_PROMISED", True)
    assert offer.prices.get().active_to is None
    assert add(offer, 2601, begins=FIRST).active_from == FIRST


def test_a_cheaper_or_equal_one_may_begin_tomorrow() -> None:
    offer = build.published("basic", 2600)
    add(offer, 2500, begins=day(1))
    add(offer, 2600, begins=day(2))  # no more than today


def test_a_cheaper_one_that_was_announced_may_be_taken_back() -> None:
    offer = build.published("basic", 2600)
    prices.take_back(price_id=add(offer, 260, begins=day(1)).pk, as_of=NOON)
    assert offer.prices.filter(withdrawn_at=None).count() == 1


def test_what_a_place_is_left_with_counts_too() -> None:
    """An equal price of a place's own kept its quotes apart from the rise everywhere else."""
    city = build.region("C")
    offer = build.published("basic", 2600)
    kept = add(offer, 2600, begins=day(4), region_id=city.pk)
    add(offer, 3000, begins=FIRST)
    with pytest.raises(errors.PricePromised):
        prices.take_back(price_id=kept.pk, as_of=NOON + timedelta(days=2))
    kept.refresh_from_db()
    assert kept.withdrawn_at is None
    prices.take_back(price_id=kept.pk, as_of=NOON)  # nobody was quoted 2600 for that day yet


def test_a_dearer_price_of_one_place_is_dearer_there() -> None:
    above, here = build.region("C"), build.region("D")
    here.parent = above
    here.save(update_fields=["parent"])
    offer = build.draft("basic")
    build.price(offer, 2600)
    build.price(offer, 2000, region_id=above.pk)
    publishing.publish_offer(offer_id=offer.pk, as_of=build.LONG_AGO)
    for given in (
        {"region_id": here.pk},
        {"region_id": above.pk},
        {"region_id": here.pk, "customer_kind": "ENTERPRISE"},
    ):
        with pytest.raises(errors.PricePromised):
            add(offer, 2100, begins=day(1), **given)
    add(offer, 1900, begins=day(1), region_id=here.pk)
    assert offer.prices.filter(withdrawn_at=None).count() == 3


def test_a_set_up_fee_where_there_was_none_is_dearer() -> None:
    offer = build.published("basic", 2600)
    with pytest.raises(errors.PricePromised):
        add(offer, 100, begins=day(1), charge="ONCE")
    add(offer, 100, begins=FIRST, charge="ONCE")


def test_one_dearer_terminal_is_enough() -> None:
    kind = build.product_type("terminals", is_per_terminal=True)
    offer = build.published("basic", 2600, 800, 800, type=kind)
    for amounts in ((2600, 800, 900), (2600, 800, 800, 801), (2600,), (2500, 801)):
        with pytest.raises(errors.PricePromised):
            add(offer, *amounts, begins=day(1))
    with pytest.raises(errors.PricePromised):
        add(offer, 2600, 800, 800, begins=day(1), after_last="AGAIN")
    add(offer, 2600, 700, begins=day(1))


def test_what_nobody_was_quoted_is_free_to_change() -> None:
    draft = build.draft("draft")
    build.price(draft, 2600)
    add(draft, 9900, begins=day(1))
    coming = build.draft("coming", active_from=day(3))
    build.price(coming, 2600, active_from=day(3))
    publishing.publish_offer(offer_id=coming.pk, as_of=NOON)
    add(coming, 9900, begins=day(4))
    later = build.draft("later")
    build.price(later, 2600)
    publishing.publish_offer(offer_id=later.pk, as_of=NOON, at=NOON + timedelta(days=1))
    add(later, 9900, begins=day(2))


def test_a_discount_that_works_ends_when_no_quote_promises_it_any_more() -> None:
    rule = build.published_rule("eighty", build.published("basic"))
    with pytest.raises(errors.PricePromised):
        publishing.end_rule(rule_id=rule.pk, ends_on=day(DAYS - 1), as_of=NOON)
    rule.refresh_from_db()
    assert rule.active_to is None
    assert publishing.end_rule(rule_id=rule.pk, ends_on=FIRST, as_of=NOON).active_to == FIRST


def test_a_discount_may_end_later_than_it_was_to_and_one_to_come_sooner() -> None:
    offer = build.published("basic")
    soon_over = build.published_rule("over", offer, active_to=day(2))
    assert publishing.end_rule(rule_id=soon_over.pk, ends_on=day(3), as_of=NOON).active_to == day(3)
    to_come = build.published_rule("coming", offer, active_from=day(2))
    assert publishing.end_rule(rule_id=to_come.pk, ends_on=day(3), as_of=NOON).active_to == day(3)


def test_a_discount_announced_for_later_today_is_in_todays_quotes() -> None:
    rule = build.rule("evening", build.published("basic"), active_from=TODAY)
    publishing.publish_rule(rule_id=rule.pk, as_of=NOON, at=NOON + timedelta(hours=6))
    with pytest.raises(errors.AlreadyLive):
        publishing.take_back_rule(rule_id=rule.pk, as_of=NOON + timedelta(hours=1))
    assert PriceRule.objects.get().published_at is not None


def rate(*amounts: int, begins: date = build.BEGIN, ends: date | None = None, again: bool = False) -> Rate:
    return Rate(amounts, begins, ends, again)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([rate(10)], [rate(10, ends=day(2)), rate(11, begins=day(2))], day(2)),
        ([rate(10)], [rate(10, ends=day(7)), rate(11, begins=day(7))], None),
        ([rate(10)], [rate(10, ends=day(2)), rate(9, begins=day(2))], None),
        ([rate(10, ends=day(1)), rate(5, begins=day(1))], [rate(10)], None),  # as before the announcement
        ([rate(10, ends=day(1)), rate(5, begins=day(1))], [rate(11)], day(1)),
        (
            [rate(10, ends=day(3)), rate(20, begins=day(3))],
            [rate(10, ends=day(4)), rate(20, begins=day(4))],
            None,
        ),
        (
            [rate(10, ends=day(3)), rate(20, begins=day(3))],
            [rate(10, ends=day(2)), rate(20, begins=day(2))],
            day(2),
        ),
        ([], [rate(10)], None),
        ([rate(10)], [], None),
        ([rate(10, 1)], [rate(10, 1, again=True)], day(1)),
        ([rate(10, 10)], [rate(10, 10, 10, again=True)], None),
    ],
)
def test_the_first_raised_day(before: list[Rate], after: list[Rate], found: date | None) -> None:
    assert rules.first_raised(before, after, TODAY, day(7)) == found


def test_an_optional_charge_costs_nothing_before_it_is_written() -> None:
    assert rules.first_raised([], [rate(10, begins=day(2))], TODAY, day(7), is_optional=True) == day(2)
    assert rules.first_raised([rate(10)], [], TODAY, day(7), is_optional=True) is None
