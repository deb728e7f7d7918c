"""A debt is given up by two people, and only what is overdue."""

import pytest

from arrears.models import ArrearsCase, WriteOff
from arrears.services import write_offs
from billing.models import Adjustment
from core import approvals
from core.actor import Actor
from core.approvals import OwnRequest
from tests.admin.build import staff_with
from tests.arrears import build
from tests.arrears.build import after, noon

pytestmark = pytest.mark.django_db


def test_a_debt_is_given_up_by_one_who_asks_and_another_who_approves() -> None:
    account = build.account()
    bill = build.bill(account)
    build.one(account, after(1))
    clerk = Actor.user(staff_with("arrears.add_writeoff", "arrears.approve_writeoff"))
    boss = Actor.user(staff_with("arrears.approve_writeoff", username="boss"))
    at = noon(after(5))
    asked = write_offs.ask(
        bill_id=bill.pk, amount_cents=2600, reason="查无此人", actor=clerk, as_of=at
    ).approval
    assert asked is not None
    assert not Adjustment.objects.exists()
    with pytest.raises(OwnRequest):
        approvals.decide(approval_id=asked.pk, approve=True, actor=clerk, reason="", as_of=at)
    approvals.decide(approval_id=asked.pk, approve=True, actor=boss, reason="属实", as_of=at)
    row = WriteOff.objects.get()
    assert (row.bill, row.amount_cents, row.approval) == (bill, 2600, asked)
    bill.refresh_from_db()
    assert bill.open_cents == 0
    assert ArrearsCase.objects.get().close_reason == "WRITTEN_OFF"


@pytest.mark.parametrize(("cents", "day"), [(2599, 5), (2601, 5), (2600, 0)])
def test_only_all_that_is_overdue_is_given_up(cents: int, day: int) -> None:
    bill = build.bill(build.account())
    clerk = Actor.user(staff_with("arrears.add_writeoff"))
    with pytest.raises(write_offs.NotToWriteOff):
        write_offs.ask(bill_id=bill.pk, amount_cents=cents, reason="x", actor=clerk, as_of=noon(after(day)))
    assert not WriteOff.objects.exists()
