"""An approval of a plan grows old: it counts for some days, then two people look again."""

import inspect
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from arrears import tasks as arrears_tasks
from arrears.disconnect_rules import Missing
from arrears.models import DisconnectPlan, PlanState
from arrears.selectors import disconnecting as reads
from arrears.services import disconnecting, plans, runs
from catalog.models import Termination
from core.db import violated
from core.statemachine import IllegalTransition
from hall.settings import base
from tests.arrears import build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import DAY

pytestmark = pytest.mark.django_db


def run(plan: DisconnectPlan, as_of: datetime) -> plans.Counts:
    return runs.last(plans.run(plans.Job(plan_id=plan.pk, as_of=as_of, actor=ACTOR)), plans.Counts())


def approve(plan: DisconnectPlan, user_id: int, as_of: datetime) -> None:
    plans.approve(plan_id=plan.pk, user_id=user_id, reason="再次核对", as_of=as_of)


def late(days: int) -> datetime:
    return noon(DAY + timedelta(days=days))


@pytest.mark.parametrize("state", [PlanState.APPROVED, PlanState.RUNNING])
def test_after_a_week_it_is_approved_anew_by_the_same_people_or_others(state: str) -> None:
    at = build_cut.warned()
    plan = build_cut.planned(begun=state == PlanState.RUNNING)
    first, second = plan.approvals.order_by("pk").values_list("user_id", flat=True)
    with pytest.raises(plans.ApprovalOver):
        run(plan, late(7))
    assert not Termination.objects.exists()
    approve(plan, first, late(7))
    with pytest.raises(plans.AlreadyApproved):
        approve(plan, first, late(7))
    with pytest.raises(plans.ApprovalOver):
        run(plan, late(7))
    approve(plan, second, late(8))
    assert run(plan, late(8)).cut == 1
    plan.refresh_from_db()
    assert (plan.state, plan.approvals.count(), at.line.state) == ("DONE", 4, "DONE")


def test_until_then_it_counts_and_needs_nobody_else() -> None:
    build_cut.warned()
    plan = build_cut.planned(begun=False)
    with pytest.raises(IllegalTransition):
        approve(plan, build_cut.person().pk, late(6))
    assert run(plan, late(7) - timedelta(seconds=1)).cut == 1


def test_a_first_yes_that_is_old_does_not_make_a_second_one_enough() -> None:
    build_cut.warned()
    plan = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY)).plan
    one, two = build_cut.person().pk, build_cut.person().pk
    approve(plan, one, noon(DAY))
    approve(plan, two, late(8))
    plan.refresh_from_db()
    assert plan.state == PlanState.MADE
    approve(plan, one, late(9))
    plan.refresh_from_db()
    assert plan.state == PlanState.APPROVED


def test_the_line_itself_asks_and_so_does_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    at = build_cut.ready()
    with pytest.raises(disconnecting.NotCut) as refused:
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=late(7))
    assert refused.value.missing == (Missing.APPROVERS,)
    people = tuple(at.plan.approvals.order_by("pk").values_list("user_id", flat=True))
    monkeypatch.setattr(reads, "_plan", lambda plan_id, as_of: ({at.row.pk}, people))  # as if nobody asked
    with pytest.raises(disconnecting.NotCut) as by_law:
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=late(7))
    assert by_law.value.missing == (Missing.APPROVERS,)
    assert isinstance(by_law.value.__cause__, IntegrityError)
    assert not Termination.objects.exists()


def test_how_long_is_a_setting_and_stays_as_it_was_for_plans_that_were_made(settings: Any) -> None:
    build_cut.warned()
    settings.DISCONNECT_APPROVAL_DAYS = 2
    plan = build_cut.planned(begun=False)
    settings.DISCONNECT_APPROVAL_DAYS = 7
    with pytest.raises(plans.ApprovalOver):
        run(plan, late(2))
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE arrears_disconnectplan SET approval_days = 30")
    assert violated(refused.value) == "plan_fixed"
    settings.DISCONNECT_APPROVAL_DAYS = 32
    with pytest.raises(IntegrityError), transaction.atomic():
        plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY))


def test_no_clock_makes_a_plan_or_carries_one_out() -> None:
    tasks = " ".join(str(entry["task"]) for entry in base.CELERY_BEAT_SCHEDULE.values())
    assert "arrears.assess" in tasks
    assert not re.search("disconnect|plan", tasks)
    assert not re.search(r"plans|disconnecting", inspect.getsource(arrears_tasks))
