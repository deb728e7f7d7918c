"""The rules of the late-payment penalty as they are published."""

from datetime import date

from django.db.models import F, Q

from billing.models import PenaltyPolicy


def published(*, on: date) -> list[PenaltyPolicy]:
    """What holds on that day or will, the general rule first; of several for one place the newest is last."""
    found = PenaltyPolicy.objects.filter(Q(active_to__isnull=True) | Q(active_to__gt=on))
    return list(
        found.select_related("region").order_by(F("region__code").asc(nulls_first=True), "active_from", "pk")
    )
