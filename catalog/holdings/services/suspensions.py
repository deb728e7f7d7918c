"""Switching off for a reason and on again.

Each reason has a row of its own, and ends for its own cause only: who pays is not freed of a check for fraud. A
subscription is on when no row is open.
"""

from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.choices import SuspensionReason
from catalog.events import SubscriptionResumed, SubscriptionSuspended
from catalog.holdings import locks
from catalog.holdings.models import Subscription, SubscriptionState, Suspension
from catalog.holdings.services import facts, switching
from catalog.holdings.services.steps import DayTooEarly, Outcome
from catalog.holdings.services.subscriptions import NotInUse
from core import outbox
from core.actor import Actor
from core.clock import local_date
from core.errors import Conflict


class NotSuspended(Conflict):
    code = "SUBSCRIPTION_NOT_SUSPENDED"
    message = _("这项业务没有因此停机")


class EndAskedFor(Conflict):
    code = "SUBSCRIPTION_END_ASKED_FOR"
    message = _("这项业务已经申请退订或变更，不能再停机保号")


@transaction.atomic
def suspend(
    *,
    number: str,
    reason: SuspensionReason,
    actor: Actor,
    as_of: datetime,
    on: date | None = None,
    note: str = "",
) -> Outcome:
    """It is off from that day (default: today) for this reason, besides those for which it is off already.

    Off for it already: ALREADY_DONE. Raises NotFound, NotInUse, DayTooEarly, and EndAskedFor for a customer's pause.
    """
    row = locks.subscription(number)
    if row.state != SubscriptionState.ACTIVE:
        raise NotInUse()
    if reason == SuspensionReason.CUSTOMER and row.end_slip_id is not None:
        raise EndAskedFor()
    open_ones = _open(row)
    if any(each.reason == reason for each in open_ones):
        return Outcome.ALREADY_DONE
    day = _day(row, on, as_of)
    opened = Suspension.objects.create(
        subscription=row,
        reason=reason,
        begins_on=day,
        opened_at=as_of,
        opened_by=actor.ref,
        note=note[:200],
    )
    if not open_ones:
        switching.off(row, cause=f"suspend-{opened.pk}", actor=actor, as_of=as_of)
    news = SubscriptionSuspended(row.number, row.account.number, row.offer.code, day.isoformat(), str(reason))
    outbox.publish(news, as_of=as_of)
    facts.changed(account_id=row.account_id, from_day=day, reason="suspended", as_of=as_of)
    return Outcome.DONE


@transaction.atomic
def resume(
    *, number: str, reason: SuspensionReason, actor: Actor, as_of: datetime, on: date | None = None
) -> Outcome:
    """This reason holds no more from that day (default: today); it is on again when it was the last one.

    Raises NotFound, NotSuspended, DayTooEarly.
    """
    row = locks.subscription(number)
    open_ones = _open(row)
    ended = next((each for each in open_ones if each.reason == reason), None)
    if ended is None:
        raise NotSuspended()
    day = on or max(local_date(as_of), ended.begins_on)
    if day < ended.begins_on:
        raise DayTooEarly(day=ended.begins_on.isoformat())
    ended.ends_on, ended.closed_at, ended.closed_by = day, as_of, actor.ref
    ended.save(update_fields=["ends_on", "closed_at", "closed_by"])
    is_on = len(open_ones) == 1
    if is_on:
        switching.on(row, cause=f"resume-{ended.pk}", actor=actor, as_of=as_of)
    news = SubscriptionResumed(
        row.number, row.account.number, row.offer.code, day.isoformat(), str(reason), is_on
    )
    outbox.publish(news, as_of=as_of)
    facts.changed(account_id=row.account_id, from_day=day, reason="resumed", as_of=as_of)
    return Outcome.DONE


def close_arrears(*, account_id: int, actor: Actor, as_of: datetime) -> list[str]:
    """The account has paid: what it pays for is off for arrears no more, and stays off for every other reason.

    By number. Only ARREARS: a pause that the customer asked for, a check for fraud and a decision of staff stay.
    """
    off = Suspension.objects.filter(
        subscription__payer_id=account_id, reason=SuspensionReason.ARREARS, ends_on=None
    )
    numbers = list(off.order_by("subscription_id").values_list("subscription__number", flat=True))
    for number in numbers:
        resume(number=number, reason=SuspensionReason.ARREARS, actor=actor, as_of=as_of)
    return numbers


def is_on(subscription: Subscription) -> bool:
    """Whether it is in use and nothing suspends it."""
    return subscription.state == SubscriptionState.ACTIVE and not _rows(subscription).exists()


def _rows(row: Subscription) -> "QuerySet[Suspension]":
    return Suspension.objects.filter(subscription=row, ends_on=None)


def _open(row: Subscription) -> list[Suspension]:
    return list(_rows(row).order_by("pk"))


def _day(row: Subscription, on: date | None, as_of: datetime) -> date:
    """The first day off: not before it began."""
    assert row.begins_on is not None
    day = on or max(local_date(as_of), row.begins_on)
    if day < row.begins_on:
        raise DayTooEarly(day=row.begins_on.isoformat())
    return day
