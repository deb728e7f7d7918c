"""Until when a quote is promised: ordered by then it costs no more than was quoted.

The other half is `catalog.offers.services.promises`: nothing that is published meanwhile makes it dearer before.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings

from catalog.offers.selectors.shelf import price_of
from catalog.pricing import PricingError
from catalog.pricing.relations import Conditions
from catalog.pricing.types import Change, Customer, PriceBook, Rate, Rule


@dataclass(frozen=True, slots=True)
class Ahead:
    """A price that is published already and holds from a later day."""

    offer: str
    begins_on: date
    cents: int


def ahead(change: Change, book: PriceBook, on: date) -> tuple[Ahead, ...]:
    """From when which prices change of what is asked for, and to what."""
    found: list[Ahead] = []
    for code in _asked(change):
        main = price_of(code, book, on).main
        later: Sequence[Rate] = main.changes if main is not None else ()
        found += [Ahead(code, rate.begins_on, rate.amounts_cents[0]) for rate in later]
    return tuple(found)


def last_day(
    change: Change,
    book: PriceBook,
    customer: Customer,
    conditions: Mapping[str, Conditions],
    ended: Collection[str],
    due_on: Callable[[date], object],
) -> date:
    """The last day on which the book, as published now, gives the same: ORDER_QUOTE_DAYS from now at most.

    `ended`: offers of what ends or turns, whose prices a penalty depends on. What such a change costs or gives back
    also depends on the day itself: `due_on` says it for a day, and the promise ends where that changes.
    """
    last = change.on + timedelta(days=settings.ORDER_QUOTE_DAYS - 1)
    asked = _asked(change)
    cuts = {
        *_of_book(book, customer, {*asked, *ended}),
        *(conditions[code].ends_on for code in asked if code in conditions),
    }
    last = min([last, *(cut - timedelta(days=1) for cut in cuts if cut is not None and cut > change.on)])
    return _while_same(change.on, last, due_on) if change.end or change.turn else last


def _asked(change: Change) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*change.add, *change.turn.values())))


def _of_book(book: PriceBook, customer: Customer, codes: Collection[str]) -> Iterator[date | None]:
    """The days on which a price of these offers, a discount on it or an exception of this customer begins or ends."""
    for (offer, _charge), rates in book.rates.items():
        if offer in codes:
            for rate in rates:
                yield from (rate.begins_on, rate.ends_on)
    types = {book.terms[code].type for code in codes if code in book.terms}
    for rule in book.rules:
        touches = not (rule.types.isdisjoint(types) and rule.offers.isdisjoint(codes))
        if (touches or not rule.with_offers.isdisjoint(codes)) and _may_work(rule, customer):
            yield from (rule.begins_on, rule.ends_on)
    for each in customer.exceptions:
        if each.offer in codes:
            yield from (each.begins_on, each.ends_on)


def _may_work(rule: Rule, customer: Customer) -> bool:
    """Whether it is for such customers; on which terminal and beside what does not matter here."""
    return (
        (not rule.kinds or customer.kind in rule.kinds)
        and (not rule.tiers or customer.tier in rule.tiers)
        and (not rule.segments or not rule.segments.isdisjoint(customer.segments))
    )


def _while_same(today: date, last: date, due_on: Callable[[date], object]) -> date:
    quoted, day = due_on(today), today
    while day < last:
        try:
            if due_on(day + timedelta(days=1)) != quoted:
                return day
        except PricingError:
            return day
        day += timedelta(days=1)
    return last
