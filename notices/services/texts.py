"""The texts of deliveries that were queued many at once: written just before they go out, then kept as sent."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from notices import rules
from notices.models import Delivery, DeliveryState, Failure
from notices.services import failures

log = logging.getLogger(__name__)
UNWRITABLE = "text cannot be written"
_WRITE = """
    UPDATE notices_delivery d SET body = given.body
      FROM unnest(%(ids)s::bigint[], %(bodies)s::text[]) AS given (id, body)
     WHERE d.id = given.id AND d.state = %(queued)s AND d.body = ''"""


def write(ids: Sequence[int], *, as_of: datetime) -> set[int]:
    """Writes the texts of these deliveries; the ids of those that ended because theirs cannot be written."""
    rows = list(Delivery.objects.filter(pk__in=ids).select_related("message", "template"))
    return fill(rows, as_of=as_of)


def fill(rows: Sequence[Delivery], *, as_of: datetime) -> set[int]:
    """The same for rows at hand, with message and template: each has its `body` then."""
    refused = {row.pk for row in rows if not _render(row)}
    written = [row for row in rows if row.pk not in refused]
    values: dict[str, Any] = {
        "ids": [row.pk for row in written],
        "bodies": [row.body for row in written],
        "queued": DeliveryState.QUEUED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
    for row in rows:
        if row.pk in refused:
            _end(row, as_of)
    return refused


def _render(row: Delivery) -> bool:
    try:
        row.body = rules.render(row.template.body, row.message.context)
    except rules.BadTemplate:
        log.exception("text cannot be written", extra={"delivery": row.pk, "template": row.template_id})
        return False
    return True


def _end(row: Delivery, as_of: datetime) -> None:
    waiting = Delivery.objects.filter(pk=row.pk, state=DeliveryState.QUEUED)
    if waiting.update(state=DeliveryState.FAILED, error=UNWRITABLE, failure=Failure.OTHER):
        failures.tell(row, Failure.OTHER, as_of=as_of)
