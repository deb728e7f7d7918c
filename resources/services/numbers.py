"""Numbers: held for some minutes, assigned, taken back and locked, restored; one holder at a time.

Every function takes the number's lock, looks at its present period, and writes its change. The constraint
`number_had_by_one` stands behind all of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils.translation import gettext_lazy as _

from core import clock
from core.actor import Actor
from core.db import violated
from core.errors import Conflict
from resources import locks
from resources.models import Number, NumberChange, NumberPeriod, PeriodKind, Verb
from resources.selectors import numbers as reads


class NumberTaken(Conflict):
    code = "NUMBER_TAKEN"
    message = _("这个号码刚刚被别人选走了，请另选一个")


class NumberLocked(Conflict):
    code = "NUMBER_LOCKED"
    message = _("这个号码在锁定期内，暂不能选用")


class NumberNotOffered(Conflict):
    code = "NUMBER_NOT_OFFERED"
    message = _("这个号码暂不开放选用")


class TooManyHolds(Conflict):
    code = "NUMBER_TOO_MANY_HOLDS"
    message = _("最多同时预占 %(most)s 个号码，请先放弃一个")


class NotHeld(Conflict):
    code = "NUMBER_NOT_HELD"
    message = _("预占已到期或已放弃，请重新选号")


class HoldTooLong(Conflict):
    code = "NUMBER_HOLD_TOO_LONG"
    message = _("预占不能再延长，请尽快办理")


class NotOwned(Conflict):
    code = "NUMBER_NOT_OWNED"
    message = _("这个号码现在不归这个用户使用")


class NotLocked(Conflict):
    code = "NUMBER_NOT_LOCKED"
    message = _("这个号码不在锁定期内")


@dataclass(frozen=True)
class Held:
    """`is_new` is False when the same holder had it already; then nothing was changed."""

    period: NumberPeriod
    is_new: bool


def hold(
    *,
    digits: str,
    holder: str,
    actor: Actor,
    as_of: datetime,
    minutes: int | None = None,
    channel: str = "",
    most: int | None = None,
) -> Held:
    """The number is kept for `holder` for some minutes (NUMBER_HOLD_MINUTES). The same holder again: the same hold.

    Raises NotFound, NumberTaken, NumberLocked, NumberNotOffered, or TooManyHolds when he has `most`
    (NUMBER_HOLDS_PER_HOLDER) already.
    """
    with transaction.atomic():
        locks.holder(holder)
        number = locks.number(digits)
        now_period = reads.present(number, as_of=as_of)
        if now_period and now_period.kind == PeriodKind.HOLD and now_period.holder == holder:
            return Held(now_period, is_new=False)
        _check_free(number, now_period)
        limit = settings.NUMBER_HOLDS_PER_HOLDER if most is None else most
        if reads.holds_of(holder, as_of=as_of).count() >= limit:
            raise TooManyHolds(most=limit)
        until = as_of + timedelta(minutes=minutes or settings.NUMBER_HOLD_MINUTES)
        period = _begin(number, PeriodKind.HOLD, holder, as_of, until, "")
        _note(number, Verb.HELD, until, actor=actor, as_of=as_of, channel=channel)
    return Held(period, is_new=True)


def extend(
    *, digits: str, holder: str, actor: Actor, as_of: datetime, minutes: int | None = None
) -> NumberPeriod:
    """The hold lasts that much longer from now, and in all no longer than NUMBER_HOLD_MOST_MINUTES.

    Raises NotHeld, HoldTooLong.
    """
    with transaction.atomic():
        number = locks.number(digits)
        period = _held(number, holder, as_of)
        longest = period.begins_at + timedelta(minutes=settings.NUMBER_HOLD_MOST_MINUTES)
        until = min(as_of + timedelta(minutes=minutes or settings.NUMBER_HOLD_MINUTES), longest)
        if period.ends_at is None or until <= period.ends_at:
            raise HoldTooLong()
        _end(period, until)
        _note(number, Verb.EXTENDED, until, actor=actor, as_of=as_of)
    return period


def release(*, digits: str, holder: str, actor: Actor, as_of: datetime, reason: str = "") -> None:
    """The holder gives it up: free at once. Raises NotHeld when he does not hold it."""
    with transaction.atomic():
        number = locks.number(digits)
        _end(_held(number, holder, as_of), as_of)
        _note(number, Verb.RELEASED, None, actor=actor, as_of=as_of, reason=reason)


def pass_hold(
    *, digits: str, holder: str, to: str, until: datetime, actor: Actor, as_of: datetime, reason: str = ""
) -> NumberPeriod:
    """What `holder` holds is kept for `to` from now on, e.g. his order, until that instant. Raises NotHeld."""
    with transaction.atomic():
        number = locks.number(digits)
        _end(_held(number, holder, as_of), as_of)
        period = _begin(number, PeriodKind.HOLD, to, as_of, until, "")
        _note(number, Verb.EXTENDED, until, actor=actor, as_of=as_of, reason=reason)
    return period


def pass_on(*, digits: str, owner: str, to: str, actor: Actor, as_of: datetime, cause: str) -> NumberPeriod:
    """The owner's number is `to`'s from now on, e.g. of what takes its place, without a lock. Raises NotOwned."""
    with transaction.atomic():
        number = locks.number(digits)
        _end(_owned(number, owner, as_of), as_of)
        period = _begin(number, PeriodKind.OWNER, to, as_of, None, cause)
        _note(number, Verb.MOVED, None, actor=actor, as_of=as_of, reason=cause)
    return period


def assign(
    *, digits: str, owner: str, actor: Actor, as_of: datetime, held_by: str = "", cause: str = ""
) -> NumberPeriod:
    """The number is the owner's from now on, without an end. Assigned to him already: that period again.

    `held_by`: who must hold it; without, it must be free. Raises NotHeld, NumberTaken, NumberLocked.
    """
    with transaction.atomic():
        number = locks.number(digits)
        now_period = reads.present(number, as_of=as_of)
        if now_period and now_period.kind == PeriodKind.OWNER and now_period.holder == owner:
            return now_period
        if held_by:
            _end(_held(number, held_by, as_of), as_of)
        elif now_period is not None:
            raise _refusal(now_period)
        period = _begin(number, PeriodKind.OWNER, owner, as_of, None, cause)
        _note(number, Verb.ASSIGNED, None, actor=actor, as_of=as_of, reason=cause)
    return period


def take_back(*, digits: str, owner: str, actor: Actor, as_of: datetime, cause: str) -> NumberPeriod:
    """The owner has it no more; locked by the class's rule of that day. Returns the lock. Raises NotOwned."""
    with transaction.atomic():
        number = locks.number(digits)
        _end(_owned(number, owner, as_of), as_of)
        until = reads.free_again_at(number, taken_back_on=clock.local_date(as_of))
        lock = _begin(number, PeriodKind.LOCK, owner, as_of, until, cause)
        _note(number, Verb.TAKEN_BACK, until, actor=actor, as_of=as_of, reason=cause)
    return lock


