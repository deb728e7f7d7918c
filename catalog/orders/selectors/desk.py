"""Orders as staff read them: by step and age, what is stuck, and how much of each product needs nobody."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from catalog.orders.models import LineState, Order, OrderHistory, OrderLine, OrderState
from catalog.orders.services import watch
from core.scopes import Sight

AGES: tuple[tuple[str, timedelta | None], ...] = (  # younger than; None: any older one
    ("1h", timedelta(hours=1)),
    ("24h", timedelta(hours=24)),
    ("3d", timedelta(days=3)),
    ("more", None),
)
OPEN = (OrderState.SUBMITTED, OrderState.ACCEPTED, OrderState.IN_PROGRESS)
AUTOMATED_OVER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Step:
    """Orders in one state: how many in each age, the youngest first."""

    state: OrderState
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Automated:
    """Of a product's orders that ended in the last 30 days, how many were completed without anybody of the staff."""

    offer: str
    finished: int
    automated: int

    @property
    def percent(self) -> int:
        return self.automated * 100 // self.finished if self.finished else 0


def by_step(rows: "QuerySet[Order]", *, as_of: datetime) -> list[Step]:
    """Of orders under way, since when they are in their state."""
    counted: Counter[tuple[str, int]] = Counter()
    for state, since in rows.filter(finished_at=None).values_list("state", "state_since"):
        counted[state, _age(as_of - since)] += 1
    return [Step(state, tuple(counted[str(state), age] for age in range(len(AGES)))) for state in OPEN]


def _age(length: timedelta) -> int:
    return next(n for n, (_code, most) in enumerate(AGES) if most is None or length < most)


def aged(rows: "QuerySet[Order]", age: str, *, as_of: datetime) -> "QuerySet[Order]":
    """Those that are in their state for as long as the bucket of that code says; all for an unknown one."""
    codes = [code for code, _most in AGES]
    if age not in codes:
        return rows
    place = codes.index(age)
    least = AGES[place - 1][1] if place else None
    most = AGES[place][1]
    if least is not None:
        rows = rows.filter(state_since__lte=as_of - least)
    return rows if most is None else rows.filter(state_since__gt=as_of - most)


def stuck(sight: Sight, *, as_of: datetime) -> "QuerySet[Order]":
    """What somebody must look at, the longest promised first."""
    rows = watch.stuck(sight(Order.objects.all()), as_of=as_of)
    return rows.select_related("account").order_by("promised_at", "pk")


def automated(sight: Sight, *, as_of: datetime) -> list[Automated]:
    """Per product, the least automated first. Touched: somebody of the staff retried, cancelled or gave up."""
    touched = OrderHistory.objects.filter(
        order=OuterRef("order"), actor__startswith="user:", at__gt=OuterRef("order__submitted_at")
    )
    orders = sight(Order.objects.filter(finished_at__gte=as_of - AUTOMATED_OVER)).exclude(
        state=OrderState.CANCELLED
    )
    lines = OrderLine.objects.filter(order__in=orders).annotate(is_touched=Exists(touched))
    rows = lines.values("offer__name").annotate(
        finished=Count("pk"), alone=Count("pk", filter=Q(state=LineState.DONE, is_touched=False))
    )
    found = [Automated(row["offer__name"], row["finished"], row["alone"]) for row in rows]
    return sorted(found, key=lambda each: (each.percent, each.offer))
