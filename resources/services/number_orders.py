"""From a hold to a number in use, by an order of whoever holds it: kept while it waits, then what it brought has it.

The same steps as at the desk (`openings`), for the funnel.
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


@transaction.atomic
def give(*, digits: str, order: str, owner: str, actor: Actor, as_of: datetime) -> NumberPeriod:
    """What was kept for the order is the owner's, its fee being settled. Raises NotFound, NotHeld."""
    number = locks.number(digits)
    if not _was(number, Verb.PAID):
        _note(number, Verb.PAID, order, actor, as_of)
    return numbers.assign(digits=digits, owner=owner, held_by=order, actor=actor, as_of=as_of, cause=order)


@transaction.atomic
def drop(*, digits: str, order: str, actor: Actor, as_of: datetime, reason: str) -> None:
    """The order does not come: what was kept for it is free again. Not kept any more: nothing happens."""
    number = locks.number(digits)
    period = reads.present(number, as_of=as_of)
    if period is not None and (period.kind, period.holder) == (PeriodKind.HOLD, order):
        numbers.release(digits=digits, holder=order, actor=actor, as_of=as_of, reason=reason)


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
