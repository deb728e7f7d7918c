"""Money that came in and that nothing explains yet: to be looked at until there is none."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Aggregate, Count, F, Min, Q, Sum
from prometheus_client.core import GaugeMetricFamily, Metric

from accounts.models import BillingAccount
from billing.models import Receipt
from core import metrics
from core.scopes import Sight, everything

AGES = (1, 7, 30)  # days after which the staff's list shows it again, more urgently
_SPENT = F("allocated_cents") + F("refunded_cents")
UNUSED = Q(amount_cents__gt=_SPENT)
MISSING = Q(amount_cents__lt=_SPENT)  # given back although it had settled bills
UNDER_REVIEW = ~Q(review_reason="") & Q(reviewed_at__isnull=True)
IN_SUSPENSE = Q(account__purpose=BillingAccount.Purpose.SUSPENSE)
CLASSES = {
    "credit": UNUSED & ~UNDER_REVIEW & ~IN_SUSPENSE,  # customers' ordinary balance
    "review": UNUSED & UNDER_REVIEW & ~IN_SUSPENSE,
    "suspense": UNUSED & IN_SUSPENSE,
    "missing": MISSING,
}


@dataclass(frozen=True, slots=True)
class Sums:
    """One class of receipts: fen that nothing explains (what is missing below zero), how many, since when."""

    cents: int
    receipts: int
    oldest: datetime | None


def sums(sight: Sight = everything) -> dict[str, Sums]:
    """Every receipt in sight whose money does not come out even, by class; one query over a partial index."""
    wanted: dict[str, Aggregate] = {}
    for name, condition in CLASSES.items():
        wanted |= {
            f"{name}_cents": Sum(F("amount_cents") - _SPENT, filter=condition, default=0),
            f"{name}_receipts": Count("pk", filter=condition),
            f"{name}_oldest": Min("booked_at", filter=condition),
        }
    found = sight(Receipt.objects.exclude(amount_cents=_SPENT)).aggregate(**wanted)
    return {
        name: Sums(int(found[f"{name}_cents"]), found[f"{name}_receipts"], found[f"{name}_oldest"])
        for name in CLASSES
    }


def figures(now: datetime) -> Iterator[Metric]:
    """For /metrics."""
    cents = GaugeMetricFamily("hall_unallocated_cents", "Fen that settle nothing yet", labels=["class"])
    count = GaugeMetricFamily("hall_unallocated_receipts", "Receipts of which that is so", labels=["class"])
    age = GaugeMetricFamily(
        "hall_unallocated_oldest_seconds", "Since when, the oldest of them", labels=["class"]
    )
    for name, found in sums().items():
        cents.add_metric([name], found.cents)
        count.add_metric([name], found.receipts)
        age.add_metric([name], (now - found.oldest).total_seconds() if found.oldest else 0.0)
    yield from (cents, count, age)


metrics.register_figures(figures)
