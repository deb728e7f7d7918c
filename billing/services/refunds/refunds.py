"""Refunds as people ask for and decide them, and as gateways report them. See refund_states for what they become."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing import locks, refund_rules
from billing.gateways import registry
from billing.gateways.base import RefundReport, RefundStatus, Report
from billing.models import (
    GatewayCallback,
    Receipt,
    RefundHistory,
    RefundReason,
    RefundRequest,
    RefundState,
    RefundWay,
)
from billing.models.refunds import GOING_BACK
from billing.selectors import own_accounts
from billing.services.money import receipts
from billing.services.refunds import refund_states
from billing.services.refunds.refund_queue import SENDING
from billing.services.refunds.refund_states import RefundAboveReceipt, RefundMismatch
from core import clock, money, sequences
from core.actor import Actor
from core.errors import Conflict, HallError
from core.idempotency import IdempotencyConflict

__all__ = ["RefundAboveReceipt", "RefundMismatch"]
SELF_SERVICE = Actor.job("refund_self_service")
_ONE_SUM_WITHIN = timedelta(
    days=1
)  # several small requests of a customer are one: or his limit would mean nothing


class NotRefundable(Conflict):
    """More than is free on the receipt: what settled bills, went back or is reserved cannot be refunded."""

    code = "NOT_REFUNDABLE"
    message = _("这笔收款现在可退 %(free)s，不能退 %(asked)s")


class AtTheGateway(Conflict):
    """The gateway may still pay it: ending it here, or paying it by hand as well, could pay it twice."""

    code = "REFUND_AT_THE_GATEWAY"
    message = _("这笔退款已提交支付渠道，结果还没有确定，不能人工处理")


class EvidenceMissing(HallError):
    code = "REFUND_EVIDENCE_MISSING"
    message = _("请填写付款凭证号（银行转账流水号或现金支付凭单号）")


def request(
    *,
    receipt_id: int,
    amount_cents: int,
    reason: str,
    reason_code: RefundReason | str,
    actor: Actor,
    as_of: datetime,
    user: User | None = None,
    by_hand: bool = False,
    reference: str = "",
    key: str | None = None,
) -> RefundRequest:
    """A request for so much of the receipt exists and its amount is reserved; raises NotRefundable.

    `user` is the customer who asks for himself: up to REFUND_SELF_SERVICE_CENTS a day it is approved at once. The same
    `key` again returns the first request, with other content it raises IdempotencyConflict. It goes by hand where no
    gateway can do it. `reference` names the order there when the receipt knows no payment.
    """
    with transaction.atomic():
        receipt = locks.receipt_with_account(receipt_id)
        if key and (earlier := RefundRequest.objects.filter(key=key).first()):
            if (earlier.receipt_id, earlier.amount_cents) != (receipt_id, amount_cents):
                raise IdempotencyConflict()
            return earlier
        if not 0 < amount_cents <= receipt.free_cents:
            raise NotRefundable(
                free=money.display(max(receipt.free_cents, 0)), asked=money.display(amount_cents)
            )
        alone = user is not None and not _needs_staff(receipt, amount_cents, as_of=as_of)
        reference = reference or _reference(receipt)
        row = RefundRequest.objects.create(
            number=sequences.next_number("refund_number", prefix="RF", on=clock.local_date(as_of)),
            key=key,
            receipt=receipt,
            account_id=receipt.account_id,
            reference=reference,
            amount_cents=amount_cents,
            reason_code=RefundReason(reason_code),
            reason=reason[:300],
            way=RefundWay.BY_HAND if by_hand else way(receipt, reference, as_of),
            requested_by=actor.ref,
            user=user,
            due_on=refund_rules.due_on(clock.local_date(as_of)),
            created_at=as_of,
        )
        RefundHistory.objects.create(
            request=row, to_state=row.state, actor=actor.ref, reason=row.reason, at=as_of
        )
        Receipt.objects.filter(pk=receipt.pk).update(refunding_cents=F("refunding_cents") + amount_cents)
        if alone:
            _approve(row, as_of=as_of, actor=SELF_SERVICE, reason="")
    return row


def by_staff(
    *,
    receipt_id: int,
    amount_cents: int,
    reason: str,
    reason_code: RefundReason | str,
    actor: Actor,
    as_of: datetime,
    by_hand: bool = False,
    key: str | None = None,
) -> RefundRequest:
    """Asked for and approved in one step: what a staff action carries out once its limit or a second person let it."""
    with transaction.atomic():
        row = request(
            receipt_id=receipt_id,
            amount_cents=amount_cents,
            reason=reason,
            reason_code=reason_code,
            actor=actor,
            as_of=as_of,
            by_hand=by_hand,
            key=key,
        )
        if row.state == RefundState.REQUESTED:
            _approve(row, as_of=as_of, actor=actor, reason=reason)
    return row


def approve(*, request_id: int, actor: Actor, as_of: datetime, reason: str = "") -> RefundRequest:
    """A request that waited is sent to the gateway as soon as a worker is free."""
    with transaction.atomic():
        row, _receipt = _locked(request_id)
        _approve(row, as_of=as_of, actor=actor, reason=reason)
    return row


def reject(*, request_id: int, actor: Actor, reason: str, as_of: datetime) -> RefundRequest:
    """Staff say no: the reservation is over and the customer is told."""
    own_accounts.refuse(actor, own_accounts.of_refund(request_id))
    return _end(request_id, RefundState.REJECTED, actor=actor, reason=reason, as_of=as_of)


def cancel(*, request_id: int, actor: Actor, as_of: datetime, reason: str = "") -> RefundRequest:
    """The customer takes it back while nobody has decided."""
    return _end(request_id, RefundState.CANCELLED, actor=actor, reason=reason, as_of=as_of)


def send_again(*, request_id: int, actor: Actor, reason: str, as_of: datetime) -> RefundRequest:
    """An abnormal one is sent once more, under its number."""
    own_accounts.refuse(actor, own_accounts.of_refund(request_id))
    with transaction.atomic():
        row, _receipt = _locked(request_id)
        refund_states.move(row, RefundState.APPROVED, as_of=as_of, actor=actor, reason=reason)
        SENDING.poke()
    return row


def give_up(*, request_id: int, actor: Actor, reason: str, as_of: datetime) -> RefundRequest:
    """No money went back and none will. Raises AtTheGateway while the gateway may still pay it."""
    own_accounts.refuse(actor, own_accounts.of_refund(request_id))
    with transaction.atomic():
        row, receipt = _locked(request_id)
        _check_not_there(row)
        refund_states.end(row, receipt, RefundState.FAILED, as_of=as_of, actor=actor, reason=reason)
    return row


def paid_by_hand(
    *,
    request_id: int,
    evidence: str,
    actor: Actor,
    as_of: datetime,
    reason: str = "",
    paid_at: datetime | None = None,
) -> RefundRequest:
    """The money was paid back outside the gateway; `evidence` is the number of the transfer or pay-out.

    AtTheGateway while the gateway may still pay it. What the gateway reports of it later is booked besides.
    """
    evidence = evidence.strip()
    if not evidence:
        raise EvidenceMissing()
    with transaction.atomic():
        row, receipt = _locked(request_id)
        _check_not_there(row)
        refund_states.succeed(
            row,
            receipt,
            refunded_at=paid_at or as_of,
            as_of=as_of,
            actor=actor,
            reason=reason,
            request_no=f"HAND{row.number}",  # the number itself stays free for what the gateway may report
            way=RefundWay.BY_HAND,
            evidence=evidence[:64],
        )
    return row


def book_reported(*, report: Report, as_of: datetime) -> int:
    """The books agree with the refunds that a verified report tells of; returns the fen newly booked.

    In any order, any number of times: a report that names a request of ours ends it; a refund with its own amount is
    booked under its number; of a running total only what no booked refund explains is booked, and not while a request
    of ours is at the gateway. Bills stay as they are (see Receipt). Raises RefundAboveReceipt, RefundMismatch.
    """
    if not (report.refunds or report.total_refunded_cents):
        return 0
    found = receipts.find(report.gateway, report.trade_no)
    if found is None:
        return 0
    with transaction.atomic():
        # A receipt that was moved is locked with its new account behind the payment's: two such callers may meet head
        # on, then the database ends one of them and its callback is tried again.
        receipt = locks.receipt_with_account(found.pk)
        before = receipt.refunded_cents
        by_total = [_take_told(receipt, told, report, as_of=as_of) for told in report.refunds]
        if not report.refunds or any(told.amount_cents is None for told in report.refunds):
            refund_states.remember_total(receipt, report.total_refunded_cents)
            last = next((told for told in reversed(by_total) if told), None)
            refund_states.judge_remainder(
                receipt,
                as_of=as_of,
                request_no=last.request_no if last else "",
                refunded_at=last.refunded_at if last else report.occurred_at,
            )
    return receipt.refunded_cents - before


def _take_told(
    receipt: Receipt, told: RefundReport, report: Report, *, as_of: datetime
) -> RefundReport | None:
    """Takes one refund that a message names; returns it where only the running total can tell its amount."""
    row = RefundRequest.objects.filter(number=told.request_no).first()
    if row is not None and row.receipt_id != receipt.pk:
        raise RefundMismatch()  # of an order paid twice: one refund must not be booked on both receipts
    if row is not None:
        row = locks.refund_request(row.pk)
    if row is not None and row.state in GOING_BACK:
        _check_told(row, told, report)
        refund_states.take(
            row,
            receipt,
            told.status,
            refunded_at=told.refunded_at,
            as_of=as_of,
            actor=Actor.gateway(report.gateway),
            reason="told by the gateway",
        )
        return None
    if told.amount_cents is None:
        return told if row is None or row.refund_id is None else None
    if told.status == RefundStatus.SUCCEEDED:
        refund_states.book(
            receipt,
            request_no=told.request_no,
            amount_cents=told.amount_cents,
            refunded_at=told.refunded_at or as_of,
            as_of=as_of,
        )
    return None


def _check_told(row: RefundRequest, told: RefundReport, report: Report) -> None:
    """A message without the refund's own amount can still not tell of less in all than that one refund."""
    if told.amount_cents is not None:
        agrees = told.amount_cents == row.amount_cents
    else:
        agrees = told.status != RefundStatus.SUCCEEDED or report.total_refunded_cents >= row.amount_cents
    if not agrees:
        raise RefundMismatch()


