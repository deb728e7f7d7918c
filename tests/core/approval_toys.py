"""A kind of work for the tests of four eyes: adds the amount to what a heartbeat has "moved"."""

from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import approvals
from core.actor import Actor
from core.errors import Conflict
from core.models import Heartbeat

KIND = "tests.move"
ASK, DECIDE = "core.change_heartbeat", "core.change_calendarday"
LIMIT = 1_000


class NothingThere(Conflict):
    code = "NOTHING_THERE"
    message = _("对象已经不在了")


@approvals.kind(
    KIND,
    title="Trial",
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: LIMIT,
    describe=lambda data: f"至 {data.get('to', '')}",
)
def move(
    *,
    subject_id: str,
    amount_cents: int,
    data: dict[str, Any],
    actor: Actor,
    reason: str,
    as_of: datetime,
) -> str | Promise:
    row = Heartbeat.objects.select_for_update().filter(pk=subject_id).first()
    if row is None:
        raise NothingThere()
    row.detail = {"moved": row.detail.get("moved", 0) + amount_cents, "by": actor.ref, "data": data}
    row.save(update_fields=["detail"])
    if row.job == "refuses":  # after writing, so that a test sees it undone
        raise NothingThere()
    return _("已办理")


def subject(job: str = "job") -> Heartbeat:
    return Heartbeat.objects.create(job=job, expected_every_seconds=60)


def moved(row: Heartbeat) -> int:
    return int(Heartbeat.objects.get(pk=row.pk).detail.get("moved", 0))
