"""Plans: made by a dry run, approved by two, carried out line by line."""

import csv
import hashlib
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from arrears.disconnect_rules import Missing
from arrears.models import DisconnectPlan, LineState, PlanApproval, PlanLine, PlanState, Policy, PolicyStage
from arrears.services import disconnecting, plans
from catalog.models import Subscription, Termination
from core.db import violated
from core.statemachine import IllegalTransition
from tests.arrears import build_cut, build_policies
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import DAY

pytestmark = pytest.mark.django_db


def job(plan: DisconnectPlan, **more: Any) -> plans.Job:
    return plans.Job(plan_id=plan.pk, as_of=noon(DAY), actor=ACTOR, **more)


def approve(plan: DisconnectPlan, user_id: int) -> None:
    plans.approve(plan_id=plan.pk, user_id=user_id, reason="核对无误", as_of=noon(DAY))


def test_a_dry_run_writes_one_line_for_each_service_and_cuts_nothing() -> None:
    ready, held = build_cut.warned(), build_cut.warned()
    build_cut.paying(held)
    made = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY))
    first, *rows = list(csv.reader(made.file.decode().splitlines()))
    assert first == ["plan", made.plan.number]
    assert rows == [
        ["subscription", "service_number", "verdict", "missing"],
        [ready.row.number, "", "CUT", ""],
        [held.row.number, "", "REFUSED", "IN_FLIGHT"],
    ]
    assert made.plan.digest == hashlib.sha256(made.file).hexdigest()
    assert (made.to_cut, made.refused, made.plan.lines_count) == (1, 1, 2)
    assert not Termination.objects.exists()


def test_two_people_who_did_not_make_it_approve_it() -> None:
    build_cut.warned()
    maker, first, second = (build_cut.person() for _person in range(3))
    plan = plans.make(plans.Wanted(), made_by_id=maker.pk, as_of=noon(DAY)).plan
    with pytest.raises(plans.OwnPlan):
        approve(plan, maker.pk)
    approve(plan, first.pk)
    with pytest.raises(plans.AlreadyApproved):
        approve(plan, first.pk)
    plan.refresh_from_db()
    assert plan.state == PlanState.MADE
    with pytest.raises(plans.NotApproved):
        list(plans.run(job(plan)))
    approve(plan, second.pk)
    plan.refresh_from_db()
    assert plan.state == PlanState.APPROVED
    with pytest.raises(IllegalTransition):
        approve(plan, build_cut.person().pk)


def test_the_database_wants_two_people_too() -> None:
    build_cut.warned()
    maker = build_cut.person()
    plan = plans.make(plans.Wanted(), made_by_id=maker.pk, as_of=noon(DAY)).plan
    approve(plan, build_cut.person().pk)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        DisconnectPlan.objects.filter(pk=plan.pk).update(state=PlanState.APPROVED)
    assert violated(refused.value) == "plan_two_approvals"
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        PlanApproval.objects.bulk_create([PlanApproval(plan=plan, user=maker, reason="x", at=noon(DAY))])
    assert violated(refused.value) == "plan_approval_not_by_maker"


def test_what_is_above_the_cap_waits_for_another_plan() -> None:
    for _n in range(2):
        build_cut.warned()
    plan = build_cut.planned(begun=False, cap=1)
    assert [(row.state, row.refusals) for row in plan.lines.order_by("pk")] == [
        ("WAITING", []),
        ("REFUSED", ["OVER_CAP"]),
    ]
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        PlanLine.objects.update(state=LineState.WAITING)
    assert violated(refused.value) == "plan_line_transitions"


def test_a_plan_with_more_lines_than_its_cap_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for _n in range(2):
        build_cut.warned()
    monkeypatch.setattr(plans, "_capped", lambda judged, cap: list(judged))
    plan = build_cut.planned(begun=False, cap=1)
    with pytest.raises(plans.AboveCap):
        list(plans.run(job(plan)))
    assert not Termination.objects.exists()


