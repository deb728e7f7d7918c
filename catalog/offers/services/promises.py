"""What was quoted stays: for as long as a quote is valid (ORDER_QUOTE_DAYS) nothing published makes it dearer.

A quote is valid until the day before the book, as published then, changes (`catalog.orders.selectors.promises`). So it
is enough that whatever is published later raises no day before `earliest` above what holds on that day or holds today:
a quote that is still valid has seen no less than either.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.conf import settings

from accounts.models import Customer, Region
from catalog.choices import Charge, Cycle
from catalog.offers import errors, rules
from catalog.offers.models import Offer
from catalog.offers.prices import PriceException, PriceRule
from catalog.offers.rules import Version
from catalog.offers.selectors import versions
from core import clock


def earliest(as_of: datetime) -> date:
    """The first day on which something may become dearer: none of today's quotes is valid any more."""
    return clock.local_date(as_of) + timedelta(days=settings.ORDER_QUOTE_DAYS)


def check_price(offer: Offer, charge: str, before: Sequence[Version], *, as_of: datetime) -> None:
    """Returns when the charge, as it is written now, breaks no promise made by the versions `before`.

    Each place that has a price of its own stands for what lies below it and has none. Raises PricePromised.
    """
    today, first = clock.local_date(as_of), earliest(as_of)
    if offer.published_at is None or offer.published_at > as_of or offer.active_from > today:
        return  # nobody was quoted a price
    is_optional = charge != (Charge.ONCE if offer.cycle == Cycle.ONCE else Charge.PERIOD)
    now = versions.of_offer(offer.pk, charge)
    parents = dict(Region.objects.values_list("pk", "parent_id"))
    for place in {None, *(each.region_id for each in (*before, *now))}:
        path = rules.path(place, parents)
        for kind in Customer.Kind.values:
            known, changed = (rules.timeline(rules.nearest_first(rows, path, kind)) for rows in (before, now))
            if rules.first_raised(known, changed, today, first, is_optional=is_optional) is not None:
                raise errors.PricePromised(days=settings.ORDER_QUOTE_DAYS, day=first.isoformat())


def check_end(row: PriceRule | PriceException, ends_on: date, *, as_of: datetime) -> None:
    """Returns when the discount, working today, still does on all days that quotes promise it. Raises PricePromised."""
    first = earliest(as_of)
    if row.active_from > clock.local_date(as_of) or ends_on >= first:
        return
    if row.active_to is None or ends_on < row.active_to:
        raise errors.PricePromised(days=settings.ORDER_QUOTE_DAYS, day=first.isoformat())
