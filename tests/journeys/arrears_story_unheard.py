"""What people, jobs and raw SQL try, to cut a line whose customer has heard nothing; each must fail."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from arrears.models import LineState, PlanLine, PlanState
from arrears.services import assessing, bulk_assessing, disconnecting, plans
from arrears.services.disconnecting import NotCut
from catalog.holdings.services import subscriptions
from catalog.holdings.services.subscriptions import Evidence
from catalog.models import Subscription, Suspension, Termination, TerminationReason
from core import clock
from core.errors import HallError
from notices.models import Delivery, DeliveryState, Message
from operations.models import Slip
from tests.admin.build import superuser
from tests.arrears.build import ACTOR, noon
from tests.catalog.holdings import build as holdings
from tests.journeys import arrears_story as story
from tests.journeys.arrears_story import Story

Try = Callable[[], object]
REFUSALS = (HallError, IntegrityError, DatabaseError)


# What each is refused with; "": it does nothing.
WHY = {
    "the daily pass": "",
    "one account": "",
    "the notices' command": "",
    "an approved plan": "",
    "the one door": "NOT_DELIVERED",
    "the catalog's service": "NOT_DELIVERED",
    "in the customer's name": "CUSTOMER_CODE",
    "the staff pages": "",
    "update": "a subscription ends by a termination",
    "bulk_create": "NOT_DELIVERED",
    "deliveries said to be delivered": "NOT_DELIVERED",
    "raw SQL": "NOT_DELIVERED",
}


def refusal(attempt: Try) -> str:
    """What stood against it; "" when it did nothing."""
    try:
        attempt()
    except REFUSALS as error:
        return str(error)
    return ""


def tries(at: Story, on: date, folder: Path, role: str) -> dict[str, Try]:
    """By name; in an order in which the later ones find what the earlier ones have prepared."""
    return {
        "the daily pass": lambda: bulk_assessing.run_now(as_of=noon(on)),
        "one account": lambda: assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(on)),
        "the notices' command": lambda: call_command(
            "send_disconnection_notices", "--as-of", noon(on).isoformat()
        ),
        "an approved plan": lambda: _by_plan(on, folder),
        "the one door": lambda: _by_the_door(on),
        "the catalog's service": lambda: _by_service(at, on),
        "in the customer's name": lambda: _in_his_name(at, on),
        "the staff pages": lambda: _by_staff(at, on),
        "update": lambda: _by_update(at, on),
        "bulk_create": lambda: Termination.objects.bulk_create([_termination(at, on)]),
        "deliveries said to be delivered": lambda: _said_to_be_delivered(at, on),
        "raw SQL": lambda: _by_sql(at, on, role),
    }


def _by_plan(on: date, folder: Path) -> None:
    """Two people approve whatever the dry run found, and it is carried out."""
    [line] = story.dry_run(on, folder / "unheard.csv")
    assert (line["verdict"], line["missing"]) == ("REFUSED", "NOT_DELIVERED")
    assert story.approve("first", "second", on=on).state == PlanState.APPROVED
    story.carry_out(on, folder / "unheard.csv")
    assert PlanLine.objects.get().state == LineState.REFUSED


def _by_the_door(on: date) -> None:
    """The refused line of a plan that is being run."""
    plan = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(on)).plan
    for name in ("first", "second"):
        plans.approve(plan_id=plan.pk, user_id=User.objects.get(username=name).pk, reason="x", as_of=noon(on))
    type(plan).objects.filter(pk=plan.pk).update(state=PlanState.RUNNING)
    line = plan.lines.get()
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=line.pk, actor=ACTOR, as_of=noon(on))
    assert "NOT_DELIVERED" in [str(code) for code in refused.value.missing]
    raise refused.value


def _by_service(at: Story, on: date) -> None:
    proof = Evidence(notice_id=_told().pk, suspension_id=_off(at).pk)
    reason = TerminationReason.ARREARS
    subscriptions.terminate(number=at.line.number, reason=reason, evidence=proof, actor=ACTOR, as_of=noon(on))


def _in_his_name(at: Story, on: date) -> None:
    """By a slip that no code of his has confirmed."""
    found = holdings.slip(at.account, at=noon(on), line=at.line, is_confirmed=False)
    for changes in ({"state": "QUOTED"}, {"state": "CONFIRMED", "confirmation": {"kind": "CLICK"}}):
        Slip.objects.filter(pk=found.pk).update(**changes)
    subscriptions.terminate(
        number=at.line.number,
        reason=TerminationReason.CUSTOMER,
        evidence=Evidence(slip_id=found.pk),
        actor=ACTOR,
        as_of=noon(on),
    )


def _by_staff(at: Story, on: date) -> None:
    """Whoever may do everything finds no form for it."""
    client = Client()
    with clock.stopped(noon(on) + timedelta(hours=1)):
        client.force_login(superuser())
        added = client.post(
            reverse("admin:catalog_termination_add"), {"subscription": at.line.pk, "reason": "ARREARS"}
        )
        changed = client.post(
            reverse("admin:catalog_subscription_change", args=[at.line.pk]), {"state": "TERMINATED"}
        )
    assert (added.status_code, changed.status_code) == (403, 403)


def _by_update(at: Story, on: date) -> None:
    Subscription.objects.filter(pk=at.line.pk).update(state="TERMINATED", ends_on=on)


def _said_to_be_delivered(at: Story, on: date) -> None:
    """Without a receipt it proves nothing."""
    rows = Delivery.objects.filter(message__code="disconnection_ahead", state=DeliveryState.SENT)
    rows.update(state=DeliveryState.DELIVERED, delivered_at=noon(on - timedelta(days=30)))
    _termination(at, on).save()


def _by_sql(at: Story, on: date, role: str) -> None:
    """With the rights of the application, and the guards that any role can switch off switched off."""
    sql = """INSERT INTO catalog_termination (subscription_id, reason, notice_id, suspension_id, actor, at)
             VALUES (%s, 'ARREARS', %s, %s, 'x', %s)"""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute("SET LOCAL pgtrigger.ignore = '{catalog_termination:termination_hears_first}'")
        cursor.execute(sql, [at.line.pk, _told().pk, _off(at).pk, noon(on)])


def _termination(at: Story, on: date) -> Termination:
    more: dict[str, Any] = {"notice": _told(), "suspension": _off(at)}
    return Termination(subscription=at.line, reason="ARREARS", actor="x", at=noon(on), **more)


def _told() -> Message:
    found = Message.objects.filter(code="disconnection_ahead").exclude(dedupe_key__contains="inbox").first()
    assert found is not None
    return found


def _off(at: Story) -> Suspension:
    return Suspension.objects.get(subscription=at.line, reason="ARREARS", ends_on=None)
