"""Asking a provider what became of messages for which no receipt came. What it answers goes in by the same door."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from notices.models import Channel, Delivery, DeliveryState
from notices.providers import registry
from notices.providers.base import PolledProvider, ProviderError, can_poll
from notices.services import receipts

log = logging.getLogger(__name__)
FIRST_AFTER = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=72)  # carriers keep what became of a message for three days
CHUNK = 100
TIMEOUT = 10.0
# Asked again after as long as it has been waiting by then: 10, 20, 40 minutes …
_CLAIM = """
    UPDATE notices_delivery
       SET poll_at = CASE WHEN state <> %(sent)s OR sent_at + %(end)s <= %(now)s THEN NULL
                          ELSE %(now)s + greatest(%(now)s - sent_at, %(first)s) END
     WHERE id = ANY(ARRAY(SELECT id FROM notices_delivery WHERE poll_at <= %(now)s AND channel = %(channel)s
                           ORDER BY poll_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
    RETURNING *"""


def first_at(as_of: datetime) -> datetime:
    """When a message that is handed over now is first asked about."""
    return as_of + FIRST_AFTER


def run(*, clock: Callable[[], datetime], channel: str = Channel.SMS) -> int:
    """Asks about all that is due, a chunk at a time; how many receipts were found. Safe side by side."""
    provider, found = registry.for_channel(channel), 0
    while isinstance(provider, PolledProvider) and can_poll(provider):
        rows = _claimed(channel, clock())
        asked = [row.reference for row in rows if row.state == DeliveryState.SENT]
        if asked:
            found += _ask(provider, asked, channel, clock)
        if len(rows) < CHUNK:
            break
    return found


def _claimed(channel: str, as_of: datetime) -> list[Delivery]:
    """Due rows, each given to this caller alone: the next time to ask is set before the question."""
    values = {
        "sent": DeliveryState.SENT,
        "end": GIVE_UP_AFTER,
        "first": FIRST_AFTER,
        "now": as_of,
        "channel": channel,
        "most": CHUNK,
    }
    return list(Delivery.objects.raw(_CLAIM, values))


def _ask(
    provider: PolledProvider, message_ids: list[str], channel: str, clock: Callable[[], datetime]
) -> int:
    try:
        reports = provider.poll(message_ids, timeout=TIMEOUT)
    except ProviderError as error:
        log.warning("provider cannot be asked", extra={"provider": provider.code, "error": error.reason})
        return 0
    verdicts = [
        receipts.take(
            raw=report.body, given_signature=report.signature, as_of=clock(), channel=Channel(channel)
        )
        for report in reports
    ]
    return verdicts.count(receipts.Verdict.TAKEN)
