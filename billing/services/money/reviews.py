"""What staff decide about money that nobody knew what to do with: use it, move it, or put right what it had settled.

Each takes the sum that the member of staff saw (and, above a limit, that a second person agreed to): when the receipt
has changed since, ReceiptChanged is raised and nothing is done. Refunds are in billing.services.refunds.refunds.
"""

from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing import locks, rules
from billing.events import ReceiptMoved
from billing.models import Allocation, EntryKind, Receipt, ReceiptTransfer, Refund
from billing.services.bills import adjustments
from billing.services.money import allocations, credits, ledger
from billing.services.money.receipts import value_date
from billing.services.payments import lookups
from core import clock, outbox
from core.actor import Actor
from core.errors import Conflict, HallError


class ReceiptChanged(Conflict):
    code = "RECEIPT_CHANGED"
    message = _("这笔收款的金额已经变化，请重新核对后再办理")


class NothingFree(Conflict):
    code = "NOTHING_FREE"
    message = _("这笔收款没有可用的余额")


class StillInSuspense(Conflict):
    code = "STILL_IN_SUSPENSE"
    message = _("这笔款项还在过渡账户，请先转到客户的户号")


class NothingToPay(Conflict):
    code = "NOTHING_TO_PAY"
    message = _("这个户号没有未缴的账单；款项可以转到别的户号或退款")


class ReceiptUsed(Conflict):
    code = "RECEIPT_USED"
    message = _("这笔收款已销账、已退款或正在退款，不能转到别的户号")


class SameAccount(HallError):
    code = "SAME_ACCOUNT"
    message = _("款项已经在这个户号")


class NothingMissing(Conflict):
    code = "NOTHING_MISSING"
    message = _("这笔收款的销账没有多于实收，不需要更正")


def use_for_bills(*, receipt_id: int, account_id: int, cents: int, as_of: datetime) -> int:
    """What is free of the receipt (`cents`) pays the open bills of that account, which has it; returns the fen used.

    Somebody has looked at it: the rest, or all of it when nothing is open, is the account's ordinary credit. Raises
    NothingFree, StillInSuspense, ReceiptChanged, and NothingToPay when this would change nothing.
    """
    with transaction.atomic():
        receipt = locks.receipt_with_account(receipt_id)
        if receipt.free_cents <= 0:
            raise NothingFree()
        if (receipt.account_id, receipt.free_cents) != (account_id, cents):
            raise ReceiptChanged()
        if receipt.account.purpose == BillingAccount.Purpose.SUSPENSE:
            raise StillInSuspense()
        used = _settle(receipt, as_of=as_of)
        if not used and not receipt.is_under_review:
            raise NothingToPay()
        _reviewed(receipt, as_of=as_of)
    return used


def transfer(
    *, receipt_id: int, cents: int, to_number: str, reason: str, actor: Actor, as_of: datetime
) -> int:
    """The whole receipt (`cents`) belongs to the customer's account of that number; returns the fen that it then paid.

    It counts as looked at, and pays open bills there if the account's credit does so by itself. Raises NoSuchAccount,
    SameAccount, ReceiptUsed, ReceiptChanged.
    """
    target = BillingAccount.objects.filter(number=to_number).values_list("pk", flat=True).first()
    if target is None:
        raise lookups.NoSuchAccount()
    with transaction.atomic():
        receipt = _locked_with(target, receipt_id)
        _check_movable(receipt, target, cents)
        _move(receipt, target, reason=reason, actor=actor, as_of=as_of)
        _reviewed(receipt, as_of=as_of)
        return _settle(receipt, as_of=as_of) if credits.is_automatic(target) else 0


def reopen_bills(*, receipt_id: int, cents: int, as_of: datetime) -> int:
    """What was given back although it had settled bills (`cents`) is owed again from the day of the refund.

    What else the account has to its credit pays it, if it does so by itself. Returns the number of bills. Raises
    NothingMissing, ReceiptChanged.
    """
    with transaction.atomic():
        receipt = _overspent(receipt_id, cents)
        opened = allocations.reverse(
            receipt_id=receipt.pk, cents=cents, on=_refunded_on(receipt), as_of=as_of
        )
        credits.use_for_opened(opened, as_of=as_of)
    return len(opened)


