"""Which rule for pauses holds for whom on a day: the nearest region's, and there the kind of customer first."""

from datetime import date

from django.db.models import Q

from accounts.models import Region
from catalog.pauses.models import PausePolicy


def find(region_id: int | None, customer_kind: str, *, on: date) -> PausePolicy | None:
    """The rule for accounts there of that kind; None where nobody has written one."""
    held = PausePolicy.objects.filter(active_from__lte=on, customer_kind__in=(customer_kind, ""))
    rows = held.filter(Q(active_to=None) | Q(active_to__gt=on))
    by_place = {(row.region_id, row.customer_kind): row for row in rows}
    parents = dict(Region.objects.values_list("id", "parent_id")) if region_id else {}
    while True:
        for kind in (customer_kind, ""):
            if found := by_place.get((region_id, kind)):
                return found
        if region_id is None:
            return None
        region_id = parents.get(region_id)
