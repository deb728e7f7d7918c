"""Many suspensions at once, as arrears need them: the same rows, commands and news that `suspensions` writes singly.

Locks are taken and facts read set-wise, in one transaction; call it with chunks of some hundred.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from catalog.choices import SuspensionReason
from catalog.events import SubscriptionResumed, SubscriptionSuspended
from catalog.holdings import locks
from catalog.holdings.models import Subscription, SubscriptionState, Suspension
from catalog.holdings.services import facts, switching
from core import outbox
from core.actor import Actor
from core.clock import local_date


@dataclass(frozen=True, slots=True)
class Counts:
    """`unchanged`: off for this reason already, or (resuming) not off for it, not in use, or unknown."""

    done: int
    unchanged: int


@transaction.atomic
def suspend(
    *, numbers: Collection[str], reason: SuspensionReason, actor: Actor, as_of: datetime, note: str = ""
) -> Counts:
    """Those in use are off for this reason from today. What a single call would refuse is left as it is."""
    rows = locks.subscriptions(numbers)
    open_ones = _open(rows)
    is_pause = reason == SuspensionReason.CUSTOMER
    wanted = [
        row
        for row in rows.values()
        if row.state == SubscriptionState.ACTIVE
        and reason not in {each.reason for each in open_ones[row.pk]}
        and not (is_pause and row.end_slip_id is not None)
    ]
    made = Suspension.objects.bulk_create(
        [_opened(row, reason, actor=actor, as_of=as_of, note=note) for row in wanted]
    )
    were_on = [
        (row, f"suspend-{each.pk}") for row, each in zip(wanted, made, strict=True) if not open_ones[row.pk]
    ]
    switching.off_each(were_on, actor=actor, as_of=as_of)
    for row, each in zip(wanted, made, strict=True):
        names = (row.number, row.account.number, row.offer.code, each.begins_on.isoformat(), str(reason))
        outbox.publish(SubscriptionSuspended(*names), as_of=as_of)
        facts.changed(account_id=row.account_id, from_day=each.begins_on, reason="suspended", as_of=as_of)
    return Counts(len(wanted), len(set(numbers)) - len(wanted))


@transaction.atomic
def resume(*, numbers: Collection[str], reason: SuspensionReason, actor: Actor, as_of: datetime) -> Counts:
    """Those that are off for this reason are so no more from today; on again where it was the last one."""
    rows = locks.subscriptions(numbers)
    open_ones = _open(rows)
    found = {row.number: each for row in rows.values() for each in open_ones[row.pk] if each.reason == reason}
    for each in found.values():
        day = max(local_date(as_of), each.begins_on)
        each.ends_on, each.closed_at, each.closed_by = day, as_of, actor.ref
    Suspension.objects.bulk_update(found.values(), ["ends_on", "closed_at", "closed_by"])
    last = {number for number in found if len(open_ones[rows[number].pk]) == 1}
    on_again = [(rows[number], f"resume-{each.pk}") for number, each in found.items() if number in last]
    switching.on_each(on_again, actor=actor, as_of=as_of)
    for number, each in found.items():
        _tell_resumed(rows[number], each, number in last, as_of=as_of)
    return Counts(len(found), len(set(numbers)) - len(found))


def _open(rows: Mapping[str, Subscription]) -> defaultdict[int, list[Suspension]]:
    """The open suspensions of each of the locked subscriptions."""
    found: defaultdict[int, list[Suspension]] = defaultdict(list)
    for each in Suspension.objects.filter(subscription__in=rows.values(), ends_on=None).order_by("pk"):
        found[each.subscription_id].append(each)
    return found


def _opened(
    row: Subscription, reason: SuspensionReason, *, actor: Actor, as_of: datetime, note: str
) -> Suspension:
    assert row.begins_on is not None
    return Suspension(
        subscription=row,
        reason=reason,
        begins_on=max(local_date(as_of), row.begins_on),
        opened_at=as_of,
        opened_by=actor.ref,
        note=note[:200],
    )


def _tell_resumed(row: Subscription, closed: Suspension, is_on: bool, *, as_of: datetime) -> None:
    assert closed.ends_on is not None
    day = closed.ends_on.isoformat()
    news = SubscriptionResumed(row.number, row.account.number, row.offer.code, day, str(closed.reason), is_on)
    outbox.publish(news, as_of=as_of)
    facts.changed(account_id=row.account_id, from_day=closed.ends_on, reason="resumed", as_of=as_of)
