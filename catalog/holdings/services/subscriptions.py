"""What an account holds, from its beginning to its end.

PENDING until everything that must be switched on is on, then ACTIVE, and charged from its first day. An end is asked
for with a slip and carried out on its day; it can be taken back before. A change is an end and a beginning on the same
day: the new one stands with `follows` beside the old one, which goes on until the new one is on.
"""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from accounts.services.accounts import refuse_closed
from catalog.holdings import locks, rules
from catalog.holdings.models import Subscription, SubscriptionState, TerminationReason
from catalog.holdings.services import service_numbers, steps
from catalog.holdings.services.steps import DayTooEarly, Evidence, Outcome, Wanted
from core.actor import Actor
from core.clock import local_date
from core.errors import Conflict

__all__ = ["DayTooEarly", "Evidence", "Outcome", "Wanted"]
_S = SubscriptionState


class NotInUse(Conflict):
    code = "SUBSCRIPTION_NOT_IN_USE"
    message = _("这项业务还没有开通，或已经结束")


class NotPending(Conflict):
    code = "SUBSCRIPTION_NOT_PENDING"
    message = _("这项业务已经开通或已经取消")


class NoEndAskedFor(Conflict):
    code = "SUBSCRIPTION_NO_END"
    message = _("这项业务没有待生效的退订或变更")


class ChangeUnderWay(Conflict):
    code = "SUBSCRIPTION_CHANGE_UNDER_WAY"
    message = _("这项业务已经申请了变更，请等它生效，或先撤回")


class ReturnTimeOver(Conflict):
    code = "SUBSCRIPTION_RETURN_TIME_OVER"
    message = _("犹豫期已过，不能无条件退订")


@transaction.atomic(savepoint=False)
def begin(
    *,
    account_id: int,
    wanted: Wanted,
    actor: Actor,
    as_of: datetime,
    reason: str = "",
    number_from: str = "",
    locked: BillingAccount | None = None,
) -> Subscription:
    """A new subscription. Its day come, it is switched on: ACTIVE at once where no far system has a part in that.

    Else PENDING until `activate`. `number_from`: who keeps `wanted.service_number` for it, e.g. its order; without, the
    number is none of ours. `locked`: the account, by whoever has locked it in this transaction. Raises NotFound,
    AccountClosed, NotHeld for the number: whoever is in a transaction and goes on with it has a savepoint around this.
    """
    account = locked if locked is not None else account_locks.account(account_id)
    refuse_closed(account)
    row = steps.created(account_id, wanted, follows=None, actor=actor, as_of=as_of, reason=reason)
    row.account = account  # read just now
    if number_from and row.service_number:
        service_numbers.take(row, number_from, actor=actor, as_of=as_of)
    steps.begin_if_due(row, actor=actor, as_of=as_of)
    return row


@transaction.atomic
def start(*, number: str, on: date, actor: Actor, as_of: datetime) -> Subscription:
    """A PENDING subscription begins on that day, e.g. when its order is paid. Raises NotFound, NotPending."""
    row = locks.subscription(number)
    if row.state != _S.PENDING:
        raise NotPending()
    row.begins_on = on
    row.save(update_fields=["begins_on"])
    steps.begin_if_due(row, actor=actor, as_of=as_of)
    return row


@transaction.atomic
def activate(*, number: str, actor: Actor, as_of: datetime, on: date | None = None) -> Outcome:
    """Everything is on: from `on` (default: its planned day, today if that is over) it is in use and charged.

    What it takes the place of ends on that day. Raises NotFound, NotPending for what is cancelled or over.
    """
    row = locks.subscription(number)
    if row.state == _S.ACTIVE:
        return Outcome.ALREADY_DONE
    if row.state != _S.PENDING:
        raise NotPending()
    today = local_date(as_of)
    steps.activate(row, on or max(row.begins_on or today, today), actor=actor, as_of=as_of)
    return Outcome.DONE


