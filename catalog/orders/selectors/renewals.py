"""Which further terms begin soon, and what they will cost: by the pricing function."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from catalog.holdings.models import Subscription
from catalog.holdings.selectors import holdings
from catalog.offers.selectors import books
from catalog.pricing import charges
from catalog.pricing.ahead import paid_terms
from catalog.pricing.errors import PricingError
from catalog.pricing.types import Holding, Period, Terms
from core import clock


@dataclass(frozen=True, slots=True)
class Renewal:
    """A further term: its first day, and its fee in fen after discounts."""

    day: date
    cents: int


def ahead(
    rows: Iterable[Subscription], *, as_of: datetime, until: date
) -> Iterator[tuple[Subscription, Renewal]]:
    """Those of the subscriptions for which a further term begins after today and by `until`."""
    today = clock.local_date(as_of)
    for row in rows:
        held = {
            each.ref: each
            for each in holdings.of_many([row.payer_id], Period.containing(today)).get(row.payer_id, ())
        }
        found = _next(row, held, today, until) if row.number in held else None
        if found is not None:
            yield row, found


def _next(row: Subscription, held: dict[str, Holding], today: date, until: date) -> Renewal | None:
    facts = books.facts(row.payer_id, today)
    book = books.book(facts.region_id, facts.kind)
    holding = held[row.number]
    day = _begins_after(holding, book.terms[holding.offer], today, until)
    if day is None:
        return None
    try:
        month = charges(
            holdings=tuple(held.values()),
            change=None,
            customer=facts.customer,
            book=book,
            period=Period.containing(day),
        ).month
    except PricingError:
        return None  # no price is published for that day: the bill run tells staff
    fee = [line for line in month if line.ref == row.number and line.begins_on == day]
    return Renewal(day, sum(line.amount_cents for line in fee))


def _begins_after(holding: Holding, terms: Terms, today: date, until: date) -> date | None:
    for begins, _ends in paid_terms(holding, terms):
        if begins > until:
            return None
        if begins > today and begins > holding.begins_on:
            return begins
    return None