def test_a_plan_has_the_lines_that_were_approved() -> None:
    at, other = build_cut.warned(), build_cut.warned()
    plan = build_cut.planned(begun=False, numbers=(at.row.number,))
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        PlanLine.objects.bulk_create([PlanLine(plan=plan, subscription=other.row)])
    assert violated(refused.value) == "plan_lines_as_approved"
    made = plans.make(plans.Wanted(numbers=(at.row.number,)), made_by_id=None, as_of=noon(DAY)).plan
    PlanLine.objects.create(plan=made, subscription=other.row)  # after the file was written
    plans.approve(plan_id=made.pk, user_id=build_cut.person().pk, reason="x", as_of=noon(DAY))
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        plans.approve(plan_id=made.pk, user_id=build_cut.person().pk, reason="x", as_of=noon(DAY))
    assert violated(refused.value) == "plan_two_approvals"


def test_a_run_that_was_stopped_goes_on_where_it_was() -> None:
    for _n in range(3):
        build_cut.warned()
    plan = build_cut.planned(begun=False)
    done: list[int] = []
    for counts in plans.run(job(plan, stop=lambda: len(done) == 1)):
        done.append(counts.cut)
    plan.refresh_from_db()
    assert (done, plan.state, Termination.objects.count()) == ([1], "RUNNING", 1)
    assert [counts.cut for counts in plans.run(job(plan))] == [1, 2]
    plan.refresh_from_db()
    assert (plan.state, Termination.objects.count()) == ("DONE", 3)


def test_one_line_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = build_cut.warned(), build_cut.warned()
    plan = build_cut.planned(begun=False)
    real, failing = disconnecting.cut, first.line.pk

    def sometimes(*, line_id: int, **how: Any) -> Any:
        if line_id == failing:
            raise RuntimeError("power")
        return real(line_id=line_id, **how)

    monkeypatch.setattr(disconnecting, "cut", sometimes)
    *_each, counts = plans.run(job(plan))
    assert (counts.cut, counts.failed) == (1, 1)
    assert (first.line.state, first.line.error, second.line.state) == ("FAILED", "RuntimeError", "DONE")


def test_a_cancelled_plan_cuts_nothing() -> None:
    build_cut.warned()
    plan = build_cut.planned(begun=False)
    plans.cancel(plan_id=plan.pk, as_of=noon(DAY))
    with pytest.raises(plans.NotApproved):
        list(plans.run(job(plan)))
    assert not Termination.objects.exists()


def test_the_command_makes_the_file_and_carries_out_only_that_one(tmp_path: Path, capsys: Any) -> None:
    at = build_cut.warned()
    out, as_of = tmp_path / "plan.csv", noon(DAY).isoformat()
    call_command("disconnect", "--dry-run", "--out", str(out), "--as-of", as_of, *build_cut.by())
    assert "to cut 1, refused 0" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("disconnect", "--plan", str(out), "--as-of", as_of)  # nobody has approved it
    for _person in range(2):
        approve(at.plan, build_cut.person().pk)
    changed = tmp_path / "changed.csv"
    changed.write_bytes(out.read_bytes() + b"\n")
    with pytest.raises(CommandError):
        call_command("disconnect", "--plan", str(changed), "--as-of", as_of)
    assert Subscription.objects.get().state == "ACTIVE"
    call_command("disconnect", "--plan", str(out), "--as-of", as_of, "--json")
    assert capsys.readouterr().out == '{"cut": 1, "refused": 0, "failed": 0}\n'
    assert Subscription.objects.get().state == "TERMINATED"


def test_no_plan_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "plan.csv"
    out.write_text("mine")
    with pytest.raises(CommandError):
        call_command("disconnect", "--dry-run", "--out", str(out), *build_cut.by())
    assert (out.read_text(), DisconnectPlan.objects.exists()) == ("mine", False)


def test_a_policy_may_cap_what_one_plan_cuts_of_its_accounts() -> None:
    build_policies.instead(caps={"DISCONNECTED": 1})
    for _n in range(2):
        build_cut.warned()
    made = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY))
    assert (made.to_cut, [row.refusals for row in made.plan.lines.order_by("pk")]) == (1, [[], ["OVER_CAP"]])


