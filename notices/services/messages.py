"""Telling somebody something: one message, one delivery per address. Sending itself is the workers' (see sending)."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import redis
from django.db import connection, transaction

from notices import kinds, queue, rules, selectors, vault
from notices.models import Delivery, Message, Template
from notices.services import fallbacks as other_ways
from notices.services import sending

log = logging.getLogger(__name__)
AT_ONCE, ORDINARY = 0, 5  # priorities: secrets, and kinds that say nothing


@dataclass(frozen=True, slots=True)
class Address:
    """`channel` is one of notices.models.Channel; `value` a phone in E.164, an e-mail address, INBOX, or for a letter
    the lines of name and address.
    """

    channel: str
    value: str


INBOX = Address("INBOX", "inbox")


@transaction.atomic
def send(
    *,
    code: str,
    recipient_ref: str,
    addresses: Sequence[Address],
    context: dict[str, str],
    dedupe_key: str,
    as_of: datetime,
    language: str = rules.FALLBACK_LANGUAGE,
    attachment: str = "",
    unsubscribe_url: str = "",
    fallbacks: Sequence[Address] = (),
    fallback_after: timedelta | None = None,
    priority: int | None = None,
    consent: str = "",
) -> Message:
    """Queues the template `code` for each address. The same dedupe key again: the first message, nothing is sent.

    `attachment` (see notices.attachments) and `unsubscribe_url` go with e-mails. `fallbacks` are tried in turn, each
    when the way before it has not proved within `fallback_after` that the message arrived; that time and the `priority`
    (0 first) are those of the kind where not given. `consent` is the evidence that marketing needs. Raises
    ConsentNeeded; UnknownTemplate or BadTemplate (faults of the caller); ValueError for a secret template and for
    fallbacks without a time.
    """
    kinds.permit(code, consent)
    way = way_of(code, fallbacks, fallback_after, priority)
    row = Message(
        code=code,
        recipient_ref=recipient_ref,
        language=language,
        dedupe_key=dedupe_key,
        context=context,
        attachment=attachment,
        unsubscribe_url=unsubscribe_url,
        fallbacks=way.fallbacks,
        consent=consent,
        created_at=as_of,
    )
    message, is_new = _stored(row)
    if is_new:
        channels = {address.channel for address in (*addresses, *fallbacks)}
        found = selectors.templates(code=code, channels=channels, language=language, as_of=as_of)
        rows = [_delivery(message, found[each.channel], each, way, as_of) for each in addresses]
        Delivery.objects.bulk_create(rows)
        queue.DELIVERIES.poke()
    return message


@dataclass(frozen=True, slots=True)
class Way:
    """How urgent a message is, and where else it is tried: the `fallbacks` as Message keeps them."""

    priority: int
    fallbacks: list[dict[str, Any]]


def way_of(code: str, others: Sequence[Address], after: timedelta | None, priority: int | None) -> Way:
    """What is given, and else what the kind says. Raises ValueError for fallbacks without a time."""
    kind = kinds.find(code)
    if kind is not None:
        after = after or kind.fallback_after
        priority = kind.priority if priority is None else priority
    return Way(ORDINARY if priority is None else priority, other_ways.plan(others, after))


@transaction.atomic
def send_secret(
    *,
    code: str,
    recipient_ref: str,
    address: Address,
    context: dict[str, str],
    as_of: datetime,
    lifetime: timedelta,
    language: str = rules.FALLBACK_LANGUAGE,
) -> Delivery:
    """Queues a message whose text is stored nowhere: it waits, encrypted, in the broker until it is sent or too old.

    With the broker away it is sent by this process after the commit. Every call is a message of its own.
    """
    found = selectors.templates(code=code, channels=[address.channel], language=language, as_of=as_of)
    template = found[address.channel]
    if not template.is_secret:
        raise ValueError(f"{code} is not a secret template")
    text = rules.render(template.body, context)
    message = Message.objects.create(
        code=code,
        recipient_ref=recipient_ref,
        language=language,
        dedupe_key=f"secret:{uuid4()}",
        created_at=as_of,
    )
    delivery = Delivery.objects.create(
        message=message,
        template=template,
        channel=address.channel,
        address=address.value,
        created_at=as_of,
        next_attempt_at=as_of,
        expires_at=as_of + lifetime,
        priority=AT_ONCE,
    )
    transaction.on_commit(lambda: _hand_over(delivery, text, lifetime, as_of), robust=True)
    return delivery


def rehearse_secret(
    *,
    code: str,
    recipient_ref: str,
    address: Address,
    context: dict[str, str],
    as_of: datetime,
    lifetime: timedelta,
    language: str = rules.FALLBACK_LANGUAGE,
) -> None:
    """The work of `send_secret` with nothing sent and nothing left: the time it takes must not tell who is known."""
    with transaction.atomic():
        delivery = send_secret(
            code=code,
            recipient_ref=recipient_ref,
            address=address,
            context=context,
            as_of=as_of,
            lifetime=lifetime,
            language=language,
        )
        transaction.set_rollback(True)
    transaction.on_commit(lambda: _pretend(delivery), robust=True)


def _stored(row: Message) -> tuple[Message, bool]:
    """The message and whether it is new. A concurrent one with the same key is waited for by the INSERT itself."""
    values = [getattr(row, name) for name in _COLUMNS]
    for name in ("context", "fallbacks"):
        values[_COLUMNS.index(name)] = json.dumps(getattr(row, name))
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        inserted = cursor.fetchone()
    if inserted is None:
        return Message.objects.get(dedupe_key=row.dedupe_key), False
    row.pk, row._state.adding = inserted[0], False
    return row, True


_COLUMNS = (
    "code", "recipient_ref", "language", "dedupe_key", "context", "attachment", "unsubscribe_url", "fallbacks",
    "consent", "created_at",
)  # fmt: skip
_INSERT = f"""
    INSERT INTO notices_message ({", ".join(_COLUMNS)}) VALUES ({", ".join(["%s"] * len(_COLUMNS))})
    ON CONFLICT (dedupe_key) DO NOTHING RETURNING id"""


def _delivery(message: Message, template: Template, address: Address, way: Way, as_of: datetime) -> Delivery:
    if template.is_secret:
        raise ValueError(f"{template.code} is secret: its text must not be stored")
    return Delivery(
        message=message,
        template=template,
        channel=address.channel,
        address=address.value,
        body=rules.render(template.body, message.context),
        priority=way.priority,
        fallback_at=other_ways.due_at(address.channel, way.fallbacks, as_of),
        created_at=as_of,
        next_attempt_at=as_of,
    )


def _hand_over(delivery: Delivery, text: str, lifetime: timedelta, as_of: datetime) -> None:
    try:
        vault.put(delivery.reference, text, lifetime=lifetime)
    except redis.RedisError:
        log.warning("broker away, secret sent by the web process", extra={"delivery": delivery.pk})
        sending.send_now(delivery, text, as_of=as_of)
    else:
        queue.DELIVERIES.poke()


def _pretend(delivery: Delivery) -> None:
    try:
        vault.put(delivery.reference, "", lifetime=timedelta(milliseconds=1))
    except redis.RedisError:
        return
    queue.DELIVERIES.poke()
