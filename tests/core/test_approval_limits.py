"""What nobody does alone for other reasons than one object's amount: the day's sum, his own, two hands by rule."""

from datetime import datetime, timedelta

import pytest

from core import approval_kinds, clock
from core.models import Approval, ApprovalState
from tests.core.approval_toys import GUARDED, LIMIT, YourOwn, moved, own, subject
from tests.core.test_approvals import chief, clerk, decide, submit

pytestmark = pytest.mark.django_db

# The day's limit: what one person carries out alone, all objects together


def test_what_one_person_does_alone_in_a_day_counts_together() -> None:
    by, rows = clerk(), [subject(f"job{n}") for n in range(12)]
    for row in rows[: approval_kinds.DAY_IS_LIMIT_TIMES]:
        assert submit(row, LIMIT, by).approval is None
    outcome = submit(rows[10], 1, by)
    assert outcome.approval is not None
    assert "每日限额" in outcome.text
    assert moved(rows[10]) == 0
    assert submit(rows[10], 1, by, kind=GUARDED).approval is None  # each kind by itself
    assert submit(rows[11], LIMIT, clerk("another")).approval is None  # and each person
    decide(outcome.approval, chief())
    assert moved(rows[10]) == 2


def test_the_day_is_the_local_one() -> None:
    by, rows = clerk(), [subject(f"job{n}") for n in range(4)]
    midnight = datetime(2026, 11, 18, tzinfo=clock.SHANGHAI)
    last = midnight - timedelta(seconds=1)
    assert submit(rows[0], LIMIT, by, at=last, kind=GUARDED).approval is None
    assert submit(rows[1], 1, by, at=midnight - timedelta(hours=23), kind=GUARDED).approval is not None
    assert submit(rows[2], LIMIT, by, at=midnight, kind=GUARDED).approval is None
    assert submit(rows[3], 1, by, at=midnight + timedelta(hours=23), kind=GUARDED).approval is not None


def test_what_two_people_agreed_on_is_no_part_of_the_day() -> None:
    by = clerk()
    decide(submit(subject("big"), 50_000, by, kind=GUARDED).approval, chief())
    assert submit(subject(), LIMIT, by, kind=GUARDED).approval is None


# Who must not have to do with it, and what nobody does alone


def test_who_must_not_have_to_do_with_it_neither_asks_nor_decides() -> None:
    row, by, second = subject(), clerk(), chief()
    own(row, by)
    for cents in (1, 5_000):
        with pytest.raises(YourOwn):
            submit(row, cents, by, kind=GUARDED)
    own(row, second)
    approval = submit(row, 5_000, by, kind=GUARDED).approval
    for approve in (True, False):
        with pytest.raises(YourOwn):
            decide(approval, second, approve=approve)
    assert (moved(row), Approval.objects.get().state) == (0, ApprovalState.REQUESTED)
    own(row)
    assert decide(approval, second).text == "已办理"


def test_nothing_is_approved_for_who_has_come_to_own_it_meanwhile_but_it_can_be_rejected() -> None:
    row, by, second = subject(), clerk(), chief()
    approval = submit(row, 5_000, by, kind=GUARDED).approval
    own(row, by)
    with pytest.raises(YourOwn):
        decide(approval, second)
    assert moved(row) == 0
    assert decide(approval, second, approve=False).text == "已驳回"


def test_what_nobody_does_alone_waits_however_small() -> None:
    row = subject("two hands")
    outcome = submit(row, 1, clerk(), kind=GUARDED)
    assert outcome.approval is not None
    assert "不能独自办理" in outcome.text
    assert moved(row) == 0
