"""The hours in which no telephone rings for what can wait (NOTICES_QUIET_HOURS, "21:00-08:00", local; "" for none).

Only text messages ring. Secrets and urgent kinds pass; anything else is moved to the end of the quiet hours, and that
counts as no attempt.
"""

import re
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from core import clock
from notices import kinds
from notices.models import Channel, DeliveryState

RINGING = (str(Channel.SMS),)
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_CHUNK, _MOST_CHUNKS = 1_000, 20


@lru_cache(maxsize=16)
def parse(text: str) -> tuple[time, time] | None:
    """From … to … (not included); None for "". Raises ImproperlyConfigured."""
    if not text:
        return None
    match = _SPAN.fullmatch(text)
    if match is None or match[1] + match[2] == match[3] + match[4]:
        raise ImproperlyConfigured(f"NOTICES_QUIET_HOURS: {text!r} is not like 21:00-08:00")
    first, last = (time(int(match[i]), int(match[i + 1])) for i in (1, 3))
    return first, last


def ends_at(as_of: datetime) -> datetime | None:
    """When the quiet hours that `as_of` lies in are over; None: it lies in none."""
    span = parse(settings.NOTICES_QUIET_HOURS)
    if span is None:
        return None
    local = as_of.astimezone(clock.SHANGHAI)
    first, last = span
    is_over_midnight = first > last
    is_evening = is_over_midnight and local.time() >= first
    is_inside = local.time() < last if is_over_midnight else first <= local.time() < last
    if not (is_inside or is_evening):
        return None
    day = local.date() + timedelta(days=1 if is_evening else 0)
    return datetime.combine(day, last, tzinfo=clock.SHANGHAI)


_PUT_OFF = """
    UPDATE notices_delivery
       SET next_attempt_at = %(end)s, fallback_at = fallback_at + (%(end)s - %(now)s)
     WHERE id = ANY(ARRAY(SELECT d.id FROM notices_delivery d JOIN notices_message m ON m.id = d.message_id
                           WHERE d.state = %(queued)s AND d.channel = ANY(%(ringing)s) AND d.next_attempt_at <= %(now)s
                             AND d.expires_at IS NULL AND m.code <> ALL(%(urgent)s)
                           LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED))"""


def put_off(*, as_of: datetime) -> int:
    """Moves what is due and can wait to the end of the quiet hours, if these are; how many.

    What another way is to be tried for is given as much more time.
    """
    end, moved = ends_at(as_of), 0
    if end is None:
        return 0
    urgent = [kind.code for kind in kinds.everything() if kind.is_urgent]
    values: dict[str, Any] = {
        "end": end,
        "now": as_of,
        "queued": DeliveryState.QUEUED,
        "ringing": list(RINGING),
    }
    for _chunk in range(_MOST_CHUNKS):
        with connection.cursor() as cursor:
            cursor.execute(_PUT_OFF, {**values, "urgent": urgent, "most": _CHUNK})
            moved += cursor.rowcount
            if cursor.rowcount < _CHUNK:
                break
    return moved
