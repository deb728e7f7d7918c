"""What was carried out at once, by one person: as the audit trail has it, which nobody can change.

See core.approvals, which asks it about limits and about a second click on the same button.
"""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import BigIntegerField, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from core import clock
from core.actor import Actor
from core.idempotency import IdempotencyConflict
from core.models import AuditRow

# Several small sums for one object within this time are one sum: or a limit would be passed in slices.
ONE_SUM_WITHIN = timedelta(days=30)


def told_before(key: str, kind: str, label: str, object_id: str, what: tuple[int, Any]) -> str | None:
    """What was told when this was done under the key; None when it was not."""
    found = {"object_type": label, "object_id": object_id, "action": kind, "detail__key": key}
    row = AuditRow.objects.filter(**found).first()
    if row is None:
        return None
    if (row.detail["amount_cents"], row.detail["data"]) != what:
        raise IdempotencyConflict()
    return str(row.detail["outcome"])


def lately(kind: str, label: str, object_id: str, as_of: datetime) -> int:
    """Fen that were carried out at once for this object within the time that makes them one sum."""
    rows = AuditRow.objects.filter(
        object_type=label, object_id=object_id, action=kind, at__gt=as_of - ONE_SUM_WITHIN
    )
    return _sum(rows)


def that_day(kind: str, actor: Actor, as_of: datetime) -> int:
    """Fen that this actor carried out at once on the local day; what two people agreed on is no part of it."""
    begins = datetime.combine(clock.local_date(as_of), time(), clock.SHANGHAI)
    day = AuditRow.objects.filter(at__gte=begins, at__lt=begins + timedelta(days=1))
    return _sum(day.filter(actor=actor.ref, action=kind))


def _sum(rows: QuerySet[AuditRow]) -> int:
    cents = Cast(KT("detail__amount_cents"), BigIntegerField())
    return int(rows.aggregate(cents=Sum(cents, default=0))["cents"])