@transaction.atomic
def set_end(
    *, number: str, on: date, slip_id: int, actor: Actor, as_of: datetime, reason: str = ""
) -> Subscription:
    """It ends on that day (the first one not charged); today: at once. An end that was asked for before moves.

    Raises NotFound, NotInUse, DayTooEarly, ChangeUnderWay.
    """
    row = locks.subscription(number)
    today = local_date(as_of)
    _refuse_unless_in_use(row)
    _refuse_changing(row)
    if on < today:
        raise DayTooEarly(day=today.isoformat())
    steps.plan_end(row, on, slip_id, actor=actor, as_of=as_of, reason=reason)
    if on == today:
        evidence = Evidence(slip_id=slip_id)
        steps.terminate(row, TerminationReason.CUSTOMER, evidence, on, actor=actor, as_of=as_of, why=reason)
    return row


@transaction.atomic
def take_back_end(*, number: str, actor: Actor, as_of: datetime, reason: str = "") -> Subscription:
    """The end that was asked for does not come; of a change, the new subscription is cancelled.

    Raises NotFound, NotInUse, NoEndAskedFor.
    """
    row = locks.subscription(number)
    _refuse_unless_in_use(row)
    following = locks.follower(row.pk)
    if row.end_slip_id is None:
        raise NoEndAskedFor()
    if following is not None:
        steps.cancel(following, actor=actor, as_of=as_of, reason=reason)
        row.refresh_from_db()
        return row
    steps.take_back_end(row, actor=actor, as_of=as_of, reason=reason)
    return row


@transaction.atomic
def turn(
    *, number: str, wanted: Wanted, slip_id: int, actor: Actor, as_of: datetime, reason: str = ""
) -> Subscription:
    """The new subscription in the place of the old one, from `wanted.begins_on`, on which the old one ends.

    The old one goes on until the new one is on. Device, number and address go over where nothing else is said.
    Raises NotFound, NotInUse, DayTooEarly, ChangeUnderWay.
    """
    row = locks.subscription(number)
    today = local_date(as_of)
    _refuse_unless_in_use(row)
    _refuse_changing(row)
    on = wanted.begins_on or today
    if on < today:
        raise DayTooEarly(day=today.isoformat())
    steps.plan_end(row, on, slip_id, actor=actor, as_of=as_of, reason=reason)
    new = steps.created(
        row.account_id, _in_place(wanted, row, on), row, actor=actor, as_of=as_of, reason=reason
    )
    steps.begin_if_due(new, actor=actor, as_of=as_of)
    return new


@transaction.atomic
def cancel(*, number: str, actor: Actor, as_of: datetime, reason: str = "") -> Subscription:
    """What never came into use is not held any more; what it was to take the place of stays.

    Raises NotFound, NotPending.
    """
    row = locks.subscription(number)
    if row.state != _S.PENDING:
        raise NotPending()
    steps.cancel(row, actor=actor, as_of=as_of, reason=reason)
    return row


@transaction.atomic
def give_back(*, number: str, slip_id: int, actor: Actor, as_of: datetime, reason: str = "") -> Subscription:
    """Within its days of return: it ends on the day on which it began, as if it had never been held.

    Raises NotFound, NotInUse, ReturnTimeOver.
    """
    row = locks.subscription(number)
    _refuse_unless_in_use(row)
    assert row.begins_on is not None
    today = local_date(as_of)
    if not rules.returnable(begins_on=row.begins_on, return_days=row.offer.return_days, today=today):
        raise ReturnTimeOver()
    evidence = Evidence(slip_id=slip_id)
    steps.terminate(
        row, TerminationReason.CUSTOMER, evidence, row.begins_on, actor=actor, as_of=as_of, why=reason
    )
    return row


