"""Pauses as they are: those of a user, of one service, and those that are due."""

from datetime import date
from typing import Any

from django.db.models import QuerySet

from catalog.choices import SuspensionReason
from catalog.holdings.models import Subscription, SubscriptionState, Suspension
from catalog.orders.operations.base import held_of
from catalog.pauses.models import Pause


def running() -> "QuerySet[Pause]":
    """Those whose service is held and off by them."""
    rows = Pause.objects.filter(
        suspension__ends_on=None, suspension__subscription__state=SubscriptionState.ACTIVE
    )
    return rows.select_related("suspension__subscription__account", "suspension__subscription__offer")


def of_service(subscription_id: int) -> Pause | None:
    """The pause by which it is off now."""
    return running().filter(suspension__subscription_id=subscription_id).first()


def may_be_paused(user: Any) -> "QuerySet[Subscription]":
    """What this user holds and may ask to pause; whether it can be had is told when he asks."""
    rows: QuerySet[Subscription] = held_of(user).filter(state=SubscriptionState.ACTIVE)
    return rows


def paused_of(user: Any) -> "QuerySet[Subscription]":
    """What he holds that is off because he, or somebody of the account, asked for it."""
    return may_be_paused(user).filter(suspensions__pause__isnull=False, suspensions__ends_on=None)


def times(row: Subscription, year: int) -> int:
    """How often it was paused in that year, and what it was before it was changed."""
    rows = Pause.objects.filter(suspension__subscription_id__in=_chain(row))
    return rows.filter(suspension__begins_on__year=year).count()


def days_left(pause: Pause, today: date) -> int:
    """Days until it is on again."""
    return max(0, (pause.resume_on - today).days)


def other_reasons(row: Subscription) -> list[str]:
    """For what else it is off than for its pause, in words."""
    others = Suspension.objects.filter(subscription=row, ends_on=None)
    return [
        each.get_reason_display()
        for each in others.exclude(reason=SuspensionReason.CUSTOMER).order_by("begins_on", "pk")
    ]


def _chain(row: Subscription) -> list[int]:
    """It and all that it follows."""
    found, before = [row.pk], row.follows_id
    while before is not None:
        found.append(before)
        before = Subscription.objects.values_list("follows_id", flat=True).get(pk=before)
    return found
