"""Reading bills."""

from typing import Any

from django.db.models import QuerySet

from accounts.models import BillingAccount
from billing.models import Bill
from billing.models.bills import BillQuerySet
from core.errors import NotFound

MONTHS_SHOWN = 6


def of_user(user: Any) -> BillQuerySet:
    """All bills of the user's accounts, newest first."""
    return Bill.objects.for_user(user).select_related("account").order_by("-issued_on", "-id")


def get(user: Any, number: str) -> Bill:
    """One bill of the user with lines and allocations ready; NotFound for anybody else's."""
    found = (
        of_user(user)
        .select_related("account__customer")
        .prefetch_related("lines", "allocations__receipt")
        .filter(number=number)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def history(account: BillingAccount, *, months: int = MONTHS_SHOWN) -> QuerySet[Bill]:
    """The newest bills of one account, one per month shown."""
    return Bill.objects.filter(account=account).order_by("-issued_on", "-id")[:months]


def open_of(account: BillingAccount) -> list[Bill]:
    """What is still owed, oldest due first: the order in which a payment settles."""
    return list(Bill.objects.open().filter(account=account).order_by("due_on", "id"))
