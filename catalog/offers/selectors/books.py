"""Price books and customer facts, as the pricing function takes them. All that prices depend on comes from here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from accounts.models import Customer as CustomerRow
from catalog.offers import rules
from catalog.offers.selectors import snapshots
from catalog.offers.selectors.snapshots import Snapshot
from catalog.pricing.relations import Buyer, Conditions
from catalog.pricing.types import Customer, PriceBook, PriceException

VISITOR = str(CustomerRow.Kind.PERSONAL)  # at whose prices somebody reads who is not known


@dataclass(frozen=True, slots=True)
class Facts:
    """What prices depend on of one account: which book is his, and what the pricing function takes."""

    account_id: int
    region_id: int | None
    kind: str
    customer: Customer


def book(region_id: int | None, kind: str = VISITOR) -> PriceBook:
    """Everything published for that place and kind of customer, of all times. One query when nothing has changed.

    It is right as of this statement, also inside a transaction that has changed prices. The same object comes back as
    long as nothing changed, so that what is prepared from it is prepared once.
    """
    return _book(snapshots.current(), region_id, kind)


def many(wanted: Collection[tuple[int | None, str]]) -> dict[tuple[int | None, str], PriceBook]:
    """The books of these places and kinds, at the same instant, in one query."""
    snapshot = snapshots.current()
    return {key: _book(snapshot, *key) for key in set(wanted)}


def _book(snapshot: Snapshot, region_id: int | None, kind: str) -> PriceBook:
    known = snapshot.books.get((region_id, kind))
    if known is None:
        known = snapshot.books[region_id, kind] = _made(snapshot, region_id, kind)
    return known


def _made(snapshot: Snapshot, region_id: int | None, kind: str) -> PriceBook:
    above = rules.path(region_id, snapshot.parents)
    rates = {
        key: rules.timeline(rules.nearest_first(versions, above, kind))
        for key, versions in snapshot.prices.items()
    }
    return PriceBook(
        terms=snapshot.terms,
        rates={key: found for key, found in rates.items() if found},
        rules=tuple(rule for region, rule in snapshot.rules if region is None or region in above),
    )


def tier_names() -> dict[str, tuple[str, str]]:
    """How tiers are called, in Chinese and English, by code."""
    return snapshots.current().tiers


def conditions(as_of: datetime) -> dict[str, Conditions]:
    """For whom and when each offer is sold, as published by that instant; what is a draft then is not in it."""
    return _conditions(snapshots.current(), as_of)


def _conditions(snapshot: Snapshot, as_of: datetime) -> dict[str, Conditions]:
    return {
        offer: Conditions(
            offer, each.regions, each.kinds, each.tiers, each.segments, each.begins_on, each.ends_on
        )
        for offer, each in snapshot.published.items()
        if each.at <= as_of
    }


_FACTS = """
    SELECT a.id, coalesce(a.region_id, c.region_id), c.kind,
           coalesce((SELECT s.tier FROM accounts_standing s WHERE s.customer_id = c.id AND s.active_from <= %(on)s
                        AND (s.active_to IS NULL OR s.active_to > %(on)s)), ''),
           ARRAY(SELECT g.code FROM accounts_segmentmembership m JOIN accounts_segment g ON g.id = m.segment_id
                  WHERE m.customer_id = c.id AND m.active_from <= %(on)s
                    AND (m.active_to IS NULL OR m.active_to > %(on)s))::text[],
           o.code, e.charge, e.amount_cents, e.active_from, e.active_to
      FROM accounts_billingaccount a JOIN accounts_customer c ON c.id = a.customer_id
      LEFT JOIN (catalog_priceexception e JOIN catalog_offer o ON o.id = e.offer_id) ON e.account_id = a.id
     WHERE a.id = ANY(%(ids)s)
     ORDER BY a.id, e.active_from, o.code"""


def facts(account_id: int, on: date) -> Facts:
    """Of one account on a day. KeyError where there is none."""
    return facts_of([account_id], on)[account_id]


def facts_of(account_ids: Collection[int], on: date) -> dict[int, Facts]:
    """Of many accounts on a day, in one query. Exceptions are all that there ever were: they carry their days."""
    found: dict[int, tuple[Any, ...]] = {}
    exceptions: dict[int, list[PriceException]] = {}
    for account, region, kind, tier, segments, *exception in _rows(
        _FACTS, {"ids": list(account_ids), "on": on}
    ):
        found[account] = region, kind, tier, segments
        if exception[0] is not None:
            exceptions.setdefault(account, []).append(PriceException(*exception))
    return {
        account: Facts(
            account,
            region,
            kind,
            Customer(kind, tier, frozenset(segments), tuple(exceptions.get(account, ()))),
        )
        for account, (region, kind, tier, segments) in found.items()
    }


def customer(account_id: int, on: date) -> Customer:
    """What the pricing function takes of one account."""
    return facts(account_id, on).customer


def buyer(found: Facts) -> Buyer:
    """The same account as the one who asks for an offer."""
    return Buyer(above(found.region_id), found.kind, found.customer.tier, found.customer.segments)


def on_shelf(
    region_id: int | None, kind: str, as_of: datetime
) -> tuple[PriceBook, dict[str, Conditions], dict[str, tuple[str, str]]]:
    """A book, what is on sale, and the names of tiers: in one query."""
    snapshot = snapshots.current()
    return _book(snapshot, region_id, kind), _conditions(snapshot, as_of), snapshot.tiers


def for_sale(price: Facts, asks: Facts, as_of: datetime) -> tuple[PriceBook, dict[str, Conditions], Buyer]:
    """The book at whose prices one account pays, what is on sale, and the other account as who asks: in one query."""
    snapshot = snapshots.current()
    above_it = rules.path(asks.region_id, snapshot.parents)
    places = frozenset(snapshot.places[key].code for key in above_it)
    who = Buyer(places, asks.kind, asks.customer.tier, asks.customer.segments)
    return _book(snapshot, price.region_id, price.kind), _conditions(snapshot, as_of), who


def above(region_id: int | None) -> frozenset[str]:
    """The codes of a region and of all above it."""
    snapshot = snapshots.current()
    return frozenset(snapshot.places[key].code for key in rules.path(region_id, snapshot.parents))


def _rows(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
