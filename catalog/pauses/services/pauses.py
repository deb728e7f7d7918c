"""Pausing and resuming: the suspension that the customer asked for, and what he agreed to about it."""

from datetime import date, datetime

from django.db import transaction

from catalog.choices import SuspensionReason
from catalog.holdings import locks
from catalog.holdings.models import Suspension
from catalog.holdings.services import suspensions
from catalog.holdings.services.steps import Outcome
from catalog.pauses import errors
from catalog.pauses.models import Pause, PausePolicy
from catalog.pauses.selectors import pauses as reads
from catalog.pauses.services import news
from core.actor import Actor
from core.clock import local_date
from operations.models import Slip


@transaction.atomic
def begin(
    *, number: str, policy: PausePolicy, slip: Slip, resume_on: date, actor: Actor, as_of: datetime
) -> Pause:
    """It is off from today, and on again by itself on that day; its people are told. What stands against a pause
    is for the caller to ask under the lock (`selectors.quoting`).

    Raises NotFound, AlreadyOff, and what `suspensions.suspend` refuses.
    """
    reason = SuspensionReason.CUSTOMER
    outcome = suspensions.suspend(number=number, reason=reason, actor=actor, as_of=as_of)
    if outcome == Outcome.ALREADY_DONE:
        raise errors.AlreadyOff(reason=reason.label)
    off = Suspension.objects.get(subscription__number=number, reason=reason, ends_on=None)
    pause = Pause.objects.create(
        suspension=off, policy=policy, slip=slip, resume_on=resume_on, created_at=as_of
    )
    news.begun(pause, as_of=as_of)
    return pause


@transaction.atomic
def resume(*, number: str, actor: Actor, as_of: datetime) -> bool:
    """The pause ends today; False when it is still off for another reason. Raises NotFound, NotPaused."""
    row = locks.subscription(number)
    pause = reads.of_service(row.pk)
    if pause is None:
        raise errors.NotPaused()
    return _end(pause, actor=actor, as_of=as_of)


@transaction.atomic
def end_if_due(*, pause: Pause, actor: Actor, as_of: datetime) -> Outcome:
    """Its last day is over: on again from today. ALREADY_DONE where somebody was faster."""
    row = locks.subscription(pause.suspension.subscription.number)
    still = reads.of_service(row.pk)
    if still is None or still.pk != pause.pk or still.resume_on > local_date(as_of):
        return Outcome.ALREADY_DONE
    _end(still, actor=actor, as_of=as_of)
    return Outcome.DONE


@transaction.atomic
def remind(*, pause: Pause, as_of: datetime) -> Outcome:
    """Its people are told that it ends soon, once."""
    row = locks.subscription(pause.suspension.subscription.number)
    still = reads.of_service(row.pk)
    if still is None or still.pk != pause.pk or still.told_at is not None:
        return Outcome.ALREADY_DONE
    still.told_at = as_of
    still.save(update_fields=["told_at"])
    news.ending(still, as_of=as_of)
    return Outcome.DONE


def _end(pause: Pause, *, actor: Actor, as_of: datetime) -> bool:
    """Who is still off for another reason is told when that ends."""
    row = pause.suspension.subscription
    suspensions.resume(number=row.number, reason=SuspensionReason.CUSTOMER, actor=actor, as_of=as_of)
    is_on = not Suspension.objects.filter(subscription=row, ends_on=None).exists()
    if is_on:
        news.ended(pause, as_of=as_of)
    return is_on
