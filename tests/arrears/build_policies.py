"""A policy like the general one, but for what is said; it holds instead of it, for everybody."""

from datetime import date
from typing import Any

import pgtrigger
from django.db import connection

from arrears.models import Policy, PolicyNotice, PolicyStage
from tests.arrears.build import noon

BEGINS = date(2000, 2, 1)
_HEAD = (
    "minimum_cents", "promise_days", "promises_a_month", "held_from", "in_flight_days", "part_payment",
    "tells_when_held",
)  # fmt: skip
_STAGE = ("stage", "days", "minimum_stay_days", "cap_per_run")
_NOTICE = ("stage", "days", "template_code", "needed_for", "needed_proof", "needed_days")


def law_of_ends_off() -> None:
    """Stories run in the past, where a policy ends before today. Until the test is over, whose table is the owner's."""
    laws: list[tuple[Any, Any]] = pgtrigger.registered()
    name = next(law.get_pgid(of) for of, law in laws if law.name == "arrears_policy_ends_in_future")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE arrears_policy DISABLE TRIGGER {name}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def instead(*, caps: dict[str, int] | None = None, **changes: Any) -> Policy:
    """`caps`: by stage, accounts a day."""
    old = Policy.objects.get(code="default")
    law_of_ends_off()
    Policy.objects.filter(pk=old.pk).update(active_to=BEGINS)
    head = {name: getattr(old, name) for name in _HEAD} | changes
    made = Policy.objects.create(
        code="instead", title="x", active_from=BEGINS, created_at=noon(BEGINS), created_by="test", **head
    )
    for row in old.stages.order_by("pk"):
        own = {name: getattr(row, name) for name in _STAGE}
        own["cap_per_run"] = (caps or {}).get(row.stage, row.cap_per_run)
        PolicyStage.objects.create(policy=made, **own)
    for each in old.notices.order_by("pk"):
        PolicyNotice.objects.create(policy=made, **{name: getattr(each, name) for name in _NOTICE})
    return made
