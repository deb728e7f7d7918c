"""The steps of a subscription, on rows that the caller has locked, in his transaction: see `subscriptions`."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from django.utils.translation import gettext_lazy as _

from catalog.events import EndTakenBack, SubscriptionBegan, SubscriptionChanged, SubscriptionEnded
from catalog.holdings import locks, rules
from catalog.holdings.models import (
    SUBSCRIPTION_MACHINE,
    Subscription,
    SubscriptionHistory,
    SubscriptionState,
    Suspension,
    Termination,
    TerminationReason,
)
from catalog.holdings.selectors import payers
from catalog.holdings.services import facts, service_numbers, switching
from core import outbox, writes
from core.actor import Actor
from core.clock import local_date
from core.errors import Conflict
from resources.models import CommandState

_S = SubscriptionState
SEQUENCE = "subscription_number"


class DayTooEarly(Conflict):
    code = "SUBSCRIPTION_DAY_TOO_EARLY"
    message = _("日期不能早于 %(day)s")


class Outcome(Enum):
    DONE = "done"
    ALREADY_DONE = "already done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be held. `begins_on` None: nobody knows yet when (`start` says it)."""

    offer_id: int
    begins_on: date | None = None
    ends_on: date | None = None  # agreed from the start; then with the order's slip
    slip_id: int | None = None
    committed_until: date | None = None
    paid_until: date | None = None
    device_id: int | None = None
    service_number: str = ""
    address: str = ""  # "": the account's
    payer_id: int | None = None  # who pays today, by whoever knows it under the account's lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What proves the reason of an end; the database refuses a reason without its own."""

    slip_id: int | None = None
    document_id: int | None = None
    notice_id: int | None = None
    suspension_id: int | None = None


def created(
    account_id: int,
    wanted: Wanted,
    follows: Subscription | None,
    *,
    actor: Actor,
    as_of: datetime,
    reason: str,
) -> Subscription:
    today = local_date(as_of)
    row = Subscription(
        number=f"U{today:%Y%m%d}",
        account_id=account_id,
        payer_id=wanted.payer_id or payers.of_account(account_id, on=today),
        offer_id=wanted.offer_id,
        begins_on=wanted.begins_on,
        ends_on=wanted.ends_on,
        end_slip_id=wanted.slip_id if wanted.ends_on else None,
        committed_until=wanted.committed_until,
        paid_until=wanted.paid_until,
        follows=follows,
        device_id=wanted.device_id,
        service_number=wanted.service_number,
        address=wanted.address,
        created_at=as_of,
    )
    first = _history(row, "", actor=actor, as_of=as_of, reason=reason)
    writes.insert(row, first, link="subscription", numbered=SEQUENCE)
    return row


def begin_if_due(row: Subscription, *, actor: Actor, as_of: datetime) -> Outcome:
    """Its day come: everything is asked to be switched on, or, where there is nothing, it is in use."""
    if row.begins_on is None or row.begins_on > local_date(as_of):
        return Outcome.ALREADY_DONE
    asked = switching.on(row, cause="begin", actor=actor, as_of=as_of)
    is_open = any(command.state != CommandState.DONE for command in asked)
    if is_open or (asked and not switching.is_done(row.number)):
        return Outcome.ALREADY_DONE
    activate(row, row.begins_on, actor=actor, as_of=as_of)
    return Outcome.DONE


def activate(row: Subscription, on: date, *, actor: Actor, as_of: datetime) -> None:
    before = row.begins_on or on
    row.begins_on = on
    if on > before:  # the time that was paid ahead begins when he has something of it
        row.paid_until = row.paid_until and row.paid_until + (on - before)
        row.ends_on = row.ends_on and row.ends_on + (on - before)
    _move(row, _S.ACTIVE, actor=actor, as_of=as_of)
    _publish(SubscriptionBegan, row, on, as_of=as_of)
    facts.changed(account_id=row.account_id, from_day=on, reason="begun", as_of=as_of)
    if row.follows_id is not None:
        old = locks.predecessor(row.follows_id)
        evidence = Evidence(slip_id=old.end_slip_id)
        terminate(old, TerminationReason.TRANSFER, evidence, on, actor=actor, as_of=as_of, why="")
        _publish(SubscriptionChanged, row, on, as_of=as_of, before=old.number)


