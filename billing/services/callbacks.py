"""Callbacks of gateways: checked cheaply, stored as received, answered; a worker applies them by row id.

Intake uses two plain statements (one SELECT, one INSERT) because it stands between a gateway and its answer; what it
accepts is never lost, because the row that is the work is committed before the answer goes out.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from billing.gateways import registry
from billing.gateways.base import CallbackRejected, Report
from billing.models import CallbackState, GatewayCallback
from billing.services import payments, reports
from core import audit
from core.actor import Actor
from core.errors import Conflict, HallError
from core.metrics import register_queue
from core.queues import Queue

log = logging.getLogger(__name__)
MAX_BODY = 65_536
STRANGERS_AN_HOUR = 1_000
MOST_KEPT_OF_STRANGERS = 8_192  # bytes: anybody may send, and no row is ever deleted
OK = "OK"
UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
WRONG_AMOUNT = "WRONG_AMOUNT"
WRONG_GATEWAY = "WRONG_GATEWAY"
KEPT_HEADERS = ("content-type", "user-agent", "x-request-id")

QUEUE: Queue[GatewayCallback] = Queue(
    model=GatewayCallback,
    task="billing.apply_callbacks",
    celery_queue="payments",
    waiting=CallbackState.NEW,
    given_up=CallbackState.DEAD,
    lease=timedelta(seconds=30),
    max_attempts=10,
)
register_queue("callbacks", QUEUE)


class NotStuck(Conflict):
    code = "CALLBACK_NOT_STUCK"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What intake decided: the code that is stored, and the payment when it is ours."""

    code: str
    reference: str = ""
    report: Report | None = None
    payment_id: int | None = None


def receive(
    *, gateway: str, headers: Mapping[str, str], body: bytes, address: str | None, as_of: datetime
) -> bool:
    """True: stored, and a worker will apply it; the gateway may stop sending. False: refused, and stored as such."""
    verdict = _judge(gateway, headers, body)
    kept = {name: headers[name][:200] for name in KEPT_HEADERS if name in headers}
    _store(gateway, verdict, kept, body, address, as_of)
    if verdict.code != OK:
        log.warning("callback refused", extra={"gateway": gateway, "verdict": verdict.code})
        return False
    QUEUE.poke()
    return True


def apply(callback: GatewayCallback, *, as_of: datetime) -> payments.Applied:
    """The payment agrees with the callback's report and the row is APPLIED, in one transaction."""
    if callback.payment_id is None or callback.report is None:
        raise ValueError("a refused callback is never applied")
    with transaction.atomic():
        outcome = payments.apply_within(
            payment_id=callback.payment_id,
            report=reports.load(callback.report),
            as_of=as_of,
            actor=Actor.gateway(callback.gateway),
        )
        with connection.cursor() as cursor:
            cursor.execute(_APPLIED, [as_of, callback.pk])
    return outcome


_APPLIED = """
    UPDATE billing_gatewaycallback SET state = 'APPLIED', applied_at = %s, error = ''
     WHERE id = %s AND state = 'NEW'"""


def claim(*, as_of: datetime, limit: int = 50) -> Sequence[GatewayCallback]:
    """Up to `limit` due callbacks, leased to this caller alone."""
    return QUEUE.claim(limit=limit, as_of=as_of)


def apply_claimed(callback: GatewayCallback, *, as_of: datetime) -> None:
    """Applies one claimed callback; one that fails waits for its next turn or is given up.

    Raises only when the database itself is away: then the end of the lease brings the row back.
    """
    try:
        apply(callback, as_of=as_of)
    except HallError as error:
        log.exception("callback refused by the books", extra={"callback": callback.pk})
        QUEUE.failed(callback, error=error.code, as_of=as_of, permanent=True)
    except Exception as error:  # one bad row must not stop the others
        log.exception("callback failed", extra={"callback": callback.pk})
        QUEUE.failed(callback, error=type(error).__name__, as_of=as_of)


def retry(*, callback_id: int, actor: Actor, reason: str, as_of: datetime) -> None:
    """A given-up callback waits again. Refused ones stay refused: NotStuck."""
    with transaction.atomic():
        changed = GatewayCallback.objects.filter(pk=callback_id, state=CallbackState.DEAD).update(
            state=CallbackState.NEW, attempts=0, next_attempt_at=as_of
        )
        if not changed:
            raise NotStuck()
        audit.record(
            actor=actor,
            action="billing.callback_retry",
            subject=("billing.GatewayCallback", str(callback_id)),
            reason=reason,
            as_of=as_of,
        )
        QUEUE.poke()


def _judge(gateway: str, headers: Mapping[str, str], body: bytes) -> Verdict:
    try:
        report = registry.get(gateway).parse_callback(headers, body)
    except CallbackRejected as refusal:
        return Verdict(str(refusal.code))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, amount_cents, gateway FROM billing_payment WHERE reference = %s",
            [report.reference],
        )
        found = cursor.fetchone()
    if found is None:
        return Verdict(UNKNOWN_REFERENCE, report.reference, report)
    payment_id, amount_cents, payment_gateway = found
    if payment_gateway != gateway:
        return Verdict(WRONG_GATEWAY, report.reference, report)
    if amount_cents != report.amount_cents:
        return Verdict(WRONG_AMOUNT, report.reference, report)
    return Verdict(OK, report.reference, report, payment_id)


def _strangers_since(at: datetime) -> int:
    """How many messages that did not verify were kept since; anybody can send those, so they are bounded."""
    return GatewayCallback.objects.filter(report__isnull=True, received_at__gt=at).count()


_INSERT = """
    INSERT INTO billing_gatewaycallback (gateway, reference, payment_id, report, verdict, headers, body, address,
                                         state, attempts, error, received_at, next_attempt_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, '', %s, %s)"""


def _store(
    gateway: str, verdict: Verdict, headers: dict[str, str], body: bytes, address: str | None, as_of: datetime
) -> None:
    report = json.dumps(reports.dump(verdict.report)) if verdict.report else None
    state = CallbackState.NEW if verdict.code == OK else CallbackState.REJECTED
    if verdict.report is None:
        if _strangers_since(as_of - timedelta(hours=1)) >= STRANGERS_AN_HOUR:
            return
        body = body[:MOST_KEPT_OF_STRANGERS]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                gateway,
                verdict.reference,
                verdict.payment_id,
                report,
                verdict.code,
                json.dumps(headers),
                body,
                address,
                str(state),
                as_of,
                as_of,
            ],
        )
