"""Reading refunds on their way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from prometheus_client.core import GaugeMetricFamily, Metric

from accounts.rules import Action
from accounts.selectors import accounts
from billing.models import RefundRequest, RefundState
from core import clock, metrics
from core.errors import NotFound
from core.scopes import Sight, everything


def of_user(user: Any) -> QuerySet[RefundRequest]:
    """The refunds of the user's accounts, and of what he paid for others; newest first."""
    mine = accounts.where(user, Action.SEE_BILLS).order_by().values("pk")
    his = Q(account__in=mine) | Q(receipt__payment__payer=user)
    return (
        RefundRequest.objects.filter(his).select_related("account", "receipt").order_by("-created_at", "-id")
    )


def get(user: Any, number: str) -> RefundRequest:
    """One of them, with its steps; NotFound otherwise."""
    found = of_user(user).select_related("refund").prefetch_related("history").filter(number=number).first()
    if found is None:
        raise NotFound()
    return found


def under_way() -> QuerySet[RefundRequest]:
    """Requests that have not ended."""
    return RefundRequest.objects.filter(ended_at__isnull=True)


def overdue(*, as_of: datetime) -> QuerySet[RefundRequest]:
    """Requests that have not ended although their day has passed; the oldest first."""
    return under_way().filter(due_on__lt=clock.local_date(as_of)).order_by("due_on", "id")


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests that have not ended: all of them, and some kinds of them; and their fen."""

    open: int
    requested: int
    abnormal: int
    overdue: int
    cents: int


def counts(*, as_of: datetime, sight: Sight = everything) -> Counts:
    found = sight(under_way()).aggregate(
        open=Count("id"),
        requested=Count("id", filter=Q(state=RefundState.REQUESTED)),
        abnormal=Count("id", filter=Q(state=RefundState.ABNORMAL)),
        overdue=Count("id", filter=Q(due_on__lt=clock.local_date(as_of))),
        cents=Sum("amount_cents", default=0),
    )
    return Counts(**found)


def figures(now: datetime) -> Iterator[Metric]:
    """What /metrics shows of refunds."""
    found = counts(as_of=now)
    requests = GaugeMetricFamily("hall_refunds_open", "Refund requests that have not ended", labels=["kind"])
    for kind in ("open", "requested", "abnormal", "overdue"):
        requests.add_metric([kind], getattr(found, kind))
    yield requests
    yield GaugeMetricFamily("hall_refunds_open_cents", "Fen that they reserve", found.cents)


metrics.register_figures(figures)