def terminate(
    row: Subscription,
    reason: TerminationReason,
    evidence: Evidence,
    on: date,
    *,
    actor: Actor,
    as_of: datetime,
    why: str,
) -> None:
    """The locked subscription is over from `on`: evidence first, then the state, then what was on goes off."""
    Termination.objects.create(
        subscription=row,
        reason=reason,
        slip_id=evidence.slip_id,
        document_id=evidence.document_id,
        notice_id=evidence.notice_id,
        suspension_id=evidence.suspension_id,
        actor=actor.ref,
        at=as_of,
    )
    first_changed = rules.changed_from(row.ends_on, on)
    row.ends_on = on
    _move(row, _S.TERMINATED, actor=actor, as_of=as_of, reason=why or reason)
    _close_suspensions(row, on, actor=actor, as_of=as_of)
    service_numbers.end(row, reason, actor=actor, as_of=as_of)
    switching.off(row, cause="end", actor=actor, as_of=as_of)
    _publish(SubscriptionEnded, row, on, as_of=as_of, reason=str(reason))
    facts.changed(account_id=row.account_id, from_day=first_changed, reason="ended", as_of=as_of)


def _close_suspensions(row: Subscription, on: date, *, actor: Actor, as_of: datetime) -> None:
    """What is over is off for no reason any more."""
    for each in Suspension.objects.filter(subscription=row, ends_on=None):
        each.ends_on, each.closed_at, each.closed_by = max(each.begins_on, on), as_of, actor.ref
        each.save(update_fields=["ends_on", "closed_at", "closed_by"])


def cancel(row: Subscription, *, actor: Actor, as_of: datetime, reason: str) -> None:
    """The locked PENDING subscription does not come; what it was to follow has no end any more."""
    before, row.follows = row.follows, None
    row.save(update_fields=["follows"])
    _move(row, _S.CANCELLED, actor=actor, as_of=as_of, reason=reason)
    service_numbers.end(row, reason, actor=actor, as_of=as_of)
    if switching.was_asked(row.number):
        switching.off(row, cause="cancel", actor=actor, as_of=as_of, instead_of=before)
    _publish(SubscriptionEnded, row, local_date(as_of), as_of=as_of, reason=str(_S.CANCELLED))
    if before is None:
        return
    old = locks.predecessor(before.pk)
    if old.state == _S.ACTIVE:
        plan_end(old, None, None, actor=actor, as_of=as_of, reason=reason)


def plan_end(
    row: Subscription, on: date | None, slip_id: int | None, *, actor: Actor, as_of: datetime, reason: str
) -> None:
    if on is not None and row.begins_on is not None and on < row.begins_on:
        raise DayTooEarly(day=row.begins_on.isoformat())
    first_changed = rules.changed_from(row.ends_on, on)
    row.ends_on, row.end_slip_id = on, slip_id
    row.save(update_fields=["ends_on", "end_slip"])
    record(row, row.state, actor=actor, as_of=as_of, reason=reason)
    facts.changed(account_id=row.account_id, from_day=first_changed, reason="end", as_of=as_of)


def take_back_end(row: Subscription, *, actor: Actor, as_of: datetime, reason: str) -> None:
    """The locked subscription goes on. What its end cost is given back by whoever billed it: they are told."""
    assert row.ends_on is not None
    assert row.end_slip is not None
    ends_on, slip_number = row.ends_on, row.end_slip.number
    plan_end(row, None, None, actor=actor, as_of=as_of, reason=reason)
    _publish(EndTakenBack, row, ends_on, as_of=as_of, slip_number=slip_number)


def _move(
    row: Subscription, to: SubscriptionState, *, actor: Actor, as_of: datetime, reason: str = ""
) -> None:
    before = row.state
    SUBSCRIPTION_MACHINE.check(before, to)
    row.state = to
    row.save(update_fields=["state", "begins_on", "ends_on", "paid_until"])
    record(row, before, actor=actor, as_of=as_of, reason=reason)


def record(row: Subscription, before: str, *, actor: Actor, as_of: datetime, reason: str) -> None:
    entry = _history(row, before, actor=actor, as_of=as_of, reason=reason)
    entry.subscription = row
    entry.save(force_insert=True)


def _history(
    row: Subscription, before: str, *, actor: Actor, as_of: datetime, reason: str
) -> SubscriptionHistory:
    return SubscriptionHistory(
        from_state=before,
        to_state=row.state,
        begins_on=row.begins_on,
        ends_on=row.ends_on,
        actor=actor.ref,
        reason=reason[:200],
        at=as_of,
    )


def _publish(
    event: type[SubscriptionBegan | SubscriptionEnded | SubscriptionChanged | EndTakenBack],
    row: Subscription,
    on: date,
    *,
    as_of: datetime,
    **more: str,
) -> None:
    news = event(row.number, row.account.number, row.offer.code, on.isoformat(), **more)
    outbox.publish(news, as_of=as_of)
