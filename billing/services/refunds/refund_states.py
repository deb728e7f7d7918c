"""What a refund request becomes, and the books with it. Callers hold the locks of account, receipt and request."""

import logging
from datetime import datetime
from typing import Any

from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from billing import locks, refund_rules
from billing.events import MoneyRefunded, RefundEnded
from billing.gateways.base import RefundStatus
from billing.models import (
    REFUND_MACHINE,
    EntryKind,
    Receipt,
    Refund,
    RefundHistory,
    RefundRequest,
    RefundState,
    RefundWay,
)
from billing.models.refunds import GOING_BACK
from billing.services.money import credits, ledger
from core import outbox
from core.actor import Actor
from core.errors import Conflict

log = logging.getLogger(__name__)


class RefundAboveReceipt(Conflict):
    code = "REFUND_ABOVE_RECEIPT"
    message = _("退款超过了已收金额")


class RefundMismatch(Conflict):
    """The gateway names one of our refunds with another amount: a person must look."""

    code = "REFUND_MISMATCH"
    message = _("支付渠道返回的退款金额与退款申请不一致")


def move(
    request: RefundRequest,
    to_state: RefundState,
    *,
    as_of: datetime,
    actor: Actor,
    reason: str = "",
    **also: Any,
) -> None:
    """One step of the machine with its history row; `also` names further columns that change with it."""
    from_state = request.state
    REFUND_MACHINE.check(from_state, to_state)
    values: dict[str, Any] = {"state": to_state, "attempts": 0, "error": "", **also}
    values["next_attempt_at"] = _next_attempt(request, to_state, as_of)
    if to_state in REFUND_MACHINE.end_states:
        values["ended_at"] = as_of
    for name, value in values.items():
        setattr(request, name, value)
    request.save(update_fields=list(values))
    RefundHistory.objects.create(
        request=request,
        from_state=from_state,
        to_state=to_state,
        actor=actor.ref,
        reason=reason[:300],
        at=as_of,
    )


def _next_attempt(request: RefundRequest, to_state: RefundState, as_of: datetime) -> datetime | None:
    if request.way == RefundWay.BY_HAND:
        return None
    if to_state == RefundState.APPROVED:
        return as_of
    return as_of + refund_rules.APART if to_state == RefundState.ACCEPTED else None


def take(
    request: RefundRequest,
    receipt: Receipt,
    status: RefundStatus,
    *,
    refunded_at: datetime | None,
    as_of: datetime,
    actor: Actor,
    reason: str = "",
    answer: dict[str, Any] | None = None,
) -> None:
    """The request is where the gateway says that it is. What has ended stays as it is."""
    if request.state not in GOING_BACK:
        return
    also: dict[str, Any] = {} if answer is None else {"answer": answer}
    if status == RefundStatus.SUCCEEDED:
        succeed(
            request,
            receipt,
            refunded_at=refunded_at or as_of,
            as_of=as_of,
            actor=actor,
            reason=reason,
            **also,
        )
    elif status == RefundStatus.FAILED:
        end(request, receipt, RefundState.FAILED, as_of=as_of, actor=actor, reason=reason, **also)
    elif status == RefundStatus.ABNORMAL and request.state != RefundState.ABNORMAL:
        move(request, RefundState.ABNORMAL, as_of=as_of, actor=actor, reason=reason, **also)
        log.error("refund abnormal at the gateway", extra={"refund": request.number})
    elif status == RefundStatus.PENDING and request.state == RefundState.APPROVED:
        move(
            request, RefundState.ACCEPTED, as_of=as_of, actor=actor, reason=reason, accepted_at=as_of, **also
        )


def succeed(
    request: RefundRequest,
    receipt: Receipt,
    *,
    refunded_at: datetime,
    as_of: datetime,
    actor: Actor,
    reason: str = "",
    request_no: str = "",
    **also: Any,
) -> None:
    """The money is back with the payer: booked once under its number, the reservation is over."""
    row = book(
        receipt,
        request_no=request_no or request.number,
        amount_cents=request.amount_cents,
        refunded_at=refunded_at,
        as_of=as_of,
    )
    end(request, receipt, RefundState.SUCCEEDED, as_of=as_of, actor=actor, reason=reason, refund=row, **also)


