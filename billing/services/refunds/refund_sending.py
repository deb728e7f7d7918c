"""Approved refunds on their way through the gateways. No transaction is open while a gateway is asked.

That a refund may have reached the gateway is written down before it is sent; from then on every further try asks what
became of it before it is sent again, always under the same number. Refused for good means that the gateway says so and
knows of no refund by that number.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from billing import locks, refund_rules
from billing.gateways import registry
from billing.gateways.base import Gateway, GatewayError, RefundResult, RefundStatus, Trade
from billing.models import RefundRequest, RefundState, RefundWay
from billing.selectors import refunds as refund_reads
from billing.services.payments.settling import NETWORK
from billing.services.refunds import refund_states
from billing.services.refunds.refund_queue import ASKING, LEASE, SENDING
from core import heartbeats
from core.actor import Actor
from core.errors import Conflict, HallError

log = logging.getLogger(__name__)
ACTOR = Actor.job("carry_out_refunds")
WATCH, WATCH_EVERY = "watch_refunds", timedelta(hours=1)
heartbeats.expect(WATCH, every=WATCH_EVERY)


# What the gateway may say of an earlier try that makes us send it (again). Staff let an abnormal one be sent once more.
_SENT_AGAIN = {
    RefundState.APPROVED: {RefundStatus.NOT_FOUND, RefundStatus.ABNORMAL, RefundStatus.FAILED},
    RefundState.ACCEPTED: {RefundStatus.NOT_FOUND},
}


class NothingToAsk(Conflict):
    code = "REFUND_NOTHING_TO_ASK"


class _Refused(Exception):
    """The gateway will not refund this and has not done so."""


@dataclass(frozen=True)
class _Sent:
    """A claimed request that may be sent now. `before`: an earlier try may have reached the gateway."""

    request: RefundRequest
    before: bool


def claim(*, as_of: datetime) -> RefundRequest | None:
    """The next request that is due, leased to this caller alone; those to send come first."""
    for queue in (SENDING, ASKING):
        for request in queue.claim(limit=1, as_of=as_of):
            return request
    return None


def carry_out(request: RefundRequest, *, as_of: datetime, actor: Actor = ACTOR) -> bool:
    """Sends a claimed request, or asks what became of it; False when its gateway did not answer at all.

    One request's own trouble must not stop the others: it waits for its next turn.
    """
    try:
        sent = _mark_sent(request, as_of=as_of)
        if sent is not None:
            _apply(request, _ask(sent), as_of=as_of, actor=actor)
    except _Refused as refusal:
        log.error("refund refused by the gateway", extra={"refund": request.number, "code": str(refusal)})
        _decided(request, RefundStatus.FAILED, f"refused by the gateway: {refusal}", as_of=as_of, actor=actor)
    except GatewayError as error:
        log.warning("refund not decided", extra={"refund": request.number, "code": error.code})
        _later(request, error.code, as_of=as_of)
        return error.code != NETWORK
    except HallError as error:
        log.exception("refund refused by the books", extra={"refund": request.number})
        _decided(
            request, RefundStatus.ABNORMAL, f"refused by the books: {error.code}", as_of=as_of, actor=actor
        )
    except Exception as error:
        log.exception("refund failed on its way", extra={"refund": request.number})
        _later(request, type(error).__name__, as_of=as_of)
    return True


def ask_now(*, request_id: int, actor: Actor, as_of: datetime) -> RefundState:
    """Staff want to know at once; returns the request's state afterwards. NothingToAsk when no gateway has it."""
    taken = RefundRequest.objects.filter(
        pk=request_id, state__in=(RefundState.APPROVED, RefundState.ACCEPTED), way=RefundWay.SOURCE
    ).update(attempts=F("attempts") + 1, next_attempt_at=as_of + LEASE)
    if not taken:
        raise NothingToAsk()
    request = RefundRequest.objects.get(pk=request_id)
    carry_out(request, as_of=as_of, actor=actor)
    request.refresh_from_db(fields=["state"])
    return RefundState(request.state)


def watch(*, as_of: datetime) -> int:
    """How many refunds are past their due day; the heartbeat `watch_refunds` complains while there is one."""
    with heartbeats.beat(WATCH, every=WATCH_EVERY, as_of=as_of) as run:
        overdue = refund_reads.overdue(as_of=as_of).count()
        run.detail["overdue"] = overdue
        run.ok = not overdue
    return overdue