def _check_not_there(row: RefundRequest) -> None:
    if row.is_at_gateway and row.state != RefundState.ABNORMAL:
        raise AtTheGateway()


def _approve(row: RefundRequest, *, as_of: datetime, actor: Actor, reason: str) -> None:
    refund_states.move(row, RefundState.APPROVED, as_of=as_of, actor=actor, reason=reason, approved_at=as_of)
    if row.way == RefundWay.SOURCE:
        SENDING.poke()


def _end(
    request_id: int, to_state: RefundState, *, actor: Actor, reason: str, as_of: datetime
) -> RefundRequest:
    with transaction.atomic():
        row, receipt = _locked(request_id)
        refund_states.end(row, receipt, to_state, as_of=as_of, actor=actor, reason=reason)
    return row


def _locked(request_id: int) -> tuple[RefundRequest, Receipt]:
    """Both as they are now, under the root lock of the money."""
    receipt_id = RefundRequest.objects.values_list("receipt_id", flat=True).get(pk=request_id)
    receipt = locks.receipt_with_account(receipt_id)
    return locks.refund_request(request_id), receipt


def _needs_staff(receipt: Receipt, amount_cents: int, *, as_of: datetime) -> bool:
    lately = RefundRequest.objects.filter(
        account_id=receipt.account_id, user__isnull=False, created_at__gt=as_of - _ONE_SUM_WITHIN
    ).exclude(state__in=(RefundState.REJECTED, RefundState.CANCELLED, RefundState.FAILED))
    return refund_rules.needs_staff(
        amount_cents,
        asked_today=lately.aggregate(cents=Sum("amount_cents", default=0))["cents"],
        limit=settings.REFUND_SELF_SERVICE_CENTS,
        is_under_review=receipt.is_under_review,
    )


def way_of(receipt: Receipt, as_of: datetime) -> RefundWay:
    """How money of this receipt goes back: to its source, or by hand where no gateway can."""
    return way(receipt, _reference(receipt), as_of)


def way(receipt: Receipt, reference: str, as_of: datetime) -> RefundWay:
    codes = [code for code, _name in registry.codes()]
    to_source = refund_rules.can_go_to_source(
        receipt.gateway, reference, receipt.paid_at, as_of=as_of, gateways=codes
    )
    return RefundWay.SOURCE if to_source else RefundWay.BY_HAND


def _reference(receipt: Receipt) -> str:
    """The order at the gateway; for money whose order is not ours, as the message that brought it names it."""
    if receipt.payment is not None:
        return receipt.payment.reference
    told = GatewayCallback.objects.filter(
        gateway=receipt.gateway,
        report__trade_no=receipt.trade_no,
        received_at__range=(receipt.booked_at - timedelta(days=7), receipt.booked_at + timedelta(days=1)),
    )
    return told.order_by("id").values_list("reference", flat=True).first() or ""
