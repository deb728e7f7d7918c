"""From a hold to a number in use, at the desk: the holder's name is checked, his bill is paid, his account gets it.

Each step is a row of the number's history, once for each hold; the funnel counts them.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, Membership
from billing.models import Bill
from core.actor import Actor
from core.errors import Conflict, Forbidden, NotFound
from resources import locks
from resources.models import Number, NumberChange, NumberPeriod, PeriodKind, Verb
from resources.selectors import numbers as reads
from resources.services import numbers

DESK = "COUNTER"


class OwnNumber(Forbidden):
    code = "NUMBER_OWN"
    message = _("这个号码由您本人预占，请交由其他同事办理")


class NotRealNamed(Conflict):
    code = "NUMBER_NOT_REAL_NAMED"
    message = _("请先登记实名核验")


class NotPaid(Conflict):
    code = "NUMBER_NOT_PAID"
    message = _("选号费还没有付清，请先登记付清的账单")


class BillNotHis(Conflict):
    code = "NUMBER_BILL_NOT_HIS"
    message = _("这张账单不是预占人户号的，或不足选号费")


class BillOpen(Conflict):
    code = "NUMBER_BILL_OPEN"
    message = _("这张账单还没有付清")


class BillUsed(Conflict):
    code = "NUMBER_BILL_USED"
    message = _("这张账单已经用于另一个号码")


class AccountNotHis(Conflict):
    code = "NUMBER_ACCOUNT_NOT_HIS"
    message = _("预占人不是这个户号的户主，或户号已销户")


@transaction.atomic
def real_named(*, digits: str, holder: str, actor: Actor, as_of: datetime, reason: str) -> None:
    """Whoever holds the number has shown who he is; `reason` says by what. Again: nothing changes.

    Raises NotHeld, OwnNumber.
    """
    number, period = _held(digits, holder, actor, as_of)
    if not _was(number, period, Verb.REAL_NAMED):
        _note(number, Verb.REAL_NAMED, actor, as_of, reason)


@transaction.atomic
def paid(*, digits: str, holder: str, bill_number: str, actor: Actor, as_of: datetime) -> None:
    """What the number costs is paid with this bill of his, which pays for no other number. Again: nothing changes.

    Raises NotHeld, OwnNumber, BillNotHis, BillOpen, BillUsed.
    """
    number, period = _held(digits, holder, actor, as_of)
    if _was(number, period, Verb.PAID):
        return
    his = BillingAccount.objects.filter(memberships__user_id=_user_id(holder))
    bill = Bill.objects.filter(number=bill_number, account__in=his).first()
    if bill is None or bill.total_cents - bill.adjusted_cents < number.number_class.price_cents:
        raise BillNotHis()
    if bill.open_cents > 0:
        raise BillOpen()
    locks.paying_bill(bill.number)
    if NumberChange.objects.filter(verb=Verb.PAID, reason=bill.number).exists():
        raise BillUsed()
    _note(number, Verb.PAID, actor, as_of, bill.number)


@transaction.atomic
def activate(
    *, digits: str, holder: str, account_number: str, actor: Actor, as_of: datetime, reason: str
) -> NumberPeriod:
    """The number is that account's, which its holder owns. One that costs nothing counts as paid.

    Raises NotHeld, OwnNumber, AccountNotHis, NotRealNamed, NotPaid.
    """
    number, period = _held(digits, holder, actor, as_of)
    check_his(holder, account_number)
    if not _was(number, period, Verb.REAL_NAMED):
        raise NotRealNamed()
    if not _was(number, period, Verb.PAID):
        if number.number_class.price_cents:
            raise NotPaid()
        _note(number, Verb.PAID, actor, as_of, gettext("免选号费"))
    owner = f"account:{account_number}"
    return numbers.assign(
        digits=digits, owner=owner, held_by=holder, actor=actor, as_of=as_of, cause=reason[:300]
    )


def check_his(holder: str, account_number: str) -> None:
    """Returns when the holder owns the open account; raises AccountNotHis, NotFound for what is no user."""
    owners = Membership.objects.filter(user_id=_user_id(holder), role=Membership.Role.OWNER)
    if not owners.filter(account__number=account_number, account__closed_at=None).exists():
        raise AccountNotHis()


def _held(digits: str, holder: str, actor: Actor, as_of: datetime) -> tuple[Number, NumberPeriod]:
    """The number, locked, with the hold; nobody opens a number for himself."""
    if holder == actor.ref:
        raise OwnNumber()
    number = locks.number(digits)
    period = reads.present(number, as_of=as_of)
    if period is None or period.kind != PeriodKind.HOLD or period.holder != holder:
        raise numbers.NotHeld()
    return number, period


def _user_id(holder: str) -> int:
    """Of "user:17". Holds of others (an order's) go their own way; raises NotFound."""
    kind, _sep, key = holder.partition(":")
    if kind != "user" or not key.isdigit():
        raise NotFound()
    return int(key)


def _was(number: Number, period: NumberPeriod, verb: Verb) -> bool:
    """Whether this step was taken in this hold."""
    return number.changes.filter(verb=verb, at__gte=period.begins_at).exists()


def _note(number: Number, verb: Verb, actor: Actor, as_of: datetime, reason: str) -> None:
    NumberChange.objects.create(
        number=number, verb=verb, channel=DESK, actor=actor.ref, reason=reason[:300], at=as_of
    )
