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


GUARDED = "tests.guarded"


class YourOwn(Conflict):
    code = "YOUR_OWN"
    message = _("涉及您本人")


def _check_person(*, actor: Actor, subject_id: str, data: dict[str, Any]) -> None:
    if actor.ref in Heartbeat.objects.get(pk=subject_id).detail.get("owners", []):
        raise YourOwn()


def _may_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return subject_id != "two hands"


approvals.kind(
    GUARDED,
    title="Guarded",
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: LIMIT,
    day_limit=lambda: LIMIT,
    check_person=_check_person,
    may_alone=_may_alone,
)(move)


def own(row: Heartbeat, *owners: Actor) -> None:
    row.detail = {"owners": [each.ref for each in owners]}
    row.save(update_fields=["detail"])
