"""Refunds as people ask for and decide them: what is reserved, who may, and what it leaves in the books."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import (
    GatewayCallback,
    LedgerEntry,
    Receipt,
    Refund,
    RefundReason,
    RefundRequest,
    RefundState,
    RefundWay,
    ReviewReason,
)
from billing.models.refunds import ENDED, REFUND_MACHINE
from billing.services.money import receipts
from billing.services.refunds import refund_states, refunds
from billing.services.refunds.refund_queue import SENDING
from core.idempotency import IdempotencyConflict
from core.models import OutboxRow
from core.statemachine import IllegalTransition
from tests.billing import build
from tests.billing.refunds_build import ACTOR, approved, asked, credit, now, steps, sums, told
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
Way = tuple[RefundState, ...]
WAYS: dict[RefundState, Way] = {
    RefundState.REQUESTED: (),
    RefundState.APPROVED: (RefundState.APPROVED,),
    RefundState.ACCEPTED: (RefundState.APPROVED, RefundState.ACCEPTED),
    RefundState.ABNORMAL: (RefundState.APPROVED, RefundState.ABNORMAL),
    RefundState.SUCCEEDED: (RefundState.APPROVED, RefundState.SUCCEEDED),
    RefundState.FAILED: (RefundState.APPROVED, RefundState.FAILED),
    RefundState.REJECTED: (RefundState.REJECTED,),
    RefundState.CANCELLED: (RefundState.CANCELLED,),
}


def reach(row: RefundRequest, to_state: RefundState) -> None:
    """Takes the step as the services do, with what belongs to it."""
    receipt = Receipt.objects.get(pk=row.receipt_id)
    if to_state == RefundState.SUCCEEDED:
        refund_states.succeed(row, receipt, refunded_at=NOON, as_of=NOON, actor=ACTOR)
    elif to_state in ENDED:
        refund_states.end(row, receipt, to_state, as_of=NOON, actor=ACTOR)
    else:
        refund_states.move(row, to_state, as_of=NOON, actor=ACTOR)


@pytest.mark.parametrize("source", list(RefundState))
@pytest.mark.parametrize("target", list(RefundState))
def test_every_step_of_the_machine_and_no_other(source: RefundState, target: RefundState) -> None:
    receipt = credit()
    row = asked(receipt)
    for state in WAYS[source]:
        reach(row, state)
    before = (steps(row), sums(receipt))
    if REFUND_MACHINE.allows(source, target):
        reach(row, target)
        assert now(row).state == target
        assert steps(row) == [*before[0], target]
    else:
        with pytest.raises(IllegalTransition), transaction.atomic():
            reach(now(row), target)
        assert now(row).state == source
        assert (steps(row), sums(receipt)) == before
    reserved = 0 if now(row).state in ENDED else 1000
    refunded = 1000 if row.state == RefundState.SUCCEEDED else 0
    assert sums(receipt) == (refunded, reserved, 2600 - refunded - reserved)
    assert build.books_are_right()


def test_asking_reserves_the_amount_and_moves_no_money() -> None:
    receipt = credit()
    row = asked(receipt, 1000)
    assert (row.state, row.way, row.due_on) == (RefundState.REQUESTED, RefundWay.SOURCE, date(2026, 12, 3))
    assert row.number.isalnum()
    assert len(row.number) <= 32
    assert (row.account_id, row.reference) == (
        receipt.account_id,
        receipt.payment and receipt.payment.reference,
    )
    assert sums(receipt) == (0, 1000, 1600)
    assert build.balance(receipt.account) == 2600
    assert steps(row) == [RefundState.REQUESTED]
    assert not SENDING.claim(limit=5, as_of=build.LATER)  # nobody has approved it


@pytest.mark.parametrize("cents", [2601, 0, -1])
def test_what_is_not_free_cannot_be_asked_for(cents: int) -> None:
    receipt = credit()
    with pytest.raises(refunds.NotRefundable):
        asked(receipt, cents)
    assert not RefundRequest.objects.exists()
    assert sums(receipt) == (0, 0, 2600)


def test_money_that_settled_a_bill_is_not_refunded() -> None:
    account = build.account()
    build.bill(account, 2000)
    receipt = credit(2600, of=account)
    with pytest.raises(refunds.NotRefundable) as refusal:
        asked(receipt, 601)
    assert "¥6.00" in refusal.value.text
    asked(receipt, 600)
    assert sums(receipt) == (0, 600, 0)


def test_several_requests_reserve_together() -> None:
    receipt = credit()
    asked(receipt, 1000)
    asked(receipt, 1600)
    with pytest.raises(refunds.NotRefundable):
        asked(receipt, 1)
    assert sums(receipt) == (0, 2600, 0)


def test_reserved_money_pays_no_bill() -> None:
    receipt = credit()
    asked(receipt, 2000)
    bill = build.bill(receipt.account, 1000)
    bill.refresh_from_db()
    assert bill.paid_cents == 600
    assert sums(receipt) == (0, 2000, 0)


def test_the_same_key_is_the_same_request() -> None:
    receipt = credit()
    first = asked(receipt, 1000, key="a-key")
    assert asked(receipt, 1000, key="a-key").pk == first.pk
    with pytest.raises(IdempotencyConflict):
        asked(receipt, 900, key="a-key")
    assert sums(receipt) == (0, 1000, 1600)


def test_a_customer_gets_little_at_once_and_staff_decide_on_more(settings: Any) -> None:
    """What he asked for within a day is one sum, or his limit would mean nothing."""
    settings.REFUND_SELF_SERVICE_CENTS = 1500
    alice = build.user()
    receipt = credit(owner=alice)
    first = asked(receipt, 1000, user=alice, reason_code=RefundReason.BALANCE)
    assert first.state == RefundState.APPROVED
    assert steps(first) == [RefundState.REQUESTED, RefundState.APPROVED]
    assert asked(receipt, 501, user=alice).state == RefundState.REQUESTED
    tomorrow = NOON + timedelta(days=1)
    assert asked(receipt, 1000, user=alice, as_of=tomorrow).state == RefundState.APPROVED


def test_money_that_somebody_must_look_at_waits_for_staff() -> None:
    alice = build.user()
    payment = build.payment(build.account(alice))
    build.apply(payment, build.report(payment, trade_no="T1"))
    build.apply(payment, build.report(payment, trade_no="T2"))
    second = Receipt.objects.get(trade_no="T2")
    assert second.review_reason == ReviewReason.DUPLICATE
    assert asked(second, 100, user=alice).state == RefundState.REQUESTED


def test_staff_ask_and_approve_in_one_step() -> None:
    receipt = credit()
    row = refunds.by_staff(
        receipt_id=receipt.pk,
        amount_cents=2600,
        reason="重复缴费",
        reason_code=RefundReason.DUPLICATE,
        actor=ACTOR,
        as_of=NOON,
    )
    assert (row.state, row.approved_at) == (RefundState.APPROVED, NOON)
    assert [each.pk for each in SENDING.claim(limit=5, as_of=NOON)] == [row.pk]


@pytest.mark.parametrize("how", ["reject", "cancel"])
def test_what_is_not_approved_gives_the_reservation_back(how: str) -> None:
    receipt = credit()
    row = asked(receipt)
    if how == "reject":
        refunds.reject(request_id=row.pk, actor=ACTOR, reason="不符合", as_of=NOON)
    else:
        refunds.cancel(request_id=row.pk, actor=ACTOR, as_of=NOON)
    assert now(row).ended_at == NOON
    assert sums(receipt) == (0, 0, 2600)
    assert not Refund.objects.exists()
    with pytest.raises(IllegalTransition):
        refunds.approve(request_id=row.pk, actor=ACTOR, as_of=NOON)
    assert sums(receipt) == (0, 0, 2600)


def test_an_approved_one_cannot_be_taken_back() -> None:
    receipt = credit()
    row = approved(receipt)
    with pytest.raises(IllegalTransition):
        refunds.cancel(request_id=row.pk, actor=ACTOR, as_of=NOON)
    assert now(row).state == RefundState.APPROVED
    assert sums(receipt) == (0, 1000, 1600)


def cash(cents: int = 2600) -> Receipt:
    account = build.account()
    with transaction.atomic():
        number = receipts.book(
            account_id=account.pk,
            gateway="cash",
            trade_no=f"slip-{account.pk}",
            amount_cents=cents,
            paid_at=NOON,
            as_of=NOON,
        )
    return Receipt.objects.get(number=number)


def test_counter_money_goes_back_by_hand_with_evidence() -> None:
    receipt = cash()
    row = approved(receipt, reason_code=RefundReason.COUNTER)
    assert (row.way, row.next_attempt_at) == (RefundWay.BY_HAND, None)
    assert not SENDING.claim(limit=5, as_of=build.LATER)
    with pytest.raises(refunds.EvidenceMissing):
        refunds.paid_by_hand(request_id=row.pk, evidence=" ", actor=ACTOR, as_of=NOON)
    assert sums(receipt) == (0, 1000, 1600)
    refunds.paid_by_hand(request_id=row.pk, evidence="BANK-77", actor=ACTOR, as_of=NOON)
    assert (now(row).state, row.evidence) == (RefundState.SUCCEEDED, "BANK-77")
    assert sums(receipt) == (1000, 0, 1600)
    assert list(LedgerEntry.objects.filter(kind="REFUND").values_list("amount_cents", flat=True)) == [-1000]
    assert build.books_are_right()


def test_a_receipt_too_old_for_the_gateway_goes_back_by_hand() -> None:
    receipt = Receipt.objects.get(pk=credit().pk)
    receipt.gateway = "wechatpay"  # not saved: only the decision is looked at
    for days, way in ((364, RefundWay.SOURCE), (365, RefundWay.BY_HAND)):
        assert refunds.way(receipt, "HP1", NOON + timedelta(days=days)) == way


def test_what_may_be_at_the_gateway_is_not_paid_by_hand() -> None:
    row = approved(credit())
    RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON)
    with pytest.raises(refunds.AtTheGateway):
        refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    with pytest.raises(refunds.AtTheGateway):
        refunds.give_up(request_id=row.pk, reason="无法退款", actor=ACTOR, as_of=NOON)
    assert now(row).state == RefundState.APPROVED
    assert not Refund.objects.exists()


def test_one_that_was_never_sent_may_be_paid_by_hand_instead() -> None:
    receipt = credit()
    row = approved(receipt)
    refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    assert (now(row).way, row.state) == (RefundWay.BY_HAND, RefundState.SUCCEEDED)
    assert not SENDING.claim(limit=5, as_of=build.LATER)
    assert sums(receipt) == (1000, 0, 1600)


def test_an_abnormal_one_is_sent_again_given_up_or_paid_by_hand() -> None:
    receipt = credit()
    rows = [approved(receipt, 500) for _ in range(3)]
    for row in rows:
        RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON)
        reach(now(row), RefundState.ABNORMAL)
    again, given_up, by_hand = rows
    refunds.send_again(request_id=again.pk, actor=ACTOR, reason="银行卡已换", as_of=NOON)
    refunds.give_up(request_id=given_up.pk, actor=ACTOR, reason="客户放弃", as_of=NOON)
    refunds.paid_by_hand(request_id=by_hand.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    assert [now(row).state for row in rows] == ["APPROVED", "FAILED", "SUCCEEDED"]
    assert [each.pk for each in SENDING.claim(limit=5, as_of=NOON)] == [again.pk]
    assert sums(receipt) == (500, 500, 1600)
    assert build.books_are_right()


def test_what_the_gateway_reports_of_one_paid_by_hand_is_booked_besides() -> None:
    """Twice paid is twice in the books, and seen there."""
    receipt = credit()
    row = approved(receipt)
    RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON)
    reach(now(row), RefundState.ABNORMAL)
    refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    assert receipt.payment is not None
    for _ in range(2):
        build.apply(receipt.payment, told(receipt.payment, (row.number, 1000), total=1000))
    assert sums(receipt) == (2000, 0, 600)
    assert build.books_are_right()


def test_money_for_an_unknown_order_goes_back_by_the_reference_of_its_message() -> None:
    account = build.account()
    with transaction.atomic():
        number = receipts.book(
            account_id=account.pk,
            gateway="alipay",
            trade_no="T-unknown",
            amount_cents=500,
            paid_at=NOON,
            as_of=NOON,
            review=ReviewReason.UNKNOWN_ORDER,
        )
    receipt = Receipt.objects.get(number=number)
    assert asked(receipt, 100).way == RefundWay.BY_HAND
    GatewayCallback.objects.create(
        gateway="alipay",
        reference="X20261118",
        report={"trade_no": "T-unknown"},
        verdict="UNKNOWN_REFERENCE",
        body=b"",
        received_at=NOON,
        next_attempt_at=NOON,
    )
    row = asked(receipt, 100)
    assert (row.way, row.reference) == (RefundWay.SOURCE, "X20261118")


def test_the_end_is_told_once_to_all_who_wait_for_it() -> None:
    alice = build.user()
    row = approved(credit(owner=alice), user=alice)
    refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    news = OutboxRow.objects.filter(key=f"refund:{row.number}")
    assert set(news.values_list("consumer", flat=True)) >= {
        "billing.finish_refund_slip",
        "billing.tell_of_refund",
    }
    assert {each.payload["state"] for each in news} == {"SUCCEEDED"}


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"amount_cents": 0}, "refund_request_fixed"),
        ({"number": "X" * 8}, "refund_request_fixed"),
        ({"state": "SUCCEEDED"}, "refund_request_transitions"),
        ({"ended_at": NOON}, "refund_request_ended_has_time"),
    ],
)
def test_the_database_refuses_what_must_not_be(changes: dict[str, Any], constraint: str) -> None:
    row = asked(credit())
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RefundRequest.objects.filter(pk=row.pk).update(**changes)


def test_success_without_money_in_the_books_is_refused_by_the_database() -> None:
    row = approved(credit())
    with pytest.raises(IntegrityError, match="refund_request_success_is_booked"), transaction.atomic():
        RefundRequest.objects.filter(pk=row.pk).update(state="SUCCEEDED", ended_at=NOON)
