"""From a hold to a number in use, by an order of whoever holds it: kept while it waits, then what it brought has it.

The same steps as at the desk (`openings`), for the funnel. Who had a number that is locked orders with it, too: it is
kept for his order as long as the lock would last, and goes back into the lock when the order does not come.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from core.actor import Actor
from resources import locks
from resources.models import Number, NumberChange, NumberPeriod, PeriodKind, Verb
from resources.selectors import numbers as reads
from resources.services import numbers, openings


def fee(*, digits: str, holder: str, account_number: str, as_of: datetime) -> int:
    """What it costs whoever holds the number to order it for that account: fen; 0 where the desk has it paid already.

    Raises NotFound, NotHeld, AccountNotHis.
    """
    number = reads.get(digits)
    _check(number, holder, account_number, as_of)
    return 0 if _was(number, Verb.PAID) else number.number_class.price_cents


@transaction.atomic
def keep(
    *,
    digits: str,
    holder: str,
    account_number: str,
    order: str,
    until: datetime,
    actor: Actor,
    as_of: datetime,
) -> None:
    """The number is kept for an order (a reference, "order:O17") of whoever holds it, until that instant.

    Who owns an account has shown who he is when it was opened: that counts as the real name where the desk has not
    noted another. Raises as `fee` does.
    """
    number = locks.number(digits)
    _check(number, holder, account_number, as_of)
    if not _was(number, Verb.REAL_NAMED):
        _note(
            number,
            Verb.REAL_NAMED,
            gettext("户号 %(account)s 的户主") % {"account": account_number},
            actor,
            as_of,
        )
    numbers.pass_hold(
        digits=digits, holder=holder, to=order, until=until, actor=actor, as_of=as_of, reason=order
    )


def check_locked(*, digits: str, former: str, as_of: datetime) -> NumberPeriod:
    """The lock in which the number waits for that owner of before.

    Raises NotFound, NotLocked when the lock is over, NumberTaken when somebody else has it, or had it last.
    """
    return _locked_for(reads.get(digits), former, as_of)


@transaction.atomic
def keep_locked(
    *, digits: str, former: str, order: str, until: datetime, actor: Actor, as_of: datetime
) -> None:
    """What is locked is kept for an order of whoever had it, at least until the lock would end.

    Raises as `check_locked` does.
    """
    number = locks.number(digits)
    lock = _locked_for(number, former, as_of)
    assert lock.ends_at is not None
    numbers.pass_lock(lock, to=order, until=max(until, lock.ends_at), actor=actor, as_of=as_of, reason=order)


@transaction.atomic
def give(*, digits: str, order: str, owner: str, actor: Actor, as_of: datetime) -> NumberPeriod:
    """What was kept for the order is the owner's, its fee being settled. Raises NotFound, NotHeld."""
    number = locks.number(digits)
    if not _was(number, Verb.PAID):
        _note(number, Verb.PAID, order, actor, as_of)
    return numbers.assign(digits=digits, owner=owner, held_by=order, actor=actor, as_of=as_of, cause=order)


@transaction.atomic
def drop(*, digits: str, order: str, actor: Actor, as_of: datetime, reason: str) -> None:
    """The order does not come: what was kept for it is free again, or locked. Not kept any more: nothing happens."""
    number = locks.number(digits)
    period = reads.present(number, as_of=as_of)
    if period is None or (period.kind, period.holder) != (PeriodKind.HOLD, order):
        return
    before = number.periods.filter(during__fully_lt=period.during).order_by("-during__startswith").first()
    numbers.release(digits=digits, holder=order, actor=actor, as_of=as_of, reason=reason)
    if before is not None and before.kind == PeriodKind.LOCK and before.ends_at == period.begins_at:
        numbers.lock_again(number, former=before.holder, actor=actor, as_of=as_of, cause=reason)


def _locked_for(number: Number, former: str, as_of: datetime) -> NumberPeriod:
    period = reads.present(number, as_of=as_of)
    latest = number.periods.order_by("-during__startswith").first()
    if latest is not None and latest.holder != former:
        raise numbers.NumberTaken()
    if period is None or period.kind != PeriodKind.LOCK:
        raise numbers.NotLocked()
    return period


def _check(number: Number, holder: str, account_number: str, as_of: datetime) -> None:
    period = reads.present(number, as_of=as_of)
    if period is None or period.kind != PeriodKind.HOLD or period.holder != holder:
        raise numbers.NotHeld()
    openings.check_his(holder, account_number)


def _was(number: Number, verb: Verb) -> bool:
    """Whether this step was taken since somebody came to hold it."""
    held = number.changes.filter(verb=Verb.HELD).order_by("-pk").values_list("pk", flat=True).first()
    return number.changes.filter(verb=verb, pk__gt=held or 0).exists()


def _note(number: Number, verb: Verb, reason: str, actor: Actor, as_of: datetime) -> None:
    NumberChange.objects.create(number=number, verb=verb, actor=actor.ref, reason=reason[:300], at=as_of)
