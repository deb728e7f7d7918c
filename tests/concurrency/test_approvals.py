"""Two people and one request, two slices of one sum: at the same moment."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from core import approval_past, approvals
from core.actor import Actor
from core.models import Approval, ApprovalHistory, Heartbeat
from tests.concurrency.races import Meeting, caught
from tests.conftest import NOON
from tests.core.approval_toys import GUARDED, LIMIT, moved, subject
from tests.core.test_approvals import chief, clerk, decide, submit
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def _without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting(2)

    def unlocked(approval_id: int) -> Approval:
        return Approval.objects.get(pk=approval_id)

    monkeypatch.setattr(approvals, "_locked", meeting.after(unlocked))
    monkeypatch.setattr(approvals, "_one_at_a_time", lambda *_: None)
    monkeypatch.setattr(approval_past, "lately", meeting.after(approval_past.lately))


def _waiting() -> tuple[Heartbeat, list[Any]]:
    row = subject()
    approval = submit(row, 5_000, clerk()).approval
    return row, [caught(partial(decide, approval, chief(name))) for name in ("one", "two")]


def test_control_without_the_lock_both_decide_and_only_the_law_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row, calls = _waiting()
    _without_locks(monkeypatch)
    results = together(*calls)
    assert any(isinstance(result, IntegrityError) for result in results)  # approval_when_decided_final
    assert moved(row) == 5_000


def test_two_deciders_and_one_decision() -> None:
    row, calls = _waiting()
    results = together(*calls)
    assert [type(result) for result in results].count(approvals.AlreadyDecided) == 1
    assert moved(row) == 5_000
    assert ApprovalHistory.objects.count() == 2


def _slices(row: Heartbeat, *by: Actor) -> list[Any]:
    return together(*(caught(partial(submit, row, LIMIT, each)) for each in by))


def test_control_without_the_lock_two_slices_pass_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    row = subject()
    people = clerk("one"), clerk("two")
    _without_locks(monkeypatch)
    _slices(row, *people)
    assert moved(row) == 2 * LIMIT


def test_two_slices_at_once_are_one_sum() -> None:
    row = subject()
    outcomes = _slices(row, clerk("one"), clerk("two"))
    assert [outcome.approval is None for outcome in outcomes].count(True) == 1
    assert moved(row) == LIMIT
    assert Approval.objects.get().requested_at == NOON


def _one_clerk_at_two_objects() -> tuple[list[Heartbeat], list[Any]]:
    rows, by = [subject("one"), subject("two")], clerk()
    return rows, together(*(caught(partial(submit, row, LIMIT, by, kind=GUARDED)) for row in rows))


def test_control_without_the_lock_one_clerk_passes_his_day_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "_one_at_a_time", lambda *_: None)
    monkeypatch.setattr(approval_past, "that_day", Meeting(2).after(approval_past.that_day))
    rows, _outcomes = _one_clerk_at_two_objects()
    assert [moved(row) for row in rows] == [LIMIT, LIMIT]


def test_two_objects_at_once_are_one_day() -> None:
    rows, outcomes = _one_clerk_at_two_objects()
    assert [outcome.approval is None for outcome in outcomes].count(True) == 1
    assert sum(moved(row) for row in rows) == LIMIT
