"""The shelf: what is on sale where somebody lives, at which prices, for whom and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from accounts.models import BillingAccount
from catalog.choices import Charge
from catalog.offers import rules, words
from catalog.offers.models import Offer, OfferRelation, SpecificationFeature
from catalog.offers.prices import PriceRule
from catalog.offers.selectors import books
from catalog.pricing import charges
from catalog.pricing.days import next_month
from catalog.pricing.errors import PricingError
from catalog.pricing.relations import NOT_ON_SALE, Buyer, Conditions, Eligibility, eligible
from catalog.pricing.types import Change, Charges, Customer, Period, PriceBook, Rate
from core import clock
from core.money import MAX_CENTS

_PAIR = (OfferRelation.Kind.NEEDS, OfferRelation.Kind.MUST_BUY)


@dataclass(frozen=True, slots=True)
class Viewer:
    """At whose prices the shelf is shown: an account's, or those of a visitor who said where he lives at most."""

    region_id: int | None
    buyer: Buyer
    customer: Customer
    account: BillingAccount | None = None

    @property
    def kind(self) -> str:
        return self.customer.kind

    @property
    def is_known(self) -> bool:
        return self.account is not None


@dataclass(frozen=True, slots=True)
class Priced:
    """A charge as it stands on a day, and what it changes to from when. `amounts_cents`: 1st, 2nd, 3rd … terminal."""

    charge: str
    amounts_cents: tuple[int, ...]
    starts_over: bool
    begins_on: date
    ends_on: date | None
    changes: tuple[Rate, ...]

    @property
    def cents(self) -> int:
        return self.amounts_cents[0]

    @property
    def further(self) -> tuple[int, ...]:
        """From the second terminal on."""
        return self.amounts_cents[1:]


@dataclass(frozen=True, slots=True)
class Prices:
    """What an offer costs in one place; None where nothing of the sort is charged, or no price holds there."""

    period: Priced | None
    once: Priced | None
    pause: Priced | None

    @property
    def main(self) -> Priced | None:
        """What the offer is compared by."""
        return self.period or self.once

    @property
    def everything(self) -> list[Priced]:
        return [each for each in (self.period, self.once, self.pause) if each is not None]


@dataclass(frozen=True, slots=True)
class Shown:
    """An offer on the shelf. `partners` come with it or must be there before; `discounts` are published rules."""

    offer: Offer
    prices: Prices
    eligibility: Eligibility
    because: list[str]
    refusals: list[str]
    partners: list[tuple[str, Offer]] = field(default_factory=list)
    discounts: list[PriceRule] = field(default_factory=list)

    @property
    def is_eligible(self) -> bool:
        return self.eligibility.is_eligible

    @property
    def features(self) -> list[SpecificationFeature]:
        return [each for one in self.offer.specifications.all() for each in one.features.all()]


@dataclass(frozen=True, slots=True)
class _At:
    """For whom, when and at which prices offers are shown."""

    viewer: Viewer
    today: date
    book: PriceBook
    tiers: words.Tiers
    discounts: list[PriceRule]


@dataclass(frozen=True, slots=True)
class FirstBills:
    """What somebody pays who orders today and holds nothing: with the order, this month by days, each month after."""

    with_offers: tuple[str, ...]
    today: Charges
    later: Charges

    @property
    def now_cents(self) -> int:
        return self.today.now_cents

    @property
    def this_month_cents(self) -> int:
        return self.today.month_cents

    @property
    def later_cents(self) -> int:
        return self.later.month_cents


def visitor(region_id: int | None = None) -> Viewer:
    """Somebody who is not known."""
    return Viewer(region_id, Buyer(books.above(region_id), books.VISITOR), Customer(books.VISITOR))


def holder(account: BillingAccount, on: date) -> Viewer:
    """Whoever pays for this account."""
    found = books.facts(account.pk, on)
    return Viewer(found.region_id, books.buyer(found), found.customer, account)


def on_sale(viewer: Viewer, as_of: datetime) -> list[Shown]:
    """What can be ordered today, the viewer's own first, then by type and price. So many queries whatever the shelf."""
    rows = _rows(Offer.objects.on_sale(as_of))
    return sorted(_shown(rows, viewer, as_of), key=_place)


def one(code: str, viewer: Viewer, as_of: datetime) -> Shown | None:
    """A published offer, whether it is sold yet, now or no longer; None for drafts and for what was never there."""
    found = _shown(_rows(Offer.objects.disclosed(as_of).filter(code=code)), viewer, as_of)
    return found[0] if found else None