def waive(*, receipt_id: int, cents: int, reason: str, actor: Actor, as_of: datetime) -> int:
    """What was given back although it had settled bills (`cents`) is given up: those bills are lower by it.

    Returns the number of bills. Raises NothingMissing, ReceiptChanged.
    """
    with transaction.atomic():
        receipt = _overspent(receipt_id, cents)
        last = Allocation.objects.filter(receipt=receipt).aggregate(last=Max("pk"))["last"]
        allocations.reverse(receipt_id=receipt.pk, cents=cents, on=_refunded_on(receipt), as_of=as_of)
        taken_back = list(Allocation.objects.filter(receipt=receipt, pk__gt=last).order_by("pk"))
        for allocation in taken_back:
            adjustments.adjust(
                bill_id=allocation.bill_id,
                amount_cents=-allocation.amount_cents,
                reason=reason,
                actor=actor,
                as_of=as_of,
            )
    return len(taken_back)


def _settle(receipt: Receipt, *, as_of: datetime) -> int:
    """The receipt's free money pays open bills of its account, whose lock is held."""
    on = _counts_from(receipt, as_of=as_of)
    settlement = rules.settle(receipt.free_cents, allocations.owed(receipt.account_id, on=on))
    if settlement.cents:
        allocations.write(receipt_id=receipt.pk, settlement=settlement, on=on, as_of=as_of)
        Receipt.objects.filter(pk=receipt.pk).update(allocated_cents=F("allocated_cents") + settlement.cents)
    return settlement.cents


def _counts_from(receipt: Receipt, *, as_of: datetime) -> date:
    """The day on which the money came, however long we looked at it: that must not cost the customer a penalty.

    But not before what was already allocated to the open bills: their penalties went by that.
    """
    came_on = value_date(receipt.payment, receipt.paid_at)
    earlier = Allocation.objects.filter(bill__account_id=receipt.account_id, bill__open_cents__gt=0)
    last = earlier.aggregate(last=Max("effective_on"))["last"]
    return min(max(came_on, last or came_on), clock.local_date(as_of))


def _reviewed(receipt: Receipt, *, as_of: datetime) -> None:
    if receipt.is_under_review:
        Receipt.objects.filter(pk=receipt.pk).update(reviewed_at=as_of)


def _locked_with(target: int, receipt_id: int) -> Receipt:
    """The receipt as it is now, under the locks of its own account and of the other one, taken in the order of ids."""
    account_id = Receipt.objects.values_list("account_id", flat=True).get(pk=receipt_id)
    for each in sorted({account_id, target}):
        account_locks.account(each)
    receipt = locks.receipt(receipt_id)
    if receipt.account_id != account_id:  # somebody else moved it meanwhile
        raise ReceiptChanged()
    return receipt


def _check_movable(receipt: Receipt, target: int, cents: int) -> None:
    if receipt.account_id == target:
        raise SameAccount()
    if receipt.allocated_cents or receipt.refunded_cents or receipt.refunding_cents:
        raise ReceiptUsed()
    if receipt.amount_cents != cents:
        raise ReceiptChanged()


def _move(receipt: Receipt, target: int, *, reason: str, actor: Actor, as_of: datetime) -> None:
    source, amount = receipt.account_id, receipt.amount_cents
    row = ReceiptTransfer.objects.create(
        receipt=receipt,
        from_account_id=source,
        to_account_id=target,
        amount_cents=amount,
        reason=reason,
        actor=actor.ref,
        at=as_of,
    )
    receipt.account_id = target
    receipt.save(update_fields=["account"])
    numbers = dict(BillingAccount.every.filter(pk__in=(source, target)).values_list("pk", "number"))
    for account_id, cents in ((source, -amount), (target, amount)):
        outbox.publish(
            ReceiptMoved(
                receipt_number=receipt.number,
                transfer_id=row.pk,
                account_id=account_id,
                account_number=numbers[account_id],
                amount_cents=amount,
                is_here=cents > 0,
            ),
            as_of=as_of,
        )
        ledger.post(
            account_id=account_id,
            kind=EntryKind.TRANSFER,
            amount_cents=cents,
            transfer_id=row.pk,
            as_of=as_of,
        )


def _overspent(receipt_id: int, cents: int) -> Receipt:
    """The receipt, locked, of which `cents` more are used and refunded than came in."""
    receipt = locks.receipt_with_account(receipt_id)
    if receipt.unallocated_cents >= 0:
        raise NothingMissing()
    if -receipt.unallocated_cents != cents:
        raise ReceiptChanged()
    return receipt


def _refunded_on(receipt: Receipt) -> date:
    """The day of the last refund, or of the last allocation when that came after it."""
    refunded_at = Refund.objects.filter(receipt=receipt).aggregate(last=Max("refunded_at"))["last"]
    used_on: date = Allocation.objects.filter(receipt=receipt).aggregate(last=Max("effective_on"))["last"]
    return max(clock.local_date(refunded_at), used_on)
