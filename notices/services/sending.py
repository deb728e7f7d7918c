"""Working the deliveries off. No transaction is open while a provider is asked, or an attachment written."""

import logging
from collections.abc import Callable
from datetime import datetime

import redis
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Conflict, NotFound
from notices import attachments, rules, vault
from notices.models import Delivery, DeliveryState, Failure
from notices.providers import registry
from notices.providers.base import Outgoing, Provider, ProviderError, Sent
from notices.queue import DELIVERIES
from notices.services import failures

log = logging.getLogger(__name__)
BATCH = 20
TIMEOUT = 5.0  # seconds; a batch of time-outs (100 s) stays within the lease
TIMEOUT_IN_REQUEST = 2.0  # the customer waits


class NotSendable(Conflict):
    code = "NOT_SENDABLE"
    message = _("只有未送达的普通通知可以重新发送，验证码请用户重新获取")


def work(*, clock: Callable[[], datetime], limit: int = BATCH) -> int:
    """Claims up to `limit` due deliveries and tries each once; how many were taken."""
    rows = DELIVERIES.claim(limit=limit, as_of=clock())
    for row in rows:
        _attempt(row, clock=clock)
    return len(rows)


def send_now(delivery: Delivery, text: str, *, as_of: datetime) -> None:
    """One try at a new delivery from within the request; whatever happens is noted on the row, never raised."""
    if not _waiting(delivery).filter(attempts=0).update(attempts=1, next_attempt_at=as_of + DELIVERIES.lease):
        return
    delivery.attempts = 1
    _send(delivery, text, as_of=as_of, timeout=TIMEOUT_IN_REQUEST)


def expire(*, as_of: datetime) -> int:
    """Ends the secrets that are too old to be sent; their texts have gone by themselves. How many."""
    late = Delivery.objects.filter(state=DeliveryState.QUEUED, expires_at__lte=as_of)
    return late.update(state=DeliveryState.EXPIRED)


def retry(*, delivery_id: int, actor: Actor, as_of: datetime) -> None:
    """Puts a FAILED delivery back into the queue; raises NotFound, or NotSendable for any other and for secrets."""
    failed = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.FAILED, expires_at=None)
    changes = {"attempts": 0, "error": "", "failure": "", "next_attempt_at": as_of}
    if failed.update(state=DeliveryState.QUEUED, **changes):
        log.info("delivery queued again", extra={"delivery": delivery_id, "actor": actor.ref})
        DELIVERIES.poke()
    elif Delivery.objects.filter(pk=delivery_id).exists():
        raise NotSendable()
    else:
        raise NotFound()


def _attempt(row: Delivery, *, clock: Callable[[], datetime]) -> None:
    as_of = clock()
    if row.expires_at is None:
        _send(row, row.body, as_of=as_of, timeout=TIMEOUT)
    elif row.expires_at <= as_of:
        _waiting(row).update(state=DeliveryState.EXPIRED)
    else:
        _send_secret(row, as_of=as_of)


def _send_secret(row: Delivery, *, as_of: datetime) -> None:
    try:
        text = vault.read(row.reference)
    except redis.RedisError:
        text = None
    if (
        text is None
    ):  # not put there yet, or the broker is away: either may pass before the message is too old
        DELIVERIES.failed(row, error="text not at hand", as_of=as_of)
    elif _send(row, text, as_of=as_of, timeout=TIMEOUT):
        _forget(row)


def _send(row: Delivery, text: str, *, as_of: datetime, timeout: float) -> bool:
    """Whether the provider took it over; the row says so either way."""
    provider = registry.for_channel(row.channel)
    try:
        sent = provider.send(_outgoing(row, text, as_of), timeout=timeout)
    except ProviderError as error:
        _failed(row, error, as_of=as_of)
        return False
    except Exception as error:  # a bug of a provider or writer is one message's failure, not the queue's
        log.exception("provider failed", extra={"provider": provider.code, "delivery": row.pk})
        _failed(row, ProviderError(type(error).__name__, permanent=False), as_of=as_of)
        return False
    _note(row, provider, sent, as_of=as_of)
    return True


def _outgoing(row: Delivery, text: str, as_of: datetime) -> Outgoing:
    """Raises ProviderError for good when the attachment's room has withdrawn the message."""
    message, attached = row.message, None
    try:
        if message.attachment:
            attached = attachments.write(message.attachment, language=message.language, as_of=as_of)
    except attachments.Withdrawn:
        raise ProviderError("withdrawn", permanent=True) from None
    return Outgoing(
        address=row.address,
        title=_title(row),
        body=text,
        message_id=row.reference,
        attachment=attached,
        unsubscribe_url=message.unsubscribe_url,
    )


def _failed(row: Delivery, error: ProviderError, *, as_of: datetime) -> None:
    """Back into the queue; or, when that was the last try, the end of it, and those who wait for it are told."""
    with transaction.atomic():
        DELIVERIES.failed(row, error=error.reason, as_of=as_of, permanent=error.permanent)
        ended = Delivery.objects.filter(pk=row.pk, state=DeliveryState.FAILED, failure="")
        if ended.update(failure=error.failure):
            failures.tell(row, Failure(error.failure), as_of=as_of)


def _note(row: Delivery, provider: Provider, sent: Sent, *, as_of: datetime) -> None:
    """A receipt may have been faster: it keeps the state that it brought."""
    facts = {"provider": provider.code, "provider_message_id": sent.provider_message_id, "sent_at": as_of}
    if not _waiting(row).update(state=DeliveryState.SENT, error="", **facts):
        Delivery.objects.filter(pk=row.pk, sent_at=None).update(**facts)


def _waiting(row: Delivery) -> "QuerySet[Delivery]":
    return Delivery.objects.filter(pk=row.pk, state=DeliveryState.QUEUED)


def _title(row: Delivery) -> str:
    title = row.template.title
    return rules.render(title, row.message.context) if title else ""


def _forget(row: Delivery) -> None:
    try:
        vault.forget(row.reference)
    except redis.RedisError:
        log.warning("secret left to its lifetime", extra={"delivery": row.pk})
