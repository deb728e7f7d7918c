"""Every kind of approval on the desk: with all its data, and with none."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalog.offers import errors
from catalog.offers.services import price_exceptions
from core import approvals
from core.actor import Actor
from core.models import Approval, ApprovalState
from tests.admin.build import staff_with
from tests.admin.conftest import desk, log_in, root
from tests.catalog.offers import build as shop
from tests.conftest import NOON

__all__ = ["desk", "log_in", "root"]
pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]

# What is asked for with each kind that has something to say, and what the desk says of it.
WHOLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "accounts.appointment": (
        {"role": 1, "role_name": "客服", "region": 1, "region_name": "西宁", "active_from": "2026-12-01",
         "active_to": None},
        ["客服", "西宁", "2026-12-01", "长期"],
    ),
    "billing.receipt_transfer": ({"to_number": "8800100009"}, ["8800100009"]),
    "billing.refund": ({"reason_code": "DUPLICATE"}, ["重复"]),
    "billing.refund_by_hand": ({"evidence": "PZ-2026-7"}, ["PZ-2026-7"]),
    "arrears.exemption": (
        {"reason": "HARDSHIP", "active_from": "2026-12-01", "active_to": "2027-02-01"},
        ["困难帮扶", "2026-12-01", "2027-02-01"],
    ),
    "arrears.policy": (
        {"code": "own", "title": "试点策略", "region_id": None, "customer_kind": "", "minimum_cents": 100,
         "promise_days": 7, "promises_a_month": 1, "active_from": "2026-12-01", "active_to": None,
         "stages": [{"stage": "REMINDED", "days": -3, "minimum_stay_days": 1, "cap_per_run": None}],
         "notices": []},
        ["试点策略", "全部地区", "2026-12-01", "¥1.00", "已提醒第 -3 天"],
    ),
    "arrears.policy_end": ({"code": "own", "ends_on": "2026-12-01"}, ["own", "2026-12-01"]),
    "arrears.reinstall_rule": (
        {"months": 3, "active_from": "2026-12-01", "text": "三个月内不办新装"},
        ["3 个月", "2026-12-01", "三个月内不办新装"],
    ),
    "arrears.reinstall_override": ({"authority": "王主任"}, ["王主任"]),
    "catalog.pause_policy": (
        {"region_id": None, "customer_kind": "", "least_days": 10, "most_days": 100, "times_a_year": 3,
         "active_from": "2026-12-01", "active_to": None},
        ["全部地区", "10 至 100 天", "每年 3 次", "2026-12-01"],
    ),
    "catalog.pause_policy_end": ({"place": "西宁", "ends_on": "2026-12-01"}, ["西宁", "2026-12-01"]),
    "catalog.price_exception": (
        {"offer": 1, "offer_name": "基本收视", "charge": "PERIOD", "amount_cents": 1300,
         "active_from": "2026-12-01", "active_to": "2027-06-01"},
        ["基本收视", "周期费用", "¥13.00", "2026-12-01", "2027-06-01"],
    ),
    "resources.number_unlock": ({"authority": "局函 7 号"}, ["局函 7 号"]),
}  # fmt: skip
SILENT = {  # the amount and the object say it all
    "billing.receipt_use", "billing.refund_approval", "billing.bill_reopen", "billing.refund_waiver",
    "billing.adjustment", "billing.penalty_waiver", "billing.counter_reversal", "arrears.write_off",
    "arrears.reinstall_rule_end",
}  # fmt: skip


def kinds() -> list[str]:
    return [each.name for each in approvals.kinds() if "." in each.name and not each.name.startswith("test")]


def ask(kind: str, data: dict[str, Any], about: tuple[str, int] = ("accounts.User", 1)) -> Approval:
    return Approval.objects.create(
        kind=kind,
        object_type=about[0],
        object_id=str(about[1]),
        amount_cents=100 if approvals.find(kind).has_amount else 0,  # type: ignore[union-attr]
        data=data,
        reason="已核实",
        state=ApprovalState.REQUESTED,
        requested_by="user:0",
        requested_at=NOON,
    )


def test_each_kind_is_known_here() -> None:
    assert {
        name
        for name in kinds()
        if name.split(".")[0] in ("accounts", "arrears", "billing", "catalog", "resources")
    } == {
        *WHOLE,
        *SILENT,
    }


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("kind", sorted({*WHOLE, *SILENT}))
def test_the_desk_shows_it(kind: str, is_whole: bool, log_in: LogIn) -> None:
    data, said = WHOLE.get(kind, ({}, []))
    ask(kind, data if is_whole else {})
    known = approvals.find(kind)
    assert known is not None
    answer = log_in(staff_with(known.approve_permission, username="chief")).get(
        reverse("admin:core_approval_desk")
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert str(known.title) in page
    assert "已核实" in page
    if is_whole:
        assert [word for word in said if word not in page] == []


def test_what_lacks_its_data_is_not_granted() -> None:
    account = shop.account()
    row = ask(price_exceptions.KIND, {}, ("accounts.BillingAccount", account.pk))
    with pytest.raises(errors.ExceptionIncomplete):
        approvals.decide(
            approval_id=row.pk,
            approve=True,
            actor=Actor.user(staff_with(price_exceptions.DECIDE, username="chief")),
            reason="属实",
            as_of=NOON,
        )
    row.refresh_from_db()
    assert (row.state, account.price_exceptions.count()) == (ApprovalState.REQUESTED, 0)
