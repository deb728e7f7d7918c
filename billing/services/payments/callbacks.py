"""Stored callbacks of gateways (see intake), applied by a worker by row id."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from billing.models import CallbackState, GatewayCallback
from billing.services.money import suspense
from billing.services.payments import payments, reports
from core import audit
from core.actor import Actor
from core.errors import Conflict, HallError
from core.metrics import register_queue
from core.queues import Queue

log = logging.getLogger(__name__)

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


def apply(callback: GatewayCallback, *, as_of: datetime) -> payments.Applied:
    """The books agree with the callback's report and the row is APPLIED, in one transaction.

    Without a payment the report's reference is looked up again: one that is there by now gets its money.
    """
    if callback.report is None:
        raise ValueError("a message that did not verify is never applied")
    with transaction.atomic():
        outcome = suspense.apply_within(
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
