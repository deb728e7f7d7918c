"""Four eyes: done at once up to the limit, above it by two people, and nothing of it twice."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from accounts.models import Region, User
from core import approval_past, approvals
from core.actor import Actor
from core.db import violated
from core.errors import Forbidden, NotFound
from core.idempotency import IdempotencyConflict
from core.models import Approval, ApprovalHistory, ApprovalState, AuditRow, Heartbeat
from core.statemachine import IllegalTransition
from core.tasks import withdraw_old_approvals
from tests.admin.build import staff_with
from tests.conftest import NOON
from tests.core.approval_toys import ASK, DECIDE, KIND, LIMIT, NothingThere, moved, subject

pytestmark = pytest.mark.django_db


def clerk(name: str = "clerk") -> Actor:
    return Actor.user(staff_with(ASK, username=name))


def chief(name: str = "chief") -> Actor:
    return Actor.user(staff_with(ASK, DECIDE, username=name))


def submit(
    row: Heartbeat, cents: int, by: Actor, *, at: datetime = NOON, kind: str = KIND, **data: Any
) -> approvals.Outcome:
    return approvals.submit(
        kind=kind,
        subject=("core.Heartbeat", row.pk),
        amount_cents=cents,
        data=data,
        reason="客户要求",
        actor=by,
        as_of=at,
        address="10.0.0.7",
    )


def decide(approval: Approval | None, by: Actor, *, approve: bool = True) -> approvals.Outcome:
    assert approval is not None
    return approvals.decide(
        approval_id=approval.pk, approve=approve, actor=by, reason="已核对", as_of=NOON + timedelta(hours=1)
    )


def test_up_to_the_limit_one_person_does_it_at_once() -> None:
    row, by = subject(), clerk()
    outcome = submit(row, LIMIT, by, to="甲")
    assert (outcome.text, outcome.approval) == ("已办理", None)
    assert moved(row) == LIMIT
    assert not Approval.objects.exists()
    audit = AuditRow.objects.get()
    assert (audit.actor, audit.action, audit.reason, audit.address) == (by.ref, KIND, "客户要求", "10.0.0.7")
    assert (audit.object_type, audit.object_id) == ("core.Heartbeat", "job")
    assert audit.detail == {"amount_cents": LIMIT, "data": {"to": "甲"}, "outcome": "已办理"}


def test_above_the_limit_nothing_happens_until_a_second_person_agrees() -> None:
    row, by, second = subject(), clerk(), chief()
    outcome = submit(row, LIMIT + 1, by, to="甲")
    approval = outcome.approval
    assert approval is not None
    assert "须由另一人批准" in outcome.text
    assert (moved(row), approval.state) == (0, ApprovalState.REQUESTED)

    decided = decide(approval, second)

    assert decided.text == "已办理"
    assert moved(row) == LIMIT + 1
    assert Heartbeat.objects.get(pk=row.pk).detail["by"] == by.ref  # who asked did it; the other agreed
    approval.refresh_from_db()
    assert (approval.state, approval.decided_by, approval.decision_reason) == (
        ApprovalState.APPROVED,
        second.ref,
        "已核对",
    )
    assert approval.outcome == "已办理"
    steps = ApprovalHistory.objects.order_by("id").values_list("from_state", "to_state", "actor", "reason")
    assert list(steps) == [
        ("", "REQUESTED", by.ref, "客户要求"),
        ("REQUESTED", "APPROVED", second.ref, "已核对"),
    ]
    audits = AuditRow.objects.order_by("id").values_list("action", "actor", "object_id")
    assert list(audits) == [
        ("tests.move.requested", by.ref, "job"),
        ("tests.move.approved", second.ref, "job"),
    ]


def test_a_sum_cut_in_slices_is_one_sum() -> None:
    row, by = subject(), clerk()
    assert submit(row, 600, by).approval is None
    assert submit(row, 400, by).approval is None
    assert submit(row, 1, by).approval is not None
    assert moved(row) == 1_000
    assert submit(subject("another"), LIMIT, by).approval is None  # the slices are of one object


def test_slices_are_forgotten_after_their_time() -> None:
    row, by = subject(), clerk()
    submit(row, LIMIT, by, at=NOON - approval_past.ONE_SUM_WITHIN)
    assert submit(row, LIMIT, by).approval is None


def test_what_a_second_person_approved_is_no_slice() -> None:
    row, by = subject(), clerk()
    decide(submit(row, 5_000, by).approval, chief())
    assert submit(row, LIMIT, by).approval is None


def test_nobody_approves_his_own_request() -> None:
    row, by = subject(), chief()
    approval = submit(row, 5_000, by).approval
    for approve in (True, False):
        with pytest.raises(approvals.OwnRequest):
            decide(approval, by, approve=approve)
    assert (moved(row), Approval.objects.get().state) == (0, ApprovalState.REQUESTED)


def test_the_database_refuses_it_too() -> None:
    by = chief()
    approval = submit(subject(), 5_000, by).approval
    assert approval is not None
    for state in ("APPROVED", "REJECTED"):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            Approval.objects.update(state=state, decided_by=by.ref, decided_at=NOON)
        assert violated(refusal.value) == "approval_by_a_second_person"
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        Approval.objects.update(state="APPROVED")
    assert violated(refusal.value) == "approval_decided_by_somebody"


def test_what_was_decided_stays() -> None:
    approval = submit(subject(), 5_000, clerk()).approval
    decide(approval, chief())
    for change in ({"decided_by": "user:0"}, {"outcome": ""}, {"decision_reason": "x"}):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            Approval.objects.update(**change)
        assert violated(refusal.value) == "approval_when_decided_final"


@pytest.mark.parametrize("approve", [True, False])
def test_a_second_decision_changes_nothing(approve: bool) -> None:
    row = subject()
    approval = submit(row, 5_000, clerk()).approval
    decide(approval, chief())
    with pytest.raises(approvals.AlreadyDecided):
        decide(approval, chief("another"), approve=approve)
    assert moved(row) == 5_000
    assert ApprovalHistory.objects.count() == 2


def test_a_rejected_request_does_nothing_and_can_be_asked_again() -> None:
    row, by = subject(), clerk()
    outcome = decide(submit(row, 5_000, by).approval, chief(), approve=False)
    assert outcome.text == "已驳回"
    assert moved(row) == 0
    assert submit(row, 5_000, by).approval is not None


def test_work_that_is_refused_leaves_the_request_open() -> None:
    row = subject("refuses")
    approval = submit(row, 5_000, clerk()).approval
    with pytest.raises(NothingThere):
        decide(approval, chief())
    assert approval is not None
    approval.refresh_from_db()
    assert (approval.state, approval.decided_by, approval.outcome) == (ApprovalState.REQUESTED, "", "")
    assert moved(row) == 0
    assert ApprovalHistory.objects.count() == AuditRow.objects.count() == 1


def test_work_that_is_refused_at_once_leaves_nothing() -> None:
    row = subject("refuses")
    with pytest.raises(NothingThere):
        submit(row, 10, clerk())
    assert moved(row) == 0
    assert not AuditRow.objects.exists()
    assert not Approval.objects.exists()


def test_one_open_request_for_the_same_thing() -> None:
    row, by = subject(), clerk()
    submit(row, 5_000, by)
    for cents in (5_000, 10):
        with pytest.raises(approvals.AlreadyAsked):
            submit(row, cents, by)
    assert moved(row) == 0
    assert Approval.objects.count() == 1
    assert submit(subject("another"), 5_000, by).approval is not None


def test_asking_needs_the_permission_and_deciding_the_other() -> None:
    row = subject()
    with pytest.raises(Forbidden):
        submit(row, 10, Actor.user(staff_with(DECIDE, username="decider")))
    assert moved(row) == 0
    approval = submit(row, 5_000, clerk()).approval
    for stranger in (clerk("another"), Actor("job:night"), Actor("user:x"), Actor("user:0")):
        with pytest.raises(Forbidden):
            decide(approval, stranger)
    assert (moved(row), Approval.objects.get().state) == (0, ApprovalState.REQUESTED)


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_who_has_left_decides_nothing(change: dict[str, bool]) -> None:
    approval = submit(subject(), 5_000, clerk()).approval
    second = chief()
    get_user_model()._default_manager.filter(username="chief").update(**change)
    with pytest.raises(Forbidden):
        decide(approval, second)


def test_code_needs_no_permission_but_keeps_to_the_limit(actor: Actor) -> None:
    row = subject()
    assert submit(row, LIMIT, actor).approval is None
    assert submit(row, 1, actor).approval is not None


def test_both_ways_carry_the_same_data_out() -> None:
    row, other = subject(), subject("other")
    given: dict[str, Any] = {"on": date(2026, 11, 18), "n": 1}
    submit(row, 10, clerk(), **given)
    decide(submit(other, 5_000, clerk("second"), **given).approval, chief())
    assert Heartbeat.objects.get(pk="job").detail["data"] == {"on": "2026-11-18", "n": 1}
    assert Heartbeat.objects.get(pk="other").detail["data"] == {"on": "2026-11-18", "n": 1}


@pytest.mark.parametrize("cents", [0, -1])
def test_there_is_nothing_to_approve_in_no_money(cents: int) -> None:
    with pytest.raises(approvals.NoAmount):
        submit(subject(), cents, clerk())


def test_only_who_asked_takes_it_back() -> None:
    row, by = subject(), clerk()
    approval = submit(row, 5_000, by).approval
    assert approval is not None
    how: dict[str, Any] = {"approval_id": approval.pk, "reason": "不需要了", "as_of": NOON}
    with pytest.raises(approvals.NotYours):
        approvals.withdraw(actor=chief(), **how)
    assert approvals.withdraw(actor=by, **how).state == ApprovalState.WITHDRAWN
    with pytest.raises(approvals.AlreadyDecided):
        approvals.withdraw(actor=by, **how)
    with pytest.raises(approvals.AlreadyDecided):
        decide(approval, chief("another"))
    assert moved(row) == 0


def test_old_requests_are_withdrawn(settings: Any) -> None:
    by = clerk()
    old = submit(subject("old"), 5_000, by, at=NOON - timedelta(days=15)).approval
    new = submit(subject("new"), 5_000, by).approval
    assert old is not None
    assert new is not None
    assert approvals.withdraw_old(before=NOON - timedelta(days=14), as_of=NOON) == 1
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state) == (ApprovalState.WITHDRAWN, ApprovalState.REQUESTED)
    assert old.decision_reason == "超过期限无人审批"
    settings.APPROVAL_DAYS = -36_500
    assert withdraw_old_approvals() == 1


def test_what_waits_is_shown_to_those_who_may_decide_and_to_who_asked() -> None:
    by, another = clerk(), clerk("another")
    second, first = (submit(subject(job), 5_000, by, at=at).approval for job, at in _two())
    assert list(approvals.waiting_for(person(chief()))) == [first, second]
    assert list(approvals.waiting_for(person(by))) == [first, second]
    assert not approvals.waiting_for(person(another)).exists()


def person(actor: Actor) -> User:
    return User.objects.get(pk=actor.ref.removeprefix("user:"))


def test_what_lies_elsewhere_is_asked_for_and_decided_by_nobody_here() -> None:
    here, there = (Region.objects.create(code=code, name=code, level="CITY") for code in ("H", "T"))
    asks = Actor.user(staff_with(ASK, username="asks", region=here))
    decides = Actor.user(staff_with(ASK, DECIDE, username="decides", region=here))
    far = Actor.user(staff_with(ASK, DECIDE, username="far", region=there))
    how: dict[str, Any] = {
        "kind": KIND,
        "subject": ("core.Heartbeat", subject("job").pk),
        "amount_cents": 5_000,
        "data": {},
    }
    how |= {"reason": "客户要求", "as_of": NOON, "lies_in": here.pk}

    with pytest.raises(Forbidden):
        approvals.submit(actor=far, **how)
    asked = approvals.submit(actor=asks, **how).approval

    assert asked is not None
    assert asked.region_id == here.pk
    assert list(approvals.waiting_for(person(decides))) == [asked]
    assert not approvals.waiting_for(person(far)).exists()
    with pytest.raises(Forbidden):
        approvals.decide(approval_id=asked.pk, approve=True, actor=far, reason="同意", as_of=NOON)
    asked.refresh_from_db()
    assert asked.state == ApprovalState.REQUESTED
    approvals.decide(approval_id=asked.pk, approve=True, actor=decides, reason="同意", as_of=NOON)
    assert AuditRow.objects.filter(region_id=here.pk).count() == 2


def test_what_lies_nowhere_is_the_whole_operators() -> None:
    here = Region.objects.create(code="H", name="H", level="CITY")
    with pytest.raises(Forbidden):
        submit(subject("job"), 100, Actor.user(staff_with(ASK, username="local", region=here)))


def _two() -> list[tuple[str, datetime]]:
    return [("late", NOON), ("early", NOON - timedelta(hours=1))]


def test_unknown_requests_and_kinds_are_not_found() -> None:
    with pytest.raises(NotFound):
        approvals.decide(approval_id=0, approve=True, actor=chief(), reason="x", as_of=NOON)
    gone = Approval.objects.create(
        kind="tests.gone",
        object_type="core.Heartbeat",
        object_id="x",
        amount_cents=1,
        reason="x",
        requested_by="user:1",
        requested_at=NOON,
    )
    with pytest.raises(NotFound):
        decide(gone, chief("other"))
    with pytest.raises(ValueError, match="two kinds"):
        approvals.kind(KIND, title="", permission="", approve_permission="", limit=lambda: 0)(lambda **_: "")


def test_only_open_requests_end() -> None:
    from core.models import APPROVAL_MACHINE

    with pytest.raises(IllegalTransition):
        APPROVAL_MACHINE.check("APPROVED", "REJECTED")


def test_the_database_holds_one_open_request_for_the_same_thing() -> None:
    approval = submit(subject(), 5_000, clerk()).approval
    assert approval is not None
    approval.pk = None
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        approval.save(force_insert=True)
    assert violated(refusal.value) == "approval_asked_once"


def test_the_same_key_is_done_once_and_other_content_under_it_is_refused() -> None:
    row, by = subject(), clerk()
    how: dict[str, Any] = {
        "kind": KIND,
        "subject": ("core.Heartbeat", row.pk),
        "data": {},
        "reason": "客户要求",
    }
    first = approvals.submit(amount_cents=1, actor=by, as_of=NOON, key="k", **how)
    again = approvals.submit(amount_cents=1, actor=by, as_of=NOON, key="k", **how)
    assert (again.text, moved(row), AuditRow.objects.count()) == (first.text, 1, 1)
    with pytest.raises(IdempotencyConflict):
        approvals.submit(amount_cents=2, actor=by, as_of=NOON, key="k", **how)
    assert (moved(row), AuditRow.objects.count()) == (1, 1)