def test_a_policy_that_waits_longer_than_the_law_is_waited_for() -> None:
    at = build_cut.warned()
    general = Policy.objects.get(code="default")
    slower = Policy.objects.create(
        code="slower", title="x", customer_kind=at.account.customer.kind, active_from=DAY - timedelta(days=1),
        minimum_cents=1, promise_days=7, promises_a_month=1, created_at=noon(DAY), created_by="test",
    )  # fmt: skip
    for row in general.stages.all():
        PolicyStage.objects.create(
            policy=slower, stage=row.stage, days=row.days + (row.stage == "DISCONNECTED")
        )
    plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY))
    assert at.line.refusals == ["TOO_EARLY"]
    made = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY + timedelta(days=1)))
    assert made.to_cut == 1


def test_a_plan_of_more_than_usual_is_meant(tmp_path: Path) -> None:
    out = tmp_path / "plan.csv"
    asked = ("disconnect", "--dry-run", "--out", str(out), "--cap", str(plans.CAP + 1), *build_cut.by())
    with pytest.raises(CommandError):
        call_command(*asked)
    assert (out.exists(), DisconnectPlan.objects.exists()) == (False, False)
    call_command(*asked, "--confirm")
    assert DisconnectPlan.objects.get().cap == plans.CAP + 1


def test_sigterm_ends_the_line_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """As an operator: dry run, two approvals, a run that is told to stop, the same command again."""
    for _n in range(2):
        build_cut.warned()
    out, as_of = tmp_path / "plan.csv", noon(DAY).isoformat()
    call_command("disconnect", "--dry-run", "--out", str(out), "--as-of", as_of, *build_cut.by())
    plan = DisconnectPlan.objects.get()
    for _person in range(2):
        approve(plan, build_cut.person().pk)
    real = disconnecting.cut

    def told_to_stop(**how: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(**how)

    monkeypatch.setattr(disconnecting, "cut", told_to_stop)
    capsys.readouterr()
    call_command("disconnect", "--plan", str(out), "--as-of", as_of, "--json")
    assert capsys.readouterr().out == '{"cut": 1, "refused": 0, "failed": 0}\n'
    monkeypatch.setattr(disconnecting, "cut", real)
    call_command("disconnect", "--plan", str(out), "--as-of", as_of, "--json")
    assert capsys.readouterr().out == '{"cut": 1, "refused": 0, "failed": 0}\n'
    plan.refresh_from_db()
    assert (plan.state, Termination.objects.count()) == (PlanState.DONE, 2)


@pytest.mark.parametrize("code", [code for code in build_cut.TAKEN if code != Missing.WARRANT])
def test_the_command_cuts_nobody_whom_something_speaks_for_meanwhile(
    code: Missing, tmp_path: Path, capsys: Any
) -> None:
    """Planned and approved; then one condition is gone. The line is refused with its code, the others would go on."""
    at = build_cut.warned()
    out = tmp_path / "plan.csv"
    call_command(
        "disconnect", "--dry-run", "--out", str(out), "--as-of", noon(DAY).isoformat(), *build_cut.by()
    )
    for _person in range(2):
        approve(at.plan, build_cut.person().pk)
    build_cut.TAKEN[code](at)
    capsys.readouterr()
    call_command("disconnect", "--plan", str(out), "--as-of", noon(at.day).isoformat(), "--json")
    assert capsys.readouterr().out == '{"cut": 0, "refused": 1, "failed": 0}\n'
    assert (at.line.state, code.value in at.line.refusals) == ("REFUSED", True)
    at.row.refresh_from_db()
    assert (at.row.state, Termination.objects.exists()) == ("ACTIVE", False)


def test_the_command_is_refused_while_only_one_has_approved(tmp_path: Path) -> None:
    at = build_cut.warned()
    out = tmp_path / "plan.csv"
    call_command(
        "disconnect", "--dry-run", "--out", str(out), "--as-of", noon(DAY).isoformat(), *build_cut.by()
    )
    approve(at.plan, build_cut.person().pk)
    with pytest.raises(CommandError):
        call_command("disconnect", "--plan", str(out), "--as-of", noon(DAY).isoformat())
    assert (at.line.state, at.plan.state) == ("WAITING", "MADE")
