"""The inbox on the hall's own pages: delivered by our own writing, which proves nothing to anybody."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from notices.models import Channel, DeliveryState
from notices.services import texts

CHUNK = 500
PROVIDER = "inbox"
# Those without a text yet are rendered first, see services.texts.
_DELIVER = """
    UPDATE notices_delivery
       SET state = %(delivered)s, provider = %(provider)s, sent_at = %(now)s, delivered_at = %(now)s,
           attempts = attempts + 1, error = ''
     WHERE id = ANY(%(ids)s) AND state = %(queued)s"""
_DUE = """
    SELECT id, body = '' FROM notices_delivery
     WHERE state = %(queued)s AND channel = %(inbox)s AND next_attempt_at <= %(now)s
     LIMIT %(most)s FOR UPDATE SKIP LOCKED"""


@transaction.atomic
def deliver(*, as_of: datetime, limit: int = CHUNK) -> int:
    """Puts what is due into the inboxes; how many. Safe side by side."""
    values: dict[str, Any] = {
        "delivered": DeliveryState.DELIVERED,
        "queued": DeliveryState.QUEUED,
        "inbox": Channel.INBOX,
        "provider": PROVIDER,
        "now": as_of,
        "most": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, values)
        found = cursor.fetchall()
        unwritten = [key for key, is_empty in found if is_empty]
        refused = texts.write(unwritten, as_of=as_of) if unwritten else set()
        ids = [key for key, _is_empty in found if key not in refused]
        if ids:
            cursor.execute(_DELIVER, values | {"ids": ids})
    return len(found)
