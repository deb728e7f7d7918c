"""Another way, when nothing proves in time that a message arrived.

A message names its fallbacks, best first. Each delivery that is not known to have arrived when its time is over (or
failed for good) gets the next of them that was not tried yet, once, as a delivery `instead_of` it. When any delivery of
the message has arrived meanwhile (the customer's own inbox proves nothing) no further way is tried, and one that still
waits is not sent. Nor is what does not hold any more, as the room that told it says (`Kind.is_current`). The same
address may be named again: it is tried once more where the message has gone out, and not when it takes no messages.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from notices import kinds, locks, queue, rules, selectors
from notices.models import Channel, Delivery, DeliveryState, Failure, Message

log = logging.getLogger(__name__)
NEEDLESS = "arrived another way"
_CHUNK = 500
_LATER = timedelta(hours=1)


def plan(addresses: Sequence[Any], after: timedelta | None) -> list[dict[str, Any]]:
    """What a message keeps of its fallbacks. Raises ValueError: no time to wait, or one that can prove nothing."""
    if not addresses:
        return []
    if after is None or after <= timedelta(0):
        raise ValueError("fallbacks need a time after which they are tried")
    if any(each.channel == Channel.INBOX for each in addresses):
        raise ValueError("the inbox proves nothing: send there at once")
    seconds = int(after.total_seconds())
    return [{"channel": each.channel, "address": each.value, "after": seconds} for each in addresses]


def due_at(channel: str, planned: Sequence[dict[str, Any]], as_of: datetime) -> datetime | None:
    """When a delivery that begins now gives way to the first of these; None: to none, or it is the inbox."""
    if channel == Channel.INBOX or not planned:
        return None
    return as_of + timedelta(seconds=planned[0]["after"])


def hasten(delivery: Delivery, *, as_of: datetime) -> None:
    """It failed for good: the next way need not wait. In the transaction that notes the failure."""
    waiting = Delivery.objects.filter(pk=delivery.pk, fallback_at__isnull=False)
    if waiting.update(fallback_at=as_of):
        queue.DELIVERIES.poke()


def run(*, as_of: datetime) -> int:
    """Begins the next way for each delivery whose time is over; how many began. Safe side by side."""
    begun, seen = 0, 0
    while True:
        late = Delivery.objects.filter(fallback_at__lte=as_of, pk__gt=seen).order_by("pk")
        keys = list(late.values_list("pk", flat=True)[:_CHUNK])
        begun += sum(_tried(key, as_of) for key in keys)
        if len(keys) < _CHUNK:
            return begun
        seen = keys[-1]


def is_needless(row: Delivery) -> bool:
    """Whether it stands for another delivery of a message that arrived meanwhile."""
    return row.instead_of_id is not None and _has_arrived(row.message_id)


def _tried(delivery_id: int, as_of: datetime) -> bool:
    """A message whose next way cannot be begun (no text for it) must not keep the others from theirs."""
    try:
        return _fall_back(delivery_id, as_of)
    except (selectors.UnknownTemplate, rules.BadTemplate):
        log.exception("fallback cannot be written", extra={"delivery": delivery_id})
        Delivery.objects.filter(pk=delivery_id).update(fallback_at=as_of + _LATER)
        return False


@transaction.atomic
def _fall_back(delivery_id: int, as_of: datetime) -> bool:
    row = locks.delivery_whose_time_is_over(delivery_id, as_of=as_of)
    if row is None:  # another worker has it, or a receipt came
        return False
    message = locks.message(row.message_id)  # two deliveries of one message take turns
    following = _untried(message) if _is_needed(message, as_of) else []
    if following and row.state == DeliveryState.QUEUED and _leads_back(following[0], row):
        again_at = as_of + timedelta(seconds=following[0]["after"])
        Delivery.objects.filter(pk=row.pk).update(fallback_at=again_at)  # it has not even gone out yet
        return False
    Delivery.objects.filter(pk=row.pk).update(fallback_at=None)
    if not following:
        return False
    _begin(message, row, following, as_of)
    return True


def _has_arrived(message_id: int) -> bool:
    arrived = Delivery.objects.filter(message_id=message_id, state=DeliveryState.DELIVERED)
    return arrived.exclude(channel=Channel.INBOX).exists()


def _is_needed(message: Message, as_of: datetime) -> bool:
    """Whether it has not arrived, and still says what is so."""
    kind = kinds.find(message.code)
    if _has_arrived(message.pk):
        return False
    return kind is None or kind.is_current is None or kind.is_current(message.pk, as_of)


def _untried(message: Message) -> list[dict[str, Any]]:
    """What is left of its ways, best first; none to an address that takes no messages."""
    rows = list(message.deliveries.values_list("channel", "address", "failure", "instead_of"))
    left = list(message.fallbacks)
    for channel, address, _failure, instead_of in rows:
        same = (each for each in left if (each["channel"], each["address"]) == (channel, address))
        if instead_of is not None and (found := next(same, None)):
            left.remove(found)
    dead = {(channel, address) for channel, address, failure, _old in rows if failure == Failure.HARD}
    return [each for each in left if (each["channel"], each["address"]) not in dead]


def _leads_back(way: dict[str, Any], row: Delivery) -> bool:
    return (way["channel"], way["address"]) == (row.channel, row.address)


def _begin(message: Message, row: Delivery, following: list[dict[str, Any]], as_of: datetime) -> None:
    way, later = following[0], following[1:]
    found = selectors.templates(
        code=message.code, channels=[way["channel"]], language=message.language, as_of=as_of
    )
    template = found[way["channel"]]
    Delivery.objects.create(
        message=message,
        template=template,
        channel=way["channel"],
        address=way["address"],
        body=rules.render(template.body, message.context),
        priority=row.priority,
        instead_of=row,
        fallback_at=due_at(way["channel"], later, as_of),
        created_at=as_of,
        next_attempt_at=as_of,
    )
    queue.DELIVERIES.poke()
