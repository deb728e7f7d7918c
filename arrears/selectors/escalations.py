"""Disputed disconnections: which lines may be disputed, what is near its day, and what the causes were."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.db.models.functions import TruncMonth

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from arrears.models import Escalation, EscalationState
from catalog.choices import SuspensionReason
from catalog.models import Subscription, Suspension, Termination, TerminationReason
from core import clock

REPEATS_SHOWN = 50
NEAR_DAYS = 3  # before its last day an unanswered escalation is an alarm
_ANSWERED = (EscalationState.ANSWERED, EscalationState.CLOSED)


@dataclass(frozen=True, slots=True)
class CauseOfMonth:
    month: date  # its first day
    cause: str
    count: int


@dataclass(frozen=True, slots=True)
class RepeatedCause:
    account: str  # its number
    cause: str
    count: int
    last_at: datetime


def disputable(user: Any) -> QuerySet[Subscription]:
    """Lines that arrears have cut, or have stopped: held or paid for by this user's accounts."""
    off = Suspension.objects.filter(
        subscription=OuterRef("pk"), reason=SuspensionReason.ARREARS, ends_on=None
    )
    cut = Termination.objects.filter(subscription=OuterRef("pk"), reason=TerminationReason.ARREARS)
    mine = accounts.where(user, Action.DISPUTE).order_by()
    lines = Subscription.objects.filter(Q(payer__in=mine) | Q(account__in=mine)).filter(
        Exists(off) | Exists(cut)
    )
    return lines.select_related("payer", "account", "offer").order_by("-id")


def disputing(user: Any, line: Subscription) -> BillingAccount:
    """For which of the user's accounts he disputes it: who pays; or where that is somebody else, the holder."""
    mine = accounts.where(user, Action.DISPUTE)
    return line.payer if mine.filter(pk=line.payer_id).exists() else line.account


def of_customer(user: Any) -> QuerySet[Escalation]:
    """What was disputed about the accounts of which this user may dispute bills, by whomever; the newest first."""
    mine = accounts.where(user, Action.DISPUTE).order_by()
    return (
        Escalation.objects.filter(account__in=mine).select_related("account", "subscription").order_by("-id")
    )


def unanswered(rows: QuerySet[Escalation]) -> QuerySet[Escalation]:
    return rows.exclude(state__in=_ANSWERED)


def near(rows: QuerySet[Escalation], *, today: date) -> QuerySet[Escalation]:
    """Unanswered ones whose last day is near, here or over; the most urgent first."""
    return unanswered(rows).filter(due_on__lte=today + timedelta(NEAR_DAYS)).order_by("due_on", "id")


def causes(rows: QuerySet[Escalation], *, first: date) -> list[CauseOfMonth]:
    """How many were closed for which cause, by month since `first`: the newest month and the commonest cause first."""
    closed = rows.filter(state=EscalationState.CLOSED, closed_at__date__gte=first)
    months = closed.annotate(month=TruncMonth("closed_at", tzinfo=clock.SHANGHAI))
    counted = (
        months.values("month", "cause").annotate(count=Count("pk")).order_by("-month", "-count", "cause")
    )
    return [CauseOfMonth(each["month"].date(), each["cause"], each["count"]) for each in counted]


def repeats(rows: QuerySet[Escalation], *, first: date) -> list[RepeatedCause]:
    """Causes found more than once for the same account since `first`: what was settled and happened again."""
    closed = rows.filter(state=EscalationState.CLOSED, closed_at__date__gte=first).order_by()
    counted = closed.values("account__number", "cause").annotate(count=Count("pk"), last=Max("closed_at"))
    found = counted.filter(count__gt=1).order_by("-count", "account__number", "cause")[:REPEATS_SHOWN]
    return [
        RepeatedCause(each["account__number"], each["cause"], each["count"], each["last"]) for each in found
    ]


def ages(rows: QuerySet[Escalation], *, today: date) -> list[dict[str, Any]]:
    """The open ones by owner: how many, how many near or over their day, and since when the oldest is open."""
    late = Q(due_on__lt=today) & ~Q(state__in=_ANSWERED)
    soon = Q(due_on__range=(today, today + timedelta(NEAR_DAYS))) & ~Q(state__in=_ANSWERED)
    opened = rows.exclude(state=EscalationState.CLOSED).order_by()
    counted: Any = opened.values("owner").annotate(
        count=Count("pk"),
        late=Count("pk", filter=late),
        soon=Count("pk", filter=soon),
        oldest=Min("opened_at"),
    )
    return sorted(counted, key=lambda each: (-each["late"], -each["soon"], each["oldest"]))