def _mark_sent(claimed: RefundRequest, *, as_of: datetime) -> _Sent | None:
    """Writes down that the gateway may know of it from now on. None: it is not for sending any more, or not yet."""
    with transaction.atomic():
        request = locks.refund_request(claimed.pk)
        if request.state != claimed.state or request.way != RefundWay.SOURCE:
            return None
        before = request.sent_at is not None
        if not before and (free_at := _other_sent(request, as_of=as_of)):
            _wait(request, "another refund of this order was sent just now", until=free_at)
            return None
        if request.state == RefundState.APPROVED:
            request.sent_at = as_of
            request.save(update_fields=["sent_at"])
    return _Sent(request, before)


def _other_sent(request: RefundRequest, *, as_of: datetime) -> datetime | None:
    """When the next refund of this order may be sent, if another one was sent less than that before."""
    others = RefundRequest.objects.filter(
        receipt_id=request.receipt_id, sent_at__gt=as_of - refund_rules.APART
    ).exclude(pk=request.pk)
    last: datetime | None = others.order_by("-sent_at").values_list("sent_at", flat=True).first()
    return last + refund_rules.APART if last else None


def _ask(sent: _Sent) -> RefundResult:
    request = sent.request
    gateway = registry.get(request.receipt.gateway)
    if sent.before:
        result = gateway.query_refund(_trade(request), request.number)
        if result.status not in _SENT_AGAIN[RefundState(request.state)]:
            return result
    try:
        return gateway.refund(_trade(request), request.number, request.amount_cents, _reason(request))
    except GatewayError as error:
        if not error.permanent:
            raise
        return _after_refusal(gateway, request, error)


def _trade(request: RefundRequest) -> Trade:
    """That of the receipt: the order may have been paid by another one as well."""
    return Trade(request.reference, request.receipt.trade_no)


def _after_refusal(gateway: Gateway, request: RefundRequest, error: GatewayError) -> RefundResult:
    """A refusal may be about an earlier try that worked ("refunded in full already"): the gateway has the last word."""
    result = gateway.query_refund(_trade(request), request.number)
    if result.status == RefundStatus.NOT_FOUND:
        raise _Refused(error.code) from error
    return result


def _apply(claimed: RefundRequest, result: RefundResult, *, as_of: datetime, actor: Actor) -> None:
    paid_otherwise = result.status == RefundStatus.SUCCEEDED and result.amount_cents != claimed.amount_cents
    status = RefundStatus.ABNORMAL if paid_otherwise else result.status
    with transaction.atomic():
        receipt = locks.receipt_with_account(claimed.receipt_id)
        request = locks.refund_request(claimed.pk)
        is_news = refund_states.remember_total(receipt, result.total_refunded_cents or 0)
        refund_states.take(
            request,
            receipt,
            status,
            refunded_at=result.refunded_at,
            as_of=as_of,
            actor=actor,
            reason=f"the gateway says {result.status}"
            + (f" {result.amount_cents}" if paid_otherwise else ""),
            answer=_answer(result),
        )
        refund_states.judge_again(receipt, as_of=as_of, is_news=is_news)
    if status in (RefundStatus.PENDING, RefundStatus.NOT_FOUND):
        _later(claimed, str(status), as_of=as_of)


def _decided(
    claimed: RefundRequest, status: RefundStatus, reason: str, *, as_of: datetime, actor: Actor
) -> None:
    """Ends it, or leaves it to a person, without the gateway's word that money moved."""
    with transaction.atomic():
        receipt = locks.receipt_with_account(claimed.receipt_id)
        refund_states.take(
            locks.refund_request(claimed.pk),
            receipt,
            status,
            refunded_at=None,
            as_of=as_of,
            actor=actor,
            reason=reason,
        )


def _later(claimed: RefundRequest, error: str, *, as_of: datetime) -> None:
    _wait(claimed, error, until=as_of + refund_rules.wait(claimed.attempts))


def _wait(claimed: RefundRequest, error: str, *, until: datetime) -> None:
    """Nothing happens when the request has moved on, or somebody else holds its lease: the attempts tell."""
    RefundRequest.objects.filter(pk=claimed.pk, state=claimed.state, attempts=claimed.attempts).update(
        error=error[:200], next_attempt_at=until
    )


def _reason(request: RefundRequest) -> str:
    """What the payer reads there: never staff's own words."""
    return str(request.get_reason_code_display())


def _answer(result: RefundResult) -> dict[str, Any]:
    return {
        "status": str(result.status),
        "amount_cents": result.amount_cents,
        "total_refunded_cents": result.total_refunded_cents,
        "refunded_at": result.refunded_at.isoformat() if result.refunded_at else None,
    }
