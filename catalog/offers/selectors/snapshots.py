"""Everything that is published, read at once and kept as long as it is true.

What is kept is asked for by a fingerprint of the rows themselves: which versions of them (xmin, ctid) this transaction
sees. Whatever writes (a service, `update()`, raw SQL, a transaction that is not over yet or is rolled back) gives
another fingerprint, so that a price is never older than the statement that asks for it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Lock
from typing import Any, NamedTuple

from django.db import connection

from catalog.offers.rules import Version
from catalog.pricing.types import Key, PriceBook, Rule, Terms

_TABLES = (
    "catalog_producttype",
    "catalog_offer",
    "catalog_offer_regions",
    "catalog_offer_segments",
    "catalog_offerrelation",
    "catalog_price",
    "catalog_pricerule",
    "catalog_pricerule_offers",
    "catalog_pricerule_with_offers",
    "catalog_pricerule_segments",
    "accounts_region",
    "accounts_segment",
    "catalog_tier",
)
_MARK = "coalesce(bit_xor(hashtextextended(t.ctid::text || t.xmin::text, 0)), 0)"
_MARKS = ", ".join(f"(SELECT count(*) || ':' || {_MARK} FROM {table} t)" for table in _TABLES)
_FINGERPRINT = f"SELECT concat_ws('/', {_MARKS})"
_KEPT = 4  # a few, for transactions that are at work beside each other


class Place(NamedTuple):
    code: str
    parent_id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Published:
    """For whom and when an offer is sold. `regions` and `segments` are codes."""

    regions: frozenset[str]
    kinds: frozenset[str]
    tiers: frozenset[str]
    segments: frozenset[str]
    begins_on: date
    ends_on: date | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All published offers, their prices and all published rules, whether they hold today or not."""

    places: dict[int, Place]
    terms: dict[str, Terms]
    published: dict[str, Published]
    prices: dict[Key, list[Version]]
    rules: list[tuple[int | None, Rule]]  # with the region that it is for
    tiers: dict[str, tuple[str, str]]  # names by code, Chinese and English
    books: dict[tuple[int | None, str], PriceBook] = field(default_factory=dict)

    @property
    def parents(self) -> dict[int, int | None]:
        return {key: place.parent_id for key, place in self.places.items()}


_kept: OrderedDict[str, Snapshot] = OrderedDict()
_lock = Lock()


def current() -> Snapshot:
    """What is published as this transaction sees it. One query; seven when something changed."""
    mark: str = _rows(_FINGERPRINT)[0][0]
    with _lock:
        found = _kept.get(mark)
        if found is not None:
            _kept.move_to_end(mark)
            return found
    read = _read()
    with _lock:
        _kept[mark] = read
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return read


_PLACES = "SELECT id, code, parent_id, name FROM accounts_region"
_OFFERS = """
    SELECT o.code, t.code, o.cycle, o.term_months, o.is_renewed, o.penalty_kind, o.penalty_percent, o.penalty_cents,
           t.is_per_terminal, o."group", o.change_effect, o.cancel_effect, o.return_days, o.while_paused,
           o.while_in_arrears, o.while_checked, o.most_per_account, o.customer_kinds, o.tiers, o.active_from,
           o.active_to, o.published_at,
           ARRAY(SELECT r.code FROM catalog_offer_regions x JOIN accounts_region r ON r.id = x.region_id
                  WHERE x.offer_id = o.id)::text[],
           ARRAY(SELECT s.code FROM catalog_offer_segments x JOIN accounts_segment s ON s.id = x.segment_id
                  WHERE x.offer_id = o.id)::text[],
           o.gives_back_rest
      FROM catalog_offer o JOIN catalog_producttype t ON t.id = o.type_id
     WHERE o.published_at IS NOT NULL"""
_RELATIONS = """
    SELECT a.code, r.kind, b.code
      FROM catalog_offerrelation r JOIN catalog_offer a ON a.id = r.offer_id JOIN catalog_offer b ON b.id = r.other_id
     WHERE a.published_at IS NOT NULL AND b.published_at IS NOT NULL"""
