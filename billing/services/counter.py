"""Money at the counter: taken, paid back when it was entered wrongly, and taken to the bank."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from billing import locks
from billing.events import CounterMoneyReversed, MoneyReceived
from billing.models import (
    CashDeposit,
    CashDepositLine,
    CounterMethod,
    CounterMoney,
    CounterReversal,
    EntryKind,
    Receipt,
    Refund,
)
from billing.selectors import counter as reads
from billing.selectors import own_accounts
from billing.services.money import allocations, credits, ledger, receipts
from core import approvals, audit, clock, money, outbox, sequences
from core.actor import Actor
from core.db import violated
from core.errors import Conflict, HallError

GATEWAYS = {CounterMethod.CASH: "cash", CounterMethod.POS: "pos"}
PERMISSION = "billing.take_counter_money"
REVERSAL = "billing.counter_reversal"
APPROVE_REVERSAL = "billing.approve_counter_reversal"
MAX_CENTS = 100_000_000  # one receipt; above it somebody has mistyped
_PAPER_NO = re.compile(r"[0-9A-Z][0-9A-Z/-]{2,39}")
_FULL_WIDTH = {0xFEE0 + code: code for code in range(0x21, 0x7F)}


class BadPaperNumber(HallError):
    code = "BAD_PAPER_NUMBER"
    message = _("单据号须为 3 到 40 位数字、字母、短横或斜线")


class PaperNumberTaken(Conflict):
    """Entered before with other data, or paid back since: one of the two is a mistake."""

    code = "PAPER_NUMBER_TAKEN"
    message = _("单据号 %(number)s 已用于另一笔收款（收据 %(receipt)s），请核对")


class CounterAmountOutOfRange(HallError):
    code = "COUNTER_AMOUNT_OUT_OF_RANGE"
    message = _("柜台单笔收款须在 ¥0.01 到 ¥1,000,000.00 之间")


class AlreadyReversed(Conflict):
    code = "COUNTER_ALREADY_REVERSED"
    message = _("这笔收款已经冲正或退过款")


class AlreadyDeposited(Conflict):
    code = "COUNTER_ALREADY_DEPOSITED"
    message = _("这笔现金已解款，不能从柜台退出，请办理退款")


class NotInYourTill(Conflict):
    code = "NOT_IN_YOUR_TILL"
    message = _("所选的收款中有的不是您名下未解款的现金，请刷新后重选")


class DepositDiffers(Conflict):
    code = "DEPOSIT_DIFFERS"
    message = _("所选现金合计 %(sum)s，与解款金额 %(amount)s 不符")


class BankSlipTaken(Conflict):
    code = "BANK_SLIP_TAKEN"
    message = _("银行回单号 %(number)s 已登记过")


@dataclass(frozen=True, slots=True)
class Taken:
    """`is_new` is False when the same paper had been entered before with the same data: nothing was changed."""

    receipt_number: str
    is_new: bool


def clean_paper_number(typed: str) -> str:
    """The number as it is stored: half-width capitals without spaces. Raises BadPaperNumber."""
    number = re.sub(r"\s", "", typed.translate(_FULL_WIDTH)).upper()
    if not _PAPER_NO.fullmatch(number):
        raise BadPaperNumber()
    return number


def receive(
    *,
    account_id: int,
    method: CounterMethod,
    paper_no: str,
    amount_cents: int,
    taken_by_id: int,
    as_of: datetime,
    actor: Actor,
    bill_id: int | None = None,
) -> Taken:
    """The money is booked once for each paper receipt or POS slip, has settled bills, and is in the taker's till.

    The same paper again with the same data changes nothing; with other data PaperNumberTaken. Nobody takes money for an
    account of his own: OwnAccount.
    """
    check_taker(account_id=account_id, actor=actor, taken_by_id=taken_by_id)
    if not 0 < amount_cents <= MAX_CENTS:
        raise CounterAmountOutOfRange()
    paper_no, gateway = clean_paper_number(paper_no), GATEWAYS[method]
    with transaction.atomic():
        account = account_locks.account(account_id)
        if found := booked_before(
            account_id=account_id, method=method, paper_no=paper_no, cents=amount_cents
        ):
            return Taken(found.number, is_new=False)
        number = receipts.book(
            account_id=account_id,
            gateway=gateway,
            trade_no=paper_no,
            amount_cents=amount_cents,
            paid_at=as_of,
            as_of=as_of,
            first_bill_id=bill_id,
        )
        receipt = receipts.find(gateway, paper_no)
        assert receipt is not None
        if number is None:  # another account's, at the same moment
            raise PaperNumberTaken(number=paper_no, receipt=receipt.number)
        CounterMoney.objects.create(
            receipt=receipt, method=method, first_bill_id=bill_id, taken_by_id=taken_by_id, taken_at=as_of
        )
        outbox.publish(
            MoneyReceived(
                receipt_number=number,
                account_id=account_id,
                account_number=account.number,
                amount_cents=amount_cents,
            ),
            as_of=as_of,
        )
    return Taken(number, is_new=True)


def check_taker(*, account_id: int, actor: Actor, taken_by_id: int) -> None:
    """Raises OwnAccount when one of the two, who are the same person as a rule, is a member of the account."""
    for each in {actor, Actor(f"user:{taken_by_id}")}:
        own_accounts.refuse(each, own_accounts.of_account(account_id))


def booked_before(*, account_id: int, method: CounterMethod, paper_no: str, cents: int) -> Receipt | None:
    """The receipt of the same paper, None when there is none; raises PaperNumberTaken when it says something else.

    One that was reversed is no longer the customer's money: "entered already" would hide that he has none.
    """
    found = receipts.find(GATEWAYS[method], paper_no)
    if found is None:
        return None
    is_other = (found.account_id, found.amount_cents) != (account_id, cents)
    if is_other or CounterReversal.objects.filter(money__receipt=found).exists():
        raise PaperNumberTaken(number=paper_no, receipt=found.number)
    return found


def _may_reverse_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    """Who took it, on that day, while the customer may still stand there; later, and for others, who may approve it.

    Nobody takes his own cash out of an earlier day's books alone, whatever he may approve of others.
    """
    if not actor.is_person:
        return True
    found = CounterMoney.objects.get(pk=subject_id)
    if actor.ref == f"user:{found.taken_by_id}":
        return clock.local_date(found.taken_at) == clock.local_date(as_of)
    return approvals.holds(actor, APPROVE_REVERSAL)


@approvals.kind(
    REVERSAL,
    title=_("柜台收款冲正"),
    permission=PERMISSION,
    approve_permission=APPROVE_REVERSAL,
    limit=lambda: settings.APPROVAL_LIMITS[REVERSAL],
    day_limit=lambda: settings.APPROVAL_DAY_LIMITS[REVERSAL],
    check_person=own_accounts.checked(own_accounts.of_counter_money),
    may_alone=_may_reverse_alone,
)
def reverse(
    *,
    subject_id: str,
    amount_cents: int,
    data: dict[str, Any],
    actor: Actor,
    reason: str,
    as_of: datetime,
) -> str | Promise:
    """The counter money with this id went back to the customer, all of it; the bills that it settled are owed again.

    What else the account has to its credit pays them, if it does so by itself; the customer is told. Asked for through
    `approvals.submit(kind=REVERSAL, …)`. Raises AlreadyReversed, AlreadyDeposited.
    """
    found = CounterMoney.objects.select_related("receipt").get(pk=subject_id)
    with transaction.atomic():
        receipt = locks.receipt_with_account(found.receipt_id)  # it may have moved to another account
        _check_reversible(found, receipt)
        opened: Sequence[int] = ()
        if receipt.allocated_cents:
            day = clock.local_date(receipt.paid_at)  # as if the money had never come
            opened = allocations.reverse(
                receipt_id=receipt.pk, cents=receipt.allocated_cents, on=day, as_of=as_of
            )
        refund = _pay_back(receipt, as_of=as_of)
        CounterReversal.objects.create(money=found, refund=refund, reason=reason, actor=actor.ref, at=as_of)
        credits.use_for_opened(opened, as_of=as_of)
        _tell_reversed(receipt, as_of=as_of)
    return format_lazy(_("已冲正，退还 {amount}"), amount=money.display(receipt.amount_cents))


def deposit(
    *,
    money_ids: Collection[int],
    amount_cents: int,
    bank_slip_no: str,
    deposited_on: date,
    deposited_by_id: int,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> CashDeposit:
    """The chosen cash, all in the depositor's till, was taken to the bank: exactly `amount_cents`, under that slip.

    Leaves an audit row. Raises NotInYourTill, DepositDiffers, BankSlipTaken, BadPaperNumber.
    """
    bank_slip_no = clean_paper_number(bank_slip_no)
    with transaction.atomic():
        chosen = reads.in_till(deposited_by_id).filter(pk__in=money_ids)
        locks.receipts(list(chosen.values_list("receipt_id", flat=True)))
        found = list(reads.in_till(deposited_by_id).filter(pk__in=money_ids))  # as they are under the locks
        if not found or len(found) != len(set(money_ids)):
            raise NotInYourTill()
        total = sum(each.receipt.amount_cents for each in found)
        if total != amount_cents:
            raise DepositDiffers(sum=money.display(total), amount=money.display(amount_cents))
        made = _write_deposit(amount_cents, bank_slip_no, deposited_on, deposited_by_id, as_of)
        CashDepositLine.objects.bulk_create(CashDepositLine(deposit=made, money=each) for each in found)
        audit.record(
            actor=actor,
            action="billing.counter.deposit",
            subject=made,
            detail={"amount_cents": amount_cents, "receipts": len(found)},
            address=address,
            as_of=as_of,
        )
    return made


def _tell_reversed(receipt: Receipt, *, as_of: datetime) -> None:
    outbox.publish(
        CounterMoneyReversed(
            receipt_number=receipt.number,
            account_id=receipt.account_id,
            account_number=receipt.account.number,
            amount_cents=receipt.amount_cents,
        ),
        as_of=as_of,
    )


def _check_reversible(found: CounterMoney, receipt: Receipt) -> None:
    if receipt.refunded_cents or receipt.refunding_cents:
        raise AlreadyReversed()
    if CashDepositLine.objects.filter(money=found).exists():
        raise AlreadyDeposited()


def _pay_back(receipt: Receipt, *, as_of: datetime) -> Refund:
    """All of it, over the counter. The caller holds the locks of account and receipt."""
    Receipt.objects.filter(pk=receipt.pk).update(refunded_cents=F("refunded_cents") + receipt.amount_cents)
    refund = Refund.objects.create(
        receipt=receipt,
        request_no=f"{receipt.gateway}-{receipt.number}",
        amount_cents=receipt.amount_cents,
        refunded_at=as_of,
        booked_at=as_of,
    )
    ledger.post(
        account_id=receipt.account_id,
        kind=EntryKind.REFUND,
        amount_cents=-receipt.amount_cents,
        refund_id=refund.pk,
        as_of=as_of,
    )
    return refund


def _write_deposit(cents: int, bank_slip_no: str, day: date, by_id: int, as_of: datetime) -> CashDeposit:
    try:
        with transaction.atomic():
            return CashDeposit.objects.create(
                number=sequences.next_number("cash_deposit_number", prefix="CD", on=clock.local_date(as_of)),
                bank_slip_no=bank_slip_no,
                amount_cents=cents,
                deposited_by_id=by_id,
                deposited_on=day,
                created_at=as_of,
            )
    except IntegrityError as error:
        if violated(error) == "deposit_bank_slip_once":
            raise BankSlipTaken(number=bank_slip_no) from error
        raise