@transaction.atomic
def terminate(
    *,
    number: str,
    reason: TerminationReason,
    evidence: Evidence,
    actor: Actor,
    as_of: datetime,
    on: date | None = None,
    why: str = "",
) -> Outcome:
    """It ends, today or on the day that is given, for a reason with its evidence, which the database demands.

    A change that was to come does not. Raises NotFound, NotInUse, DayTooEarly; IntegrityError without the evidence.
    """
    row = locks.subscription(number)
    if row.state == _S.TERMINATED:
        return Outcome.ALREADY_DONE
    _refuse_unless_in_use(row)
    assert row.begins_on is not None
    day = on or max(local_date(as_of), row.begins_on)
    if day < row.begins_on:
        raise DayTooEarly(day=row.begins_on.isoformat())
    if (following := locks.follower(row.pk)) is not None and reason != TerminationReason.TRANSFER:
        steps.cancel(following, actor=actor, as_of=as_of, reason=why)
        row.refresh_from_db()
    steps.terminate(row, reason, evidence, day, actor=actor, as_of=as_of, why=why)
    return Outcome.DONE


@transaction.atomic
def carry_out_end(*, number: str, actor: Actor, as_of: datetime) -> Outcome:
    """The end that was asked for, its day come. What waits for its follower to be switched on goes on meanwhile.

    Raises NotFound, NoEndAskedFor for an end without a slip.
    """
    row = locks.subscription(number)
    if row.state != _S.ACTIVE or row.ends_on is None or row.ends_on > local_date(as_of):
        return Outcome.ALREADY_DONE
    following = locks.follower(row.pk)
    if following is not None and following.state == _S.PENDING:
        return Outcome.ALREADY_DONE
    if row.end_slip_id is None:
        raise NoEndAskedFor()
    evidence = Evidence(slip_id=row.end_slip_id)
    steps.terminate(row, TerminationReason.CUSTOMER, evidence, row.ends_on, actor=actor, as_of=as_of, why="")
    return Outcome.DONE


@transaction.atomic
def carry_out_begin(*, number: str, actor: Actor, as_of: datetime) -> Outcome:
    """Switches on what was to begin by today; asked again, nothing is sent twice. Raises NotFound."""
    row = locks.subscription(number)
    if row.state != _S.PENDING or row.begins_on is None or row.begins_on > local_date(as_of):
        return Outcome.ALREADY_DONE
    return steps.begin_if_due(row, actor=actor, as_of=as_of)


@transaction.atomic
def renew(
    *,
    number: str,
    actor: Actor,
    as_of: datetime,
    paid_until: date | None = None,
    ends_on: date | None = None,
    slip_id: int | None = None,
    committed_until: date | None = None,
    reason: str = "",
) -> Subscription:
    """A new term: paid until then, bound until then, and going on until `ends_on` (with its slip; None: no end).

    Raises NotFound, NotInUse, ChangeUnderWay.
    """
    row = locks.subscription(number)
    _refuse_unless_in_use(row)
    _refuse_changing(row)
    row.paid_until, row.ends_on, row.committed_until = paid_until, ends_on, committed_until
    row.end_slip_id = slip_id if ends_on else None
    row.save(update_fields=["paid_until", "ends_on", "committed_until", "end_slip"])
    steps.record(row, row.state, actor=actor, as_of=as_of, reason=reason)
    return row


def _in_place(wanted: Wanted, old: Subscription, on: date) -> Wanted:
    """What the new one has from the old one, where nothing else is said."""
    return Wanted(
        offer_id=wanted.offer_id,
        begins_on=on,
        ends_on=wanted.ends_on,
        slip_id=wanted.slip_id,
        committed_until=wanted.committed_until,
        paid_until=wanted.paid_until,
        device_id=wanted.device_id or old.device_id,
        service_number=wanted.service_number or old.service_number,
        address=wanted.address or old.address,
    )


def _refuse_unless_in_use(row: Subscription) -> None:
    if row.state != _S.ACTIVE:
        raise NotInUse()


def _refuse_changing(row: Subscription) -> None:
    if Subscription.objects.filter(follows=row).exists():
        raise ChangeUnderWay()
