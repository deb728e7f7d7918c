"""The tariff disclosure (资费公示): everything that is sold, all that may be charged for it, and under what terms."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from catalog.choices import Charge
from catalog.offers.models import Offer, ProductType
from catalog.offers.prices import Price, PriceRule
from catalog.offers.selectors import books
from catalog.offers.words import Tiers
from core import clock

_ORDER = (Charge.PERIOD, Charge.ONCE, Charge.PAUSE)
SHOWN_AFTERWARDS = timedelta(days=365)  # so long what is no longer sold still stands there


@dataclass(frozen=True, slots=True)
class Entry:
    """An offer with its prices in all places, those that hold and those to come."""

    offer: Offer
    prices: list[Price]
    state: str  # "ON_SALE", "COMING" or "OVER"


@dataclass(frozen=True, slots=True)
class Group:
    type: ProductType
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """`groups`: on sale and to come, by type; `over`: no longer sold, the last ones first."""

    groups: list[Group]
    over: list[Entry]
    rules: list[PriceRule]
    tiers: Tiers

    @property
    def count(self) -> int:
        return sum(len(group.entries) for group in self.groups)


def everything(*, as_of: datetime, words: str = "", type_code: str = "") -> Disclosure:
    """What is published by that instant, in so many queries whatever it is; narrowed by words and by type."""
    today = clock.local_date(as_of)
    rows: QuerySet[Any] = Offer.objects.disclosed(as_of).filter(_not_long_over(today))
    rows, rules = _narrowed(rows, words), _narrowed(_rules(as_of), words)
    if type_code:
        rows = rows.filter(type__code=type_code)
    entries = [_entry(row, today) for row in _ready(rows, today)]
    over = [entry for entry in entries if entry.state == "OVER"]
    return Disclosure(
        groups=_grouped(entry for entry in entries if entry.state != "OVER"),
        over=sorted(over, key=lambda entry: (entry.offer.active_to or today, entry.offer.code), reverse=True),
        rules=list(rules),
        tiers=books.tier_names(),
    )


def types(as_of: datetime) -> list[ProductType]:
    """The types of which something is disclosed."""
    found = ProductType.objects.filter(offers__in=Offer.objects.disclosed(as_of)).distinct()
    return list(found.order_by("position", "code"))


def state(offer: Offer, today: date) -> str:
    if offer.active_to is not None and offer.active_to <= today:
        return "OVER"
    return "ON_SALE" if offer.active_from <= today else "COMING"


def _not_long_over(today: date) -> Q:
    return Q(active_to=None) | Q(active_to__gt=today - SHOWN_AFTERWARDS)


def _narrowed(rows: "QuerySet[Any]", words: str) -> "QuerySet[Any]":
    for word in words.split()[:5]:
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(name_en__icontains=word)
            | Q(code__iexact=word)
            | Q(conditions__icontains=word)
            | Q(conditions_en__icontains=word)
        )
    return rows


def _rules(as_of: datetime) -> "QuerySet[PriceRule]":
    today = clock.local_date(as_of)
    found = PriceRule.objects.filter(published_at__lte=as_of).exclude(active_to__lte=today)
    ready = found.select_related("region", "type").prefetch_related("offers", "with_offers", "segments")
    return ready.order_by("active_from", "code")


def _ready(rows: "QuerySet[Offer]", today: date) -> "QuerySet[Offer]":
    prices = Price.objects.filter(withdrawn_at=None).select_related("region")
    return (
        rows.select_related("type")
        .prefetch_related(
            Prefetch("prices", prices.order_by("region__code", "customer_kind", "active_from")),
            "specifications__features",
            "relations__other",
            "regions",
            "segments",
        )
        .order_by("type__position", "type__code", "name", "pk")
    )


def _entry(row: Offer, today: date) -> Entry:
    found = state(row, today)
    day = row.active_to - timedelta(days=1) if found == "OVER" and row.active_to else today
    prices = [price for price in row.prices.all() if _holds_from(price, day)]
    return Entry(row, sorted(prices, key=lambda price: _ORDER.index(Charge(price.charge))), found)


def _holds_from(price: Price, day: date) -> bool:
    return price.active_to is None or price.active_to > day


def _grouped(entries: Iterable[Entry]) -> list[Group]:
    found: dict[int, Group] = {}
    for entry in entries:
        found.setdefault(entry.offer.type_id, Group(entry.offer.type, [])).entries.append(entry)
    return list(found.values())
