"""Working the deliveries off. No transaction is open while a provider is asked, or an attachment written.

Each channel is a lane: what a provider's rate leaves for now is claimed, most urgent first, and tried once.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import redis
from django.db import transaction
from django.db.models import QuerySet, prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Conflict, NotFound
from notices import attachments, quiet_hours, rates, rules, vault
from notices.models import Channel, Delivery, DeliveryState, Failure
from notices.providers import registry
from notices.providers.base import BatchProvider, Outgoing, Provider, ProviderError, Sent, can_poll
from notices.queue import DELIVERIES
from notices.services import attempts, failures, fallbacks, inbox, receipt_polls, texts

log = logging.getLogger(__name__)
R = TypeVar("R")
LANES = (Channel.SMS.value, Channel.EMAIL.value)
BATCH = 20
TIMEOUT = 5.0  # seconds; a batch of time-outs (100 s) stays within the lease
TIMEOUT_IN_REQUEST = 2.0  # the customer waits


class NotSendable(Conflict):
    code = "NOT_SENDABLE"
    message = _("只有未送达的普通通知可以重新发送，验证码请用户重新获取")


@dataclass(frozen=True, slots=True)
class Turn:
    """`taken` were tried; with `wait`, more is to be done in so many seconds: a provider's rate is used up."""

    taken: int
    wait: float = 0.0


def work(*, clock: Callable[[], datetime], limit: int = BATCH) -> int:
    """One turn; how many were taken."""
    return turn(clock=clock, limit=limit).taken


def turn(*, clock: Callable[[], datetime], limit: int = BATCH) -> Turn:
    """Claims up to `limit` due deliveries of each channel and tries each once; puts off what must not ring now."""
    quiet_hours.put_off(as_of=clock())
    taken = inbox.deliver(as_of=clock())
    turns = [_lane(channel, limit, clock) for channel in LANES]
    waits = [each.wait for each in turns if each.wait]
    return Turn(taken + sum(each.taken for each in turns), min(waits, default=0.0))


def _lane(channel: str, limit: int, clock: Callable[[], datetime]) -> Turn:
    provider = registry.for_channel(channel)
    grant = rates.take(provider.code, limit)
    if not grant.count:
        return Turn(0, grant.wait)
    rows = DELIVERIES.claim(limit=grant.count, as_of=clock(), lane=channel)
    rates.give_back(provider.code, grant.count - len(rows))
    for row in rows:
        if row.expires_at is not None:
            _attempt_secret(row, clock=clock)
    together = _prepare(rows, as_of=clock()) if rows else []
    if isinstance(provider, BatchProvider) and len(together) > 1 and provider.takes_many():
        _send_many(together, provider, as_of=clock())
    else:
        for row in together:
            _send(row, row.body, as_of=clock(), timeout=TIMEOUT)
    return Turn(len(rows))


def _prepare(rows: Sequence[Delivery], *, as_of: datetime) -> list[Delivery]:
    """Those of the claimed rows that are to be sent with the text on the row, which is written now if it was not."""
    plain = [row for row in rows if row.expires_at is None]
    prefetch_related_objects(plain, "message", "template")
    unwritten = [row for row in plain if not row.body]
    refused = texts.fill(unwritten, as_of=as_of) if unwritten else set()
    needless = {row.pk for row in plain if fallbacks.is_needless(row)}
    if needless:
        waiting = Delivery.objects.filter(pk__in=needless, state=DeliveryState.QUEUED)
        waiting.update(state=DeliveryState.EXPIRED, error=fallbacks.NEEDLESS)
    return [row for row in plain if row.pk not in refused | needless]


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
    """Puts a FAILED delivery back into the queue; raises NotFound, or NotSendable for any other, for secrets, and for
    letters that were printed: their address is dead, or a new notice is due.
    """
    failed = Delivery.objects.filter(
        pk=delivery_id, state=DeliveryState.FAILED, expires_at=None, letter_list=None
    )
    changes = {"attempts": 0, "error": "", "failure": "", "next_attempt_at": as_of}
    if failed.update(state=DeliveryState.QUEUED, **changes):
        log.info("delivery queued again", extra={"delivery": delivery_id, "actor": actor.ref})
        DELIVERIES.poke()
    elif Delivery.objects.filter(pk=delivery_id).exists():
        raise NotSendable()
    else:
        raise NotFound()


def _attempt_secret(row: Delivery, *, clock: Callable[[], datetime]) -> None:
    as_of = clock()
    if row.expires_at is not None and row.expires_at <= as_of:
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
    result = _asked(lambda: provider.send(_outgoing(row, text, as_of), timeout=timeout), provider)
    return _ended(row, provider, result, as_of=as_of)


def _send_many(rows: Sequence[Delivery], provider: BatchProvider, *, as_of: datetime) -> None:
    """One question for all of them, and an answer for each."""
    asked: list[tuple[Delivery, Outgoing]] = []
    for row in rows:
        try:
            asked.append((row, _outgoing(row, row.body, as_of)))
        except ProviderError as error:  # its room has withdrawn it
            _failed(row, provider, error, as_of=as_of)
    messages = [outgoing for _row, outgoing in asked]
    results = _asked(lambda: provider.send_many(messages, timeout=TIMEOUT), provider)
    for number, (row, _outgoing_message) in enumerate(asked):
        result = results if isinstance(results, ProviderError) else results[number]
        _ended(row, provider, result, as_of=as_of)


def _asked(ask: Callable[[], R], provider: Provider) -> R | ProviderError:
    try:
        return ask()
    except ProviderError as error:
        return error
    except Exception as error:  # a bug of a provider or writer is one message's failure, not the queue's
        log.exception("provider failed", extra={"provider": provider.code})
        return ProviderError(type(error).__name__, permanent=False)


def _ended(row: Delivery, provider: Provider, result: Sent | ProviderError, *, as_of: datetime) -> bool:
    if isinstance(result, ProviderError):
        _failed(row, provider, result, as_of=as_of)
        return False
    _note(row, provider, result, as_of=as_of)
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


def _failed(row: Delivery, provider: Provider, error: ProviderError, *, as_of: datetime) -> None:
    """Back into the queue; or, when that was the last try, the end of it, and those who wait for it are told."""
    with transaction.atomic():
        attempts.keep(row, provider=provider.code, error=error.reason, as_of=as_of)
        DELIVERIES.failed(row, error=error.reason, as_of=as_of, permanent=error.permanent)
        ended = Delivery.objects.filter(pk=row.pk, state=DeliveryState.FAILED, failure="")
        if ended.update(failure=error.failure):
            fallbacks.hasten(row, as_of=as_of)
            failures.tell(row, Failure(error.failure), as_of=as_of)


def _note(row: Delivery, provider: Provider, sent: Sent, *, as_of: datetime) -> None:
    """A receipt may have been faster: it keeps the state that it brought."""
    facts = {"provider": provider.code, "provider_message_id": sent.provider_message_id, "sent_at": as_of}
    asked = {"poll_at": receipt_polls.first_at(as_of)} if can_poll(provider) else {}
    with transaction.atomic():
        attempts.keep(row, provider=provider.code, error="", as_of=as_of)
        if not _waiting(row).update(state=DeliveryState.SENT, error="", **facts, **asked):
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
