"""What staff do with refunds: alone up to a limit, above it in pairs."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from prometheus_client import generate_latest

from billing.gateways.base import RefundStatus
from billing.models import Receipt, RefundRequest, RefundState, RefundWay
from billing.selectors import refunds as refund_reads
from core import approvals, clock
from core.actor import Actor
from core.errors import Forbidden
from core.metrics import _database
from core.models import Approval, AuditRow
from tests.admin.build import staff_with
from tests.billing import build
from tests.billing.refunds_build import (
    MINUTE,
    Till,
    approved,
    asked,
    credit,
    now,
    open_till,
    steps,
    sums,
    work,
)
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
RIGHTS = ("billing.view_refundrequest", "billing.change_refundrequest")


@pytest.fixture(autouse=True)
def noon() -> Any:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    return open_till(monkeypatch, Till(paid=100_000))


@pytest.fixture
def receipt() -> Receipt:
    return credit(100_000)


def desk(username: str, *rights: str) -> Client:
    client = Client()
    client.force_login(staff_with(*(rights or RIGHTS), username=username))
    return client


def act(client: Client, name: str, row: RefundRequest, **data: str) -> str:
    """Does what the page of this action asks for; returns the page that follows."""
    address = reverse("admin:billing_refundrequest_act", args=[name]) + f"?ids={row.pk}"
    assert client.get(address).status_code == 200
    answer = client.post(address, {"reason": "客户本人来电", **data}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_small_request_is_approved_by_one(receipt: Receipt, till: Till) -> None:
    row = asked(receipt, 50_000)
    act(desk("clerk"), "approve", row)
    assert now(row).state == RefundState.APPROVED
    work()
    assert now(row).state == RefundState.SUCCEEDED
    assert AuditRow.objects.get(action="billing.refund_approval").object_id == str(row.pk)


def test_a_large_request_takes_two(receipt: Receipt) -> None:
    row = asked(receipt, 50_001)
    clerk, chief = (
        staff_with(*RIGHTS, username="clerk"),
        staff_with("billing.approve_refund", username="chief"),
    )
    client = Client()
    client.force_login(clerk)
    assert "须由另一人批准" in act(client, "approve", row)
    assert now(row).state == RefundState.REQUESTED
    approval = Approval.objects.get()
    with pytest.raises(Forbidden):
        decide(approval, Actor.user(clerk))
    assert now(row).state == RefundState.REQUESTED
    decide(approval, Actor.user(chief))
    assert now(row).state == RefundState.APPROVED
    assert sums(receipt) == (0, 50_001, 49_999)


def decide(approval: Approval, actor: Actor) -> None:
    approvals.decide(approval_id=approval.pk, approve=True, actor=actor, reason="同意", as_of=NOON)


def test_a_request_is_rejected_with_a_reason(receipt: Receipt) -> None:
    row = asked(receipt, 1000)
    act(desk("clerk"), "reject", row)
    assert now(row).state == RefundState.REJECTED
    assert row.history.get(to_state="REJECTED").reason == "客户本人来电"
    assert sums(receipt) == (0, 0, 100_000)


def test_paid_by_hand_takes_evidence_and_above_the_limit_two(receipt: Receipt) -> None:
    small, large = approved(receipt, 20_000, by_hand=True), approved(receipt, 20_001, by_hand=True)
    client = desk("clerk")
    act(client, "paid-by-hand", small, evidence="")
    assert now(small).state == RefundState.APPROVED
    act(client, "paid-by-hand", small, evidence="BANK-1")
    assert (now(small).state, small.evidence) == (RefundState.SUCCEEDED, "BANK-1")
    act(client, "paid-by-hand", large, evidence="BANK-2")
    assert now(large).state == RefundState.APPROVED
    decide(Approval.objects.get(), Actor.user(staff_with("billing.approve_refund", username="chief")))
    assert (now(large).state, large.evidence) == (RefundState.SUCCEEDED, "BANK-2")
    assert sums(receipt) == (40_001, 0, 59_999)
    assert build.books_are_right()


def test_an_abnormal_one_has_its_ways_out(receipt: Receipt, till: Till) -> None:
    row = approved(receipt, 1000)
    till.says[row.number] = RefundStatus.ABNORMAL
    work()
    client = desk("clerk")
    act(client, "send-again", row)
    assert now(row).state == RefundState.APPROVED
    work(NOON + MINUTE)
    assert now(row).state == RefundState.ABNORMAL
    act(client, "give-up", row)
    assert now(row).state == RefundState.FAILED
    assert steps(row)[-3:] == ["APPROVED", "ABNORMAL", "FAILED"]


@pytest.mark.django_db(transaction=True)
def test_the_gateway_is_asked_at_once(receipt: Receipt, till: Till) -> None:
    row = approved(receipt, 1000)
    assert "已退款" in act(desk("clerk"), "ask-now", row)
    assert now(row).state == RefundState.SUCCEEDED


def test_what_does_not_apply_changes_nothing(receipt: Receipt) -> None:
    row = approved(receipt, 1000)
    RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON)
    client = desk("clerk")
    for name, data in (
        ("approve", {}),
        ("reject", {}),
        ("send-again", {}),
        ("give-up", {}),
        ("paid-by-hand", {"evidence": "B1"}),
    ):
        act(client, name, row, **data)
        assert now(row).state == RefundState.APPROVED, name
    assert (row.way, sums(receipt)) == (RefundWay.SOURCE, (0, 1000, 99_000))


def test_who_may_only_look_gets_403(receipt: Receipt) -> None:
    row = asked(receipt, 1000)
    client = desk("viewer", "billing.view_refundrequest")
    for name in ("approve", "reject", "ask-now", "send-again", "paid-by-hand", "give-up"):
        address = reverse("admin:billing_refundrequest_act", args=[name]) + f"?ids={row.pk}"
        assert client.post(address, {"reason": "我想试试"}).status_code == 403
    assert now(row).state == RefundState.REQUESTED


def test_overdue_ones_are_found_counted_and_measured(receipt: Receipt) -> None:
    late, early = approved(receipt, 1000), approved(receipt, 500, as_of=NOON + timedelta(days=5))
    with clock.stopped(NOON + timedelta(days=16)):
        found = refund_reads.counts(as_of=clock.now())
        assert (found.open, found.overdue, found.cents) == (2, 1, 1500)
        address = reverse("admin:billing_refundrequest_changelist")
        page = desk("clerk").get(address, {"open": "overdue"}).content.decode()
        assert late.number in page
        assert early.number not in page
        metrics = generate_latest(_database()).decode()
    assert 'hall_refunds_open{kind="overdue"} 1.0' in metrics
    assert "hall_refunds_open_cents 1500.0" in metrics


def test_a_second_click_refunds_nothing_more(receipt: Receipt) -> None:
    client = desk("clerk", *RIGHTS, "billing.view_receipt")
    address = reverse("admin:billing_receipt_act", args=["refund"]) + f"?ids={receipt.pk}"
    typed = {"amount": "30", "reason_code": "OVERPAID", "reason": "多缴退款"}
    typed["key"] = client.get(address).context["key"]
    answers = [client.post(address, typed, follow=True).content.decode() for _ in range(2)]
    row = RefundRequest.objects.get()
    assert all(row.number in answer for answer in answers)
    assert sums(receipt) == (0, 3000, 97_000)
    client.post(address, typed | {"key": client.get(address).context["key"]})  # asked for anew
    assert sums(receipt) == (0, 6000, 94_000)
