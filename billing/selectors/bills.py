"""Reading bills."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import Q

from accounts.models import BillingAccount, User
from billing import rules
from billing.models import Bill, BillKind
from billing.models.bills import BillQuerySet
from billing.selectors import penalties
from core.errors import NotFound
from core.prepared import Prepared

MONTHS_SHOWN = 6


def of_user(user: Any) -> BillQuerySet:
    """All bills of the user's accounts, newest first."""
    return Bill.objects.for_user(user).select_related("account").order_by("-issued_on", "-id")


LATEST = 3
_LATEST = Prepared(lambda pk: of_user(User(pk=pk))[:LATEST], pk=int)


def latest(user: Any) -> list[Bill]:
    """The newest of them, for the first page."""
    return _LATEST.rows(pk=user.pk)


def listed(
    user: Any, *, today: date, account_number: str = "", months: int | None = MONTHS_SHOWN
) -> BillQuerySet:
    """The bills of the last `months` calendar months (None: all) and what is owed from before, newest first."""
    found = of_user(user)
    if account_number:
        found = found.filter(account__number=account_number)
    if months is None:
        return found
    still_owed = Q(open_cents__gt=0)
    return found.filter(Q(issued_on__gte=months_before(today, months - 1)) | still_owed)


def months_before(today: date, months: int) -> date:
    """The first day of the calendar month that many months ago."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return date(year, month + 1, 1)


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


def open_of(account: BillingAccount) -> list[Bill]:
    """What is still owed, oldest due first: the order in which a payment settles."""
    return list(Bill.objects.open().filter(account=account).order_by("due_on", "id"))


def owed(open_bills: Sequence[Bill], *, on: date) -> list[rules.Owed]:
    """The same bills as `rules.settle` wants them, with the penalties that paying them off on the day brings."""
    late = [bill.pk for bill in open_bills if bill.due_on < on and bill.kind != BillKind.PENALTY]
    accrued = penalties.accrued(late, on=on)
    return [
        rules.Owed(
            bill.pk,
            bill.open_cents,
            accrued[bill.pk].cents if bill.pk in accrued else 0,
            bill.kind == BillKind.PENALTY,
        )
        for bill in open_bills
    ]
