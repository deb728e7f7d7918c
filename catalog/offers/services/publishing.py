"""Publishing and withdrawing: what is not published, with its conditions and inside its dates, is not sold.

`published_at` may lie ahead: from that instant on everybody sees it, to the second and without a job, because each read
asks for what is published by then.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction

from accounts.models import Customer, Region
from catalog.choices import Charge, Cycle, WhileOff
from catalog.offers import errors, locks, rules, search
from catalog.offers.models import Offer, OfferRelation, Tier
from catalog.offers.prices import PriceRule
from catalog.offers.selectors import versions
from catalog.offers.services import promises
from catalog.pricing.types import Rate
from core import clock


@transaction.atomic
def publish_offer(*, offer_id: int, as_of: datetime, at: datetime | None = None) -> Offer:
    """Everybody sees the offer from `at` (None: now) and may order it inside its dates.

    Raises AlreadyPublished, NoOwner, NoConditions, NoFlow, TierWithoutName, AlreadyOver, PublishedTooEarly,
    PartnerNotPublished, NoPrice where a price is missing on some day, in some place and for some kind of customer that
    the offer is for, and PauseAboveFee where a pause would cost more there than use.
    """
    offer = locks.offer(offer_id)
    at = _instant(at, as_of)
    if offer.published_at is not None:
        raise errors.AlreadyPublished()
    _check_said(offer)
    if not offer.type.flow:
        raise errors.NoFlow(type=offer.type)
    if offer.active_to is not None and offer.active_to <= clock.local_date(at):
        raise errors.AlreadyOver()
    _check_tiers(offer.tiers)
    _check_partners(offer)
    check_prices(offer, at)
    offer.published_at = at
    offer.save(update_fields=["published_at"])
    search.put(offer)
    return offer


@transaction.atomic
def take_back_offer(*, offer_id: int, as_of: datetime) -> Offer:
    """What is announced and not live yet is a draft again. Raises NotPublished, AlreadyLive."""
    offer = locks.offer(offer_id)
    _check_announced(offer.published_at, as_of)
    offer.published_at = None
    offer.save(update_fields=["published_at"])
    search.put(offer)
    return offer


@transaction.atomic
def withdraw_offer(*, offer_id: int, ends_on: date, as_of: datetime) -> Offer:
    """Not sold from that day on, tomorrow at the earliest; who holds it keeps it. Raises NotPublished, AlreadyEnded,
    TooSoon."""
    offer = locks.offer(offer_id)
    _check_ending(offer, ends_on, as_of)
    offer.active_to = ends_on
    offer.save(update_fields=["active_to"])
    search.put(offer)
    return offer


@transaction.atomic
def publish_rule(*, rule_id: int, as_of: datetime, at: datetime | None = None) -> PriceRule:
    """The discount is disclosed from `at` (None: now) and works from its first day, never on days before it was told.

    Raises AlreadyPublished, NoOwner, NoConditions, RuleWithoutOffers, TierWithoutName, RuleTooEarly, AlreadyOver,
    PublishedTooEarly.
    """
    rule = locks.rule(rule_id)
    at = _instant(at, as_of)
    if rule.published_at is not None:
        raise errors.AlreadyPublished()
    _check_said(rule)
    if rule.type_id is None and not rule.offers.exists():
        raise errors.RuleWithoutOffers()
    _check_tiers(rule.tiers)
    if rule.active_from < clock.local_date(at):
        raise errors.RuleTooEarly()
    if rule.active_to is not None and rule.active_to <= rule.active_from:
        raise errors.AlreadyOver()
    rule.published_at = at
    rule.save(update_fields=["published_at"])
    return rule


@transaction.atomic
def take_back_rule(*, rule_id: int, as_of: datetime) -> PriceRule:
    """What is announced and works neither now nor today is a draft again. Raises NotPublished, AlreadyLive."""
    rule = locks.rule(rule_id)
    _check_announced(rule.published_at, as_of)
    if rule.active_from <= clock.local_date(as_of):
        raise errors.AlreadyLive()
    rule.published_at = None
    rule.save(update_fields=["published_at"])
    return rule


@transaction.atomic
def end_rule(*, rule_id: int, ends_on: date, as_of: datetime) -> PriceRule:
    """No discount from that day on: where it works today, when no quote of today is valid any more.

    Raises NotPublished, AlreadyEnded, TooSoon, PricePromised.
    """
    rule = locks.rule(rule_id)
    _check_ending(rule, ends_on, as_of)
    promises.check_end(rule, ends_on, as_of=as_of)
    rule.active_to = ends_on
    rule.save(update_fields=["active_to"])
    return rule


def check_prices(offer: Offer, at: datetime) -> None:
    """What it costs can be told wherever and to whomever it is sold, from its publication on, and makes sense.

    Raises NoPrice for the first day without a price, PauseAboveFee for the first on which a pause costs more than use.
    """
    begins = max(offer.active_from, clock.local_date(at))
    written = {charge: versions.of_offer(offer.pk, charge) for charge in _wanted(offer)}
    for region, above in _places(offer):
        for kind in offer.customer_kinds or Customer.Kind.values:
            rates = {
                charge: rules.timeline(rules.nearest_first(rows, above, kind))
                for charge, rows in written.items()
            }
            _check_gaps(offer, rates, begins, region, kind)
            _check_pause(offer, rates, begins, region, kind)


def _places(offer: Offer) -> list[tuple[int | None, tuple[int, ...]]]:
    """The regions in which it is sold, each with all above it."""
    parents = dict(Region.objects.values_list("pk", "parent_id"))
    places: list[int | None] = list(offer.regions.values_list("pk", flat=True)) or [
        key for key, parent in parents.items() if parent is None
    ]
    return [(region, rules.path(region, parents)) for region in places or [None]]


def _check_gaps(
    offer: Offer, rates: Mapping[str, Sequence[Rate]], begins: date, region: int | None, kind: str
) -> None:
    """What is held goes on when the offer is not sold any more, and is charged by these prices: they have no end."""
    ends = offer.active_to if offer.cycle == Cycle.ONCE else None
    for charge, found in rates.items():
        day = rules.first_gap(found, begins, ends)
        if day is not None:
            raise errors.NoPrice(
                charge=Charge(charge).label,
                region=_name(region),
                kind=Customer.Kind(kind).label,
                day=day.isoformat(),
            )


def _check_pause(
    offer: Offer, rates: Mapping[str, Sequence[Rate]], begins: date, region: int | None, kind: str
) -> None:
    """Being off never costs more than being on; a term's fee is no fee per month to compare with.

    Of further terminals, which may be free, pricing takes the lower of the two.
    """
    if Charge.PAUSE not in rates or offer.cycle != Cycle.MONTHLY:
        return
    day = rules.first_above(rates[Charge.PAUSE], rates[Charge.PERIOD], begins)
    if day is not None:
        raise errors.PauseAboveFee(region=_name(region), kind=Customer.Kind(kind).label, day=day.isoformat())


def _wanted(offer: Offer) -> list[str]:
    """The charges without which nobody could say what it costs."""
    found = [Charge.ONCE if offer.cycle == Cycle.ONCE else Charge.PERIOD]
    if WhileOff.FEE in (offer.while_paused, offer.while_in_arrears, offer.while_checked):
        found.append(Charge.PAUSE)
    return [str(charge) for charge in found]


def _name(region_id: int | None) -> str:
    if region_id is None:
        return str(errors.EVERYWHERE)
    return Region.objects.get(pk=region_id).name


def _instant(at: datetime | None, as_of: datetime) -> datetime:
    if at is not None and at < as_of:
        raise errors.PublishedTooEarly()
    return at or as_of


def _check_said(row: Offer | PriceRule) -> None:
    if row.owner_id is None:
        raise errors.NoOwner()
    if not row.conditions.strip():
        raise errors.NoConditions()


def _check_tiers(codes: Collection[str]) -> None:
    """Customers read names: a code says nothing to them."""
    named = set(Tier.objects.filter(code__in=codes).values_list("code", flat=True))
    lacking = sorted(set(codes) - named)
    if lacking:
        raise errors.TierWithoutName(tier=lacking[0])


def _check_partners(offer: Offer) -> None:
    needed = (OfferRelation.Kind.NEEDS, OfferRelation.Kind.MUST_BUY)
    lacking = (
        offer.relations.filter(kind__in=needed, other__published_at=None).select_related("other").first()
    )
    if lacking is not None:
        raise errors.PartnerNotPublished(offer=lacking.other)


def _check_announced(published_at: datetime | None, as_of: datetime) -> None:
    if published_at is None:
        raise errors.NotPublished()
    if published_at <= as_of:
        raise errors.AlreadyLive()


def _check_ending(row: Offer | PriceRule, ends_on: date, as_of: datetime) -> None:
    today = clock.local_date(as_of)
    if row.published_at is None:
        raise errors.NotPublished()
    if row.active_to is not None and row.active_to <= today:
        raise errors.AlreadyEnded()
    if ends_on <= max(today, row.active_from):
        raise errors.TooSoon()
