"""Reading counter money: whose till it is in, for how long, and what a customer at the counter owes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet, Sum
from prometheus_client.core import GaugeMetricFamily, Metric

from accounts.models import BillingAccount, Membership, User
from billing.models import Bill, CashDeposit, CounterMethod, CounterMoney
from billing.selectors import balances, penalties
from core import clock, metrics
from core.errors import NotFound
from core.scopes import Sight, everything


@dataclass(frozen=True, slots=True)
class Till:
    """Cash that somebody took and has not yet taken to the bank. Amounts in fen."""

    user_id: int
    name: str
    cents: int
    receipts: int
    oldest_at: datetime

    def age(self, as_of: datetime) -> timedelta:
        return as_of - self.oldest_at


def find_account(number: str) -> BillingAccount | None:
    """A customer's account by its whole number, with its customer."""
    return BillingAccount.objects.filter(number=number).select_related("customer").first()


def owner_of(account: BillingAccount) -> User | None:
    """The user whose account it is; None while nobody has bound it."""
    owners = User.objects.filter(memberships__account=account, memberships__role=Membership.Role.OWNER)
    return owners.order_by("memberships__id").first()


def due_cents(account: BillingAccount, *, bill: Bill | None = None, as_of: datetime) -> int:
    """What must be paid today for nothing to be owed, on the account or on that bill; penalties included."""
    today = clock.local_date(as_of)
    if bill is None:
        return balances.of_account(account, today=today).due_cents
    accrued = penalties.accrued([bill.pk], on=today) if bill.open_cents else {}
    return int(bill.open_cents) + sum(each.cents for each in accrued.values())


def in_tills() -> "QuerySet[CounterMoney]":
    """All cash that is neither deposited nor paid back, the oldest first."""
    found = CounterMoney.objects.filter(
        method=CounterMethod.CASH, deposit_line__isnull=True, reversal__isnull=True
    )
    return found.select_related("receipt__account").order_by("taken_at", "id")


def in_till(user_id: int) -> "QuerySet[CounterMoney]":
    """The same of one person."""
    return in_tills().filter(taken_by_id=user_id)


def tills(sight: Sight = everything) -> list[Till]:
    """Who holds how much of the cash in sight, whoever holds it longest first."""
    rows = (
        sight(in_tills())
        .order_by()
        .values("taken_by_id", "taken_by__name", "taken_by__username")
        .annotate(cents=Sum("receipt__amount_cents"), receipts=Count("id"), oldest_at=Min("taken_at"))
        .order_by("oldest_at")
    )
    return [
        Till(
            user_id=row["taken_by_id"],
            name=row["taken_by__name"] or row["taken_by__username"],
            cents=row["cents"],
            receipts=row["receipts"],
            oldest_at=row["oldest_at"],
        )
        for row in rows
    ]


def deposits_of(user_id: int, *, most: int) -> list[CashDeposit]:
    """The newest deposits of one person."""
    return list(CashDeposit.objects.filter(deposited_by_id=user_id).order_by("-id")[:most])


def money_of_receipt(number: str) -> CounterMoney:
    """The counter money of that receipt, ready for print; raises NotFound."""
    found = (
        CounterMoney.objects.filter(receipt__number=number)
        .select_related("receipt__account__customer", "taken_by", "reversal")
        .prefetch_related("receipt__allocations__bill")
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def figures(now: datetime) -> Iterator[Metric]:
    """For the scrape: cash in the tills, and how long the oldest of it has been there."""
    held = tills()
    oldest = max((till.age(now).total_seconds() for till in held), default=0.0)
    yield GaugeMetricFamily(
        "hall_undeposited_cash_cents", "Counter cash not yet deposited", sum(till.cents for till in held)
    )
    yield GaugeMetricFamily("hall_undeposited_cash_oldest_seconds", "Age of the oldest of it", oldest)


metrics.register_figures(figures)
