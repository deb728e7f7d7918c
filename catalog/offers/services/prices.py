"""Prices in versions: a new one closes the one before at its own start; what has begun is never touched again."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from catalog.choices import AfterLast, Charge
from catalog.offers import errors, locks
from catalog.offers.models import Offer
from catalog.offers.prices import Price
from catalog.offers.selectors import versions
from catalog.offers.services import promises, publishing
from core import clock
from core.money import MAX_CENTS


@transaction.atomic
def add(
    *,
    offer_id: int,
    amounts_cents: Sequence[int],
    active_from: date,
    as_of: datetime,
    charge: str = Charge.PERIOD,
    region_id: int | None = None,
    customer_kind: str = "",
    after_last: str = AfterLast.LAST,
    active_to: date | None = None,
    source: str = "",
) -> Price:
    """The price that holds from `active_from` on in that place, for that kind; the one before ends there.

    A published offer's prices change from tomorrow at the earliest, and never so that a day is left without one; of a
    draft any day may be priced, and what begins the same day is replaced. What is dearer begins when no quote of today
    is valid any more. Raises BadAmounts, NotPerTerminal, PriceTooEarly, PriceAhead, PricePromised, NoPrice,
    PauseAboveFee.
    """
    offer = locks.offer(offer_id)
    _check(offer, amounts_cents, active_from, active_to, as_of)
    slot = _slot(offer_id, charge, region_id, customer_kind)
    before = versions.of_offer(offer_id, charge)
    if offer.published_at is None:
        slot.filter(active_from=active_from).update(withdrawn_at=as_of)
    later = slot.filter(active_from__gte=active_from)
    if active_to is not None:
        later = later.filter(active_from__lt=active_to)
    if (ahead := later.order_by("active_from").first()) is not None:
        raise errors.PriceAhead(day=ahead.active_from.isoformat())
    slot.filter(Q(active_to=None) | Q(active_to__gt=active_from), active_from__lt=active_from).update(
        active_to=active_from
    )
    price = Price.objects.create(
        offer_id=offer_id,
        charge=charge,
        region_id=region_id,
        customer_kind=customer_kind,
        amounts_cents=list(amounts_cents),
        after_last=after_last,
        active_from=active_from,
        active_to=active_to,
        source=source,
        created_at=as_of,
    )
    promises.check_price(offer, charge, before, as_of=as_of)
    _check_still_priced(offer, as_of)
    return price


@transaction.atomic
def take_back(*, price_id: int, as_of: datetime) -> Price:
    """A price that has not begun does not come; the one that it would have ended goes on.

    Raises AlreadyTakenBack, PriceHasBegun, PricePromised, NoPrice where nothing would go on, and PauseAboveFee.
    """
    price = locks.price(price_id)
    if price.withdrawn_at is not None:
        raise errors.AlreadyTakenBack()
    if price.offer.published_at is not None and price.active_from <= clock.local_date(as_of):
        raise errors.PriceHasBegun()
    before = versions.of_offer(price.offer_id, price.charge)
    price.withdrawn_at = as_of
    price.save(update_fields=["withdrawn_at"])
    slot = _slot(price.offer_id, price.charge, price.region_id, price.customer_kind)
    slot.filter(active_to=price.active_from).update(active_to=price.active_to)
    promises.check_price(price.offer, price.charge, before, as_of=as_of)
    _check_still_priced(price.offer, as_of)
    return price


def _check(
    offer: Offer, amounts: Sequence[int], active_from: date, active_to: date | None, as_of: datetime
) -> None:
    if not amounts or not all(0 <= each <= MAX_CENTS for each in amounts):
        raise errors.BadAmounts()
    if len(amounts) > 1 and not offer.type.is_per_terminal:
        raise errors.NotPerTerminal()
    if active_to is not None and active_to <= active_from:
        raise errors.AlreadyOver()
    if offer.published_at is not None and active_from <= clock.local_date(as_of):
        raise errors.PriceTooEarly()


def _slot(offer_id: int, charge: str, region_id: int | None, customer_kind: str) -> "QuerySet[Price]":
    """The versions of one price that count."""
    place = Q(region=None) if region_id is None else Q(region=region_id)
    return Price.objects.filter(
        place, offer_id=offer_id, charge=charge, customer_kind=customer_kind, withdrawn_at=None
    )


def _check_still_priced(offer: Offer, as_of: datetime) -> None:
    if offer.published_at is not None:
        publishing.check_prices(offer, max(offer.published_at, as_of))
