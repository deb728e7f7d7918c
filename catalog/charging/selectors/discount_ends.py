"""Discounts that last so many months and are over soon: trials, offers for new customers."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Q, QuerySet

from catalog.choices import Charge
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.selectors import holdings
from catalog.offers.prices import PriceRule
from catalog.offers.selectors import books
from catalog.pricing import PricingError
from catalog.pricing.days import add_months
from catalog.pricing.discounts import Asked, on_day
from catalog.pricing.held import Held
from catalog.pricing.types import Period

CHUNK = 500
_SHORT = timedelta(days=3)  # months differ in length: 31 January and 28 February end on one day


class Ending(NamedTuple):
    """`last_day` is the last one on which the discount is taken off."""

    row: Subscription
    rule: PriceRule
    last_day: date


def ending(first: date, last: date) -> Iterator[list[Ending]]:
    """Those whose months end in `[first, last]`, in pages; only what who pays really has that day."""
    rules = PriceRule.objects.filter(months__gt=0, charge=Charge.PERIOD, published_at__isnull=False)
    for rule in rules.prefetch_related("offers").order_by("pk"):
        beyond = 0
        while page := list(_holders(rule, first, last).filter(pk__gt=beyond)[:CHUNK]):
            yield _really(rule, [each for each in page if first <= _last_day(rule, each) <= last])
            beyond = page[-1].pk


def _holders(rule: PriceRule, first: date, last: date) -> "QuerySet[Subscription]":
    begun = (
        add_months(first + timedelta(1), -rule.months) - _SHORT,
        add_months(last + timedelta(1), -rule.months) + _SHORT,
    )
    if rule.active_to is not None and not rule.is_for_new and first < rule.active_to <= last + timedelta(1):
        begun = (begun[0], rule.active_to)  # its own time ends: also for all whose months would go on
    about = Q(offer__in=[each.pk for each in rule.offers.all()]) | Q(offer__type_id=rule.type_id)
    rows = Subscription.objects.filter(
        about, state=SubscriptionState.ACTIVE, ends_on=None, begins_on__range=begun
    )
    return rows.select_related("account", "payer", "offer").order_by("pk")


def _last_day(rule: PriceRule, row: Subscription) -> date:
    """By its months; one that is not only for new holdings ends at the latest with its own time."""
    assert row.begins_on is not None
    day = add_months(row.begins_on, rule.months) - timedelta(1)
    if rule.active_to is None or rule.is_for_new:
        return day
    return min(day, rule.active_to - timedelta(1))


def _really(rule: PriceRule, rows: list[Subscription]) -> list[Ending]:
    found = []
    for row in rows:
        day = _last_day(rule, row)
        try:
            if rule.code in _taken_off(row, day):
                found.append(Ending(row, rule, day))
        except PricingError:  # who cannot be priced is charged nothing, and told by whoever puts that right
            continue
    return found


def _taken_off(row: Subscription, day: date) -> set[str]:
    """The codes of the discounts that who pays has on it that day."""
    facts = books.facts(row.payer_id, day)
    period = Period.containing(day)
    own = holdings.of_many([row.payer_id], period, with_pending=False).get(row.payer_id, ())
    held = Held(own, facts.customer, books.book(facts.region_id, facts.kind))
    for each in held.holdings:
        if each.ref == row.number:
            place = held.terminal(each, day)
            cents = held.offers[each.offer].amount(Charge.PERIOD, day, place)
            return {code for code, _cents in on_day(held, Asked(each, Charge.PERIOD, place, cents), day)}
    return set()