def restore(*, digits: str, owner: str, actor: Actor, as_of: datetime, cause: str) -> NumberPeriod:
    """Who had the number gets it back while it is locked. Raises NotLocked, NumberTaken for everybody else's."""
    with transaction.atomic():
        number = locks.number(digits)
        lock = _locked(number, as_of)
        if lock.holder != owner:
            raise NumberTaken()
        _note(number, Verb.RESTORED, None, actor=actor, as_of=as_of, reason=cause)
        _end(lock, as_of)
        period = _begin(number, PeriodKind.OWNER, owner, as_of, None, cause)
    return period


def pass_lock(
    lock: NumberPeriod, *, to: str, until: datetime, actor: Actor, as_of: datetime, reason: str
) -> NumberPeriod:
    """What is locked is kept for `to`, e.g. an order of who had it. The caller has locked the number's row."""
    with transaction.atomic():
        _note(lock.number, Verb.RESTORED, until, actor=actor, as_of=as_of, reason=reason)
        _end(lock, as_of)
        return _begin(lock.number, PeriodKind.HOLD, to, as_of, until, reason)


def lock_again(
    number: Number, *, former: str, actor: Actor, as_of: datetime, cause: str
) -> NumberPeriod | None:
    """What was on its way back to who had it is locked until the day that was said; None when that is over."""
    said = number.changes.filter(verb=Verb.TAKEN_BACK).order_by("-pk").values_list("until", flat=True).first()
    if said is None or said <= as_of:
        return None
    with transaction.atomic():
        lock = _begin(number, PeriodKind.LOCK, former, as_of, said, cause)
        _note(number, Verb.TAKEN_BACK, said, actor=actor, as_of=as_of, reason=cause)
    return lock