def end(
    request: RefundRequest,
    receipt: Receipt,
    to_state: RefundState,
    *,
    as_of: datetime,
    actor: Actor,
    reason: str = "",
    **also: Any,
) -> None:
    """The request is over and its reservation with it; who wants to know is told. What did not go back pays bills."""
    move(request, to_state, as_of=as_of, actor=actor, reason=reason, **also)
    Receipt.objects.filter(pk=receipt.pk).update(refunding_cents=F("refunding_cents") - request.amount_cents)
    receipt.refunding_cents -= request.amount_cents
    event = RefundEnded(
        number=request.number,
        state=str(to_state),
        account_id=request.account_id,
        user_id=request.user_id,
        amount_cents=request.amount_cents,
    )
    outbox.publish(event, as_of=as_of)
    judge_again(receipt, as_of=as_of)
    if to_state != RefundState.SUCCEEDED:
        credits.use_again(receipt.account_id, as_of=as_of)


def book(
    receipt: Receipt, *, request_no: str, amount_cents: int, refunded_at: datetime, as_of: datetime
) -> Refund:
    """The refund is in the books, once per receipt and number. Raises RefundAboveReceipt."""
    existing = Refund.objects.filter(receipt=receipt, request_no=request_no).first()
    if existing is not None:
        return existing
    if receipt.refunded_cents + amount_cents > receipt.amount_cents:
        raise RefundAboveReceipt()
    Receipt.objects.filter(pk=receipt.pk).update(refunded_cents=F("refunded_cents") + amount_cents)
    receipt.refunded_cents += amount_cents
    row = Refund.objects.create(
        receipt=receipt,
        request_no=request_no,
        amount_cents=amount_cents,
        refunded_at=refunded_at,
        booked_at=as_of,
    )
    ledger.post(
        account_id=receipt.account_id,
        kind=EntryKind.REFUND,
        amount_cents=-amount_cents,
        refund_id=row.pk,
        as_of=as_of,
    )
    outbox.publish(MoneyRefunded(receipt.number, receipt.account_id, amount_cents), as_of=as_of)
    return row


def judge_remainder(
    receipt: Receipt,
    *,
    as_of: datetime,
    request_no: str = "",
    refunded_at: datetime | None = None,
    is_news: bool = True,
) -> None:
    """What the gateway's running total tells beyond the booked refunds is booked as one more.

    Not while a request of ours is at the gateway: the total may hold it. Then it is asked about first, and its end
    brings us here again. Without news nobody is asked before his turn: an answer "not yet" must not bring on the
    next question. Raises RefundAboveReceipt.
    """
    booked = Refund.objects.filter(receipt=receipt).exclude(request__way=RefundWay.BY_HAND)
    missing = refund_rules.unexplained(
        receipt.reported_refunded_cents, booked.aggregate(cents=Sum("amount_cents", default=0))["cents"]
    )
    if not missing:
        return
    at_gateway = [each for each in locks.refund_requests_of(receipt.pk) if each.is_at_gateway]
    if at_gateway:
        if is_news:
            _ask_soon(at_gateway, as_of=as_of)
        return
    book(
        receipt,
        request_no=_free_number(receipt, request_no),
        amount_cents=missing,
        refunded_at=refunded_at or as_of,
        as_of=as_of,
    )


def remember_total(receipt: Receipt, total_cents: int) -> bool:
    """A running total that the gateway told; False when it is none but an old one: a late message tells less."""
    if total_cents <= receipt.reported_refunded_cents:
        return False
    Receipt.objects.filter(pk=receipt.pk).update(reported_refunded_cents=total_cents)
    receipt.reported_refunded_cents = total_cents
    return True


def judge_again(receipt: Receipt, *, as_of: datetime, is_news: bool = True) -> None:
    """Something else has happened: that stands, also when the rest of the gateway's total fits nowhere."""
    try:
        judge_remainder(receipt, as_of=as_of, is_news=is_news)
    except RefundAboveReceipt:
        log.error("the gateway reports more refunds than fit the receipt", extra={"receipt": receipt.number})


def _ask_soon(requests: list[RefundRequest], *, as_of: datetime) -> None:
    """Those that the gateway has taken may be asked about at any time; one that is being sent is left alone."""
    accepted = [each.pk for each in requests if each.state == RefundState.ACCEPTED]
    RefundRequest.objects.filter(pk__in=accepted, next_attempt_at__gt=as_of).update(next_attempt_at=as_of)


def _free_number(receipt: Receipt, request_no: str) -> str:
    """The number that the message named; made unique by the total when it named none or one that is booked."""
    taken = not request_no or Refund.objects.filter(receipt=receipt, request_no=request_no).exists()
    return f"{request_no[:48]}#{receipt.reported_refunded_cents}" if taken else request_no