_PRICES = """
    SELECT o.code, p.charge, p.amounts_cents, p.active_from, p.active_to, p.after_last, p.region_id, p.customer_kind
      FROM catalog_price p JOIN catalog_offer o ON o.id = p.offer_id
     WHERE o.published_at IS NOT NULL AND p.withdrawn_at IS NULL"""
_TIERS = "SELECT code, name, name_en FROM catalog_tier"
_RULES = """
    SELECT r.region_id, r.code, r.charge, r.effect, r.value, r.active_from, r.active_to, r.floor_cents,
           ARRAY(SELECT o.code FROM catalog_pricerule_offers x JOIN catalog_offer o ON o.id = x.offer_id
                  WHERE x.pricerule_id = r.id)::text[],
           (SELECT t.code FROM catalog_producttype t WHERE t.id = r.type_id),
           ARRAY(SELECT o.code FROM catalog_pricerule_with_offers x JOIN catalog_offer o ON o.id = x.offer_id
                  WHERE x.pricerule_id = r.id)::text[],
           r.terminals, r.customer_kinds, r.tiers,
           ARRAY(SELECT s.code FROM catalog_pricerule_segments x JOIN accounts_segment s ON s.id = x.segment_id
                  WHERE x.pricerule_id = r.id)::text[],
           r.is_for_new, r.months, r.priority, r.is_exclusive
      FROM catalog_pricerule r WHERE r.published_at IS NOT NULL
     ORDER BY r.code"""


def _read() -> Snapshot:
    related: dict[tuple[str, str], set[str]] = {}
    for offer, kind, other in _rows(_RELATIONS):
        related.setdefault((offer, kind), set()).add(other)
    terms, published = {}, {}
    for row in _rows(_OFFERS):
        terms[row[0]] = _terms(row, related)
        published[row[0]] = _published(row)
    prices: dict[Key, list[Version]] = {}
    for offer, charge, amounts, begins, ends, after_last, region, kind in _rows(_PRICES):
        version = Version(tuple(amounts), begins, ends, after_last == "AGAIN", region, kind)
        prices.setdefault((offer, charge), []).append(version)
    return Snapshot(
        places={key: Place(code, parent, name) for key, code, parent, name in _rows(_PLACES)},
        terms=terms,
        published=published,
        prices=prices,
        rules=[(row[0], _rule(row)) for row in _rows(_RULES)],
        tiers={code: (name, english) for code, name, english in _rows(_TIERS)},
    )


def _terms(row: Any, related: dict[tuple[str, str], set[str]]) -> Terms:
    def others(kind: str) -> frozenset[str]:
        return frozenset(related.get((row[0], kind), ()))

    return Terms(
        offer=row[0], type=row[1], cycle=row[2], term_months=row[3], is_renewed=row[4],
        penalty_kind=row[5], penalty_percent=row[6], penalty_cents=row[7], is_per_terminal=row[8],
        group=row[9], change_effect=row[10], cancel_effect=row[11], return_days=row[12],
        while_paused=row[13], while_in_arrears=row[14], while_checked=row[15], most_per_account=row[16],
        upgrades_to=others("UPGRADES_TO"), downgrades_to=others("DOWNGRADES_TO"),
        gives_back_rest=row[24], needs=others("NEEDS"), must_buy=others("MUST_BUY"), excludes=others("EXCLUDES"),
    )  # fmt: skip


def _published(row: Any) -> Published:
    kinds, tiers, begins, ends, at, regions, segments = row[17:24]
    return Published(
        frozenset(regions), frozenset(kinds), frozenset(tiers), frozenset(segments), begins, ends, at
    )


def _rule(row: Any) -> Rule:
    return Rule(
        code=row[1], charge=row[2], effect=row[3], value=row[4], begins_on=row[5], ends_on=row[6],
        floor_cents=row[7], offers=frozenset(row[8]), types=frozenset([row[9]] if row[9] else ()),
        with_offers=frozenset(row[10]), terminals=frozenset(row[11]), kinds=frozenset(row[12]),
        tiers=frozenset(row[13]), segments=frozenset(row[14]), is_for_new=row[15], months=row[16],
        priority=row[17], is_exclusive=row[18],
    )  # fmt: skip


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