def some(codes: Sequence[str], viewer: Viewer, as_of: datetime) -> list[Shown]:
    """These offers on sale, in the order in which they were asked for."""
    found = {
        each.offer.code: each
        for each in _shown(_rows(Offer.objects.on_sale(as_of).filter(code__in=codes)), viewer, as_of)
    }
    return [found[code] for code in dict.fromkeys(codes) if code in found]


def price_of(offer: str, book: PriceBook, on: date) -> Prices:
    """What it costs on a day, and from when that changes. The same figures on every channel."""

    def priced(charge: str) -> Priced | None:
        rates = book.rates.get((offer, charge), ())
        rate = rules.rate_on(rates, on)
        if rate is None:
            return None
        later = rules.changes_after(rates, on)
        return Priced(charge, rate.amounts_cents, rate.starts_over, rate.begins_on, rate.ends_on, later)

    return Prices(priced(Charge.PERIOD), priced(Charge.ONCE), priced(Charge.PAUSE))


def first_bills(shown: Shown, viewer: Viewer, on: date) -> FirstBills | None:
    """By the pricing function itself, with what must be bought together; None where a price is missing."""
    book = books.book(viewer.region_id, viewer.kind)
    together = [offer.code for kind, offer in shown.partners if kind == OfferRelation.Kind.MUST_BUY]
    wanted = (shown.offer.code, *_one_of_each_group(together, book))
    month = Period.containing(on)
    try:
        today = charges(
            holdings=(), change=Change(on, add=wanted), customer=viewer.customer, book=book, period=month
        )
        later = charges(
            holdings=today.holdings,
            change=None,
            customer=viewer.customer,
            book=book,
            period=Period.containing(next_month(on)),
        )
    except PricingError:
        return None
    return FirstBills(wanted[1:], today, later)


def _place(shown: Shown) -> tuple[bool, int, str, bool, int]:
    """His own before others, type by type; within a type what is made for him, then the cheapest."""
    kind, main = shown.offer.type, shown.prices.main
    cents = MAX_CENTS if main is None else main.cents
    return not shown.is_eligible, kind.position, kind.code, not shown.because, cents


def _one_of_each_group(codes: Iterable[str], book: PriceBook) -> list[str]:
    """Those of one group stand for each other: the first is counted."""
    found: dict[str, str] = {}
    for code in codes:
        group = book.terms[code].group if code in book.terms else ""
        found.setdefault(group or f"={code}", code)
    return list(found.values())


def _rows(offers: Any) -> list[Offer]:
    ready = offers.select_related("type", "owner", "series").prefetch_related(
        "specifications__features", "relations__other", "regions", "segments"
    )
    return list(ready.order_by("type__position", "type__code", "name", "pk"))


def _shown(rows: list[Offer], viewer: Viewer, as_of: datetime) -> list[Shown]:
    if not rows:
        return []
    today = clock.local_date(as_of)
    book, known, tiers = books.on_shelf(viewer.region_id, viewer.kind, as_of)
    at = _At(viewer, today, book, tiers, _discounts(as_of))
    return [_one(row, known[row.code], at) for row in rows if row.code in known]


def _one(row: Offer, conditions: Conditions, at: _At) -> Shown:
    found = eligible(at.viewer.buyer, conditions, at.today)
    return Shown(
        offer=row,
        prices=price_of(row.code, at.book, max(at.today, row.active_from)),
        eligibility=found,
        because=[words.reason(each, row, at.tiers) for each in found.because],
        refusals=[words.reason(each, row, at.tiers) for each in found.refusals if each.code != NOT_ON_SALE],
        partners=[(each.kind, each.other) for each in row.relations.all() if each.kind in _PAIR],
        discounts=[rule for rule in at.discounts if _is_about(rule, row, at.viewer)],
    )


def _discounts(as_of: datetime) -> list[PriceRule]:
    """The published rules that hold today or will."""
    today = clock.local_date(as_of)
    found = PriceRule.objects.filter(published_at__lte=as_of).exclude(active_to__lte=today)
    return list(
        found.select_related("region")
        .prefetch_related("offers", "with_offers", "segments")
        .order_by("active_from", "code")
    )


def _is_about(rule: PriceRule, offer: Offer, viewer: Viewer) -> bool:
    """Whether it is for this offer and, where somebody said where he lives, for there."""
    if rule.type_id != offer.type_id and offer.pk not in {each.pk for each in rule.offers.all()}:
        return False
    return rule.region is None or viewer.region_id is None or rule.region.code in viewer.buyer.regions