def unlock(*, digits: str, actor: Actor, as_of: datetime, reason: str) -> None:
    """Ends a lock before its time: only what `resources.approvals` has decided comes here. Raises NotLocked."""
    with transaction.atomic():
        number = locks.number(digits)
        _end(_locked(number, as_of), as_of)
        _note(number, Verb.UNLOCKED, None, actor=actor, as_of=as_of, reason=reason)


def _check_free(number: Number, present: NumberPeriod | None) -> None:
    if present is not None:
        raise _refusal(present)
    if not number.is_offered:
        raise NumberNotOffered()


def _refusal(present: NumberPeriod) -> Conflict:
    return NumberLocked() if present.kind == PeriodKind.LOCK else NumberTaken()


def _held(number: Number, holder: str, as_of: datetime) -> NumberPeriod:
    period = reads.present(number, as_of=as_of)
    if period is None or period.kind != PeriodKind.HOLD or period.holder != holder:
        raise NotHeld()
    return period


def _owned(number: Number, owner: str, as_of: datetime) -> NumberPeriod:
    period = reads.present(number, as_of=as_of)
    if period is None or period.kind != PeriodKind.OWNER or period.holder != owner:
        raise NotOwned()
    return period


def _locked(number: Number, as_of: datetime) -> NumberPeriod:
    period = reads.present(number, as_of=as_of)
    if period is None or period.kind != PeriodKind.LOCK:
        raise NotLocked()
    return period


def _begin(
    number: Number, kind: PeriodKind, holder: str, begins_at: datetime, ends_at: datetime | None, cause: str
) -> NumberPeriod:
    """A new period. One that was ended in this very instant, and began in it, is followed on its heels."""
    latest = number.periods.order_by("-during__startswith").first()
    if latest is not None and latest.ends_at is not None:
        begins_at = max(begins_at, latest.ends_at)
    try:
        with transaction.atomic():
            return NumberPeriod.objects.create(
                number=number,
                kind=kind,
                holder=holder,
                during=DateTimeTZRange(begins_at, ends_at, "[)"),
                cause=cause,
            )
    except IntegrityError as error:  # somebody wrote past the lock
        if violated(error) != "number_had_by_one":
            raise
        raise NumberTaken() from None


def _end(period: NumberPeriod, at: datetime) -> None:
    """A period is never empty: one that ends as it begins lasts a microsecond."""
    ends_at = max(at, period.begins_at + timedelta(microseconds=1))
    period.during = DateTimeTZRange(period.begins_at, ends_at, "[)")
    period.save(update_fields=["during"])


def _note(
    number: Number,
    verb: Verb,
    until: datetime | None,
    *,
    actor: Actor,
    as_of: datetime,
    channel: str = "",
    reason: str = "",
) -> None:
    NumberChange.objects.create(
        number=number, verb=verb, until=until, channel=channel, actor=actor.ref, reason=reason, at=as_of
    )
