"""Reading refunds on their way."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import BillingAccount
from billing.models import RefundRequest
from core import clock
from core.errors import NotFound


def of_user(user: Any) -> QuerySet[RefundRequest]:
    """The refunds of the user's accounts, and of what he paid for others; newest first."""
    his = Q(account__in=BillingAccount.objects.for_user(user)) | Q(receipt__payment__payer=user)
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
