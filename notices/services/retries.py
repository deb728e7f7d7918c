"""Trying many again that failed for one reason, once that is mended."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from core import audit
from core.actor import Actor
from notices.models import Channel, Delivery, DeliveryState
from notices.queue import DELIVERIES

MOST = 5_000  # at a time: a wrong press must not tell a million people


@transaction.atomic
def send_again(*, rows: "QuerySet[Delivery]", actor: Actor, reason: str, as_of: datetime) -> int:
    """Queues those of the rows that failed and may be sent again, at most `MOST`; how many. Letters are printed anew
    only as a new message: theirs stay.
    """
    failed = rows.filter(state=DeliveryState.FAILED, expires_at=None).exclude(channel=Channel.LETTER)
    locked = failed.select_for_update(skip_locked=True, of=("self",)).order_by("pk")
    keys = list(locked.values_list("pk", flat=True)[:MOST])
    if not keys:
        return 0
    count = Delivery.objects.filter(pk__in=keys).update(
        state=DeliveryState.QUEUED, attempts=0, error="", failure="", next_attempt_at=as_of, poll_at=None
    )
    subject = (Delivery._meta.label, f"{keys[0]}–{keys[-1]}")
    audit.record(
        actor=actor,
        action="notices.send_again",
        subject=subject,
        reason=reason,
        detail={"deliveries": count},
        as_of=as_of,
    )
    DELIVERIES.poke()
    return count
