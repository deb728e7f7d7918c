"""Who holds what, for the flats below that holdings stand on: they ask without knowing them."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Count, Q
from django.db.models.functions import Coalesce

from catalog.holdings.models import Subscription, SubscriptionState


def by_place(offer_id: int, on: date) -> Iterable[tuple[int | None, str, int]]:
    """How many hold the offer on that day: (region, kind of customer, how many), as the payer's price book has it."""
    held = Subscription.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=on),
        offer_id=offer_id,
        state__in=(SubscriptionState.PENDING, SubscriptionState.ACTIVE),
    )
    grouped = (
        held.annotate(place=Coalesce("payer__region_id", "payer__customer__region_id"))
        .values_list("place", "payer__customer__kind")
        .annotate(count=Count("pk"))
    )
    return list(grouped.order_by())
