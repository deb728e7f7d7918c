"""Reading refunds on their way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from billing.models import Refund, RefundRequest, RefundState
from core import clock
from core.errors import NotFound


def of_user(user: Any) -> QuerySet[RefundRequest]:
    """The refunds of the user's accounts, newest first."""
    found = RefundRequest.objects.for_user(user).select_related("account", "receipt")
    return found.order_by("-created_at", "-id")


def get(user: Any, number: str) -> RefundRequest:
    """A refund of one of the user's accounts, with its steps; NotFound otherwise."""
    found = (
        of_user(user)
        .select_related("account__customer", "receipt", "refund")
        .prefetch_related("history")
        .filter(number=number)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def of_receipt(receipt_id: int) -> Sequence[RefundRequest]:
    """What was asked for of this receipt, newest first."""
    return list(RefundRequest.objects.filter(receipt_id=receipt_id).order_by("-id"))


def unasked(receipt_id: int) -> Sequence[Refund]:
    """Refunds of this receipt that nobody asked for here: the gateway reported them."""
    return list(Refund.objects.filter(receipt_id=receipt_id, request__isnull=True).order_by("id"))


def under_way() -> QuerySet[RefundRequest]:
    """Requests that have not ended."""
    return RefundRequest.objects.filter(ended_at__isnull=True)


def overdue(*, as_of: datetime) -> QuerySet[RefundRequest]:
    """Requests that have not ended although their day has passed; the oldest first."""
    return under_way().filter(due_on__lt=clock.local_date(as_of)).order_by("due_on", "id")


def failed_lately(*, since: datetime) -> QuerySet[RefundRequest]:
    """Requests that the gateway refused since then: somebody may have to find another way."""
    return RefundRequest.objects.filter(state=RefundState.FAILED, ended_at__gte=since)
