"""Approved refunds on their way: what is sent, asked and retried, against a gateway that misbehaves by script."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billing import refund_rules, tasks
from billing.gateways import registry
from billing.gateways.base import GatewayError, RefundStatus, Trade
from billing.models import Refund, RefundRequest, RefundState
from billing.services.refunds import refund_sending, refunds
from core import clock
from core.models import Heartbeat
from tests.billing import build
from tests.billing.refunds_build import (
    ACTOR,
    MINUTE,
    Till,
    approved,
    asked,
    credit,
    now,
    open_till,
    steps,
    sums,
    told,
    work,
)
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    return open_till(monkeypatch, Till())


def test_an_approved_refund_is_paid_and_booked(till: Till) -> None:
    receipt = credit()
    row = approved(receipt)
    assert work() == 1
    assert till.calls == [("refund", row.number)]
    assert till.trades == {Trade(row.reference, receipt.trade_no)}
    assert (now(row).state, row.sent_at, row.ended_at) == (RefundState.SUCCEEDED, NOON, NOON)
    assert row.refund is not None
    assert (row.refund.request_no, row.refund.amount_cents) == (row.number, 1000)
    assert row.answer == {
        "status": "SUCCEEDED",
        "amount_cents": 1000,
        "total_refunded_cents": 1000,
        "refunded_at": NOON.isoformat(),
    }
    assert sums(receipt) == (1000, 0, 1600)
    assert work(build.LATER) == 0
    assert build.books_are_right()


def test_nothing_is_sent_that_nobody_approved(till: Till) -> None:
    asked(credit())
    assert work(build.LATER) == 0
    assert till.calls == []


def test_accepted_is_not_refunded(till: Till) -> None:
    receipt = credit()
    row = approved(receipt)
    till.says[row.number] = RefundStatus.PENDING
    work()
    assert (now(row).state, row.accepted_at, row.next_attempt_at) == (
        RefundState.ACCEPTED,
        NOON,
        NOON + MINUTE,
    )
    assert sums(receipt) == (0, 1000, 1600)
    assert not Refund.objects.exists()
    at = NOON
    for wait in (1, 1, 2, 4, 8):
        assert work(at + wait * MINUTE - timedelta(seconds=1)) == 0
        at += wait * MINUTE
        assert work(at) == 1
    assert now(row).state == RefundState.ACCEPTED
    del till.says[row.number]
    work(at + 60 * MINUTE)
    assert now(row).state == RefundState.SUCCEEDED
    assert {kind for kind, _number in till.calls[1:]} == {"query"}
    assert till.trades == {Trade(row.reference, receipt.trade_no)}
    assert steps(row) == ["REQUESTED", "APPROVED", "ACCEPTED", "SUCCEEDED"]
    assert sums(receipt) == (1000, 0, 1600)


def test_a_lost_answer_pays_once(till: Till) -> None:
    """It is asked about before it is sent again, and always under the same number."""
    receipt = credit()
    row = approved(receipt)
    till.is_mute = True
    work()
    assert (now(row).state, row.error, row.sent_at) == (RefundState.APPROVED, "NETWORK", NOON)
    assert till.refunds == {row.number: 1000}
    assert not Refund.objects.exists()
    till.is_mute = False
    assert work(NOON + MINUTE) == 1
    assert till.calls == [("refund", row.number), ("query", row.number)]
    assert now(row).state == RefundState.SUCCEEDED
    assert sums(receipt) == (1000, 0, 1600)


def test_what_never_arrived_is_sent_again_under_the_same_number(till: Till) -> None:
    row = approved(credit())
    till.is_away = True
    work()
    till.is_away = False
    work(NOON + MINUTE)
    assert till.calls == [("refund", row.number), ("query", row.number), ("refund", row.number)]
    assert till.refunds == {row.number: 1000}
    assert now(row).state == RefundState.SUCCEEDED


def test_a_silent_gateway_is_asked_less_and_less_often(till: Till) -> None:
    row = approved(credit())
    till.is_away = True
    at = NOON
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        assert work(at) == 1
        assert now(row).next_attempt_at == at + minutes * MINUTE
        at = at + minutes * MINUTE
    assert now(row).state == RefundState.APPROVED  # never given up by counting


def test_a_refusal_gives_the_money_back_to_the_customers_credit(till: Till) -> None:
    receipt = credit()
    row = approved(receipt)
    till.refusal = GatewayError("ACQ.TRADE_STATUS_ERROR", "no", permanent=True)
    work()
    assert till.calls == [("refund", row.number), ("query", row.number)]  # it has the last word
    assert now(row).state == RefundState.FAILED
    assert row.history.get(to_state="FAILED").reason == "refused by the gateway: ACQ.TRADE_STATUS_ERROR"
    assert sums(receipt) == (0, 0, 2600)
    assert not Refund.objects.exists()
    assert work(build.LATER) == 0


def test_a_refusal_of_the_repetition_does_not_hide_that_the_first_try_worked(till: Till) -> None:
    row = approved(credit())
    till.refunds[row.number] = 1000
    till.refusal = GatewayError("ALREADY_REFUNDED_IN_FULL", "no", permanent=True)
    work()
    assert now(row).state == RefundState.SUCCEEDED


def test_a_passing_refusal_is_tried_again(till: Till) -> None:
    row = approved(credit())
    till.refusal = GatewayError("ACQ.SELLER_BALANCE_NOT_ENOUGH", "no", permanent=False)
    work()
    assert (now(row).state, row.error) == (RefundState.APPROVED, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    till.refusal = None
    work(NOON + MINUTE)
    assert now(row).state == RefundState.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "state"),
    [(RefundStatus.FAILED, RefundState.FAILED), (RefundStatus.ABNORMAL, RefundState.ABNORMAL)],
)
def test_the_gateway_closes_it_or_cannot_finish(till: Till, status: RefundStatus, state: RefundState) -> None:
    receipt = credit()
    row = approved(receipt)
    till.says[row.number] = RefundStatus.PENDING
    work()
    till.says[row.number] = status
    work(NOON + MINUTE)
    assert now(row).state == state
    assert sums(receipt) == (0, 0 if state == "FAILED" else 1000, 2600 if state == "FAILED" else 1600)
    assert work(build.LATER) == 0


def test_an_abnormal_one_that_staff_send_again_is_sent_under_its_number(till: Till) -> None:
    row = approved(credit())
    till.says[row.number] = RefundStatus.ABNORMAL
    work()
    assert now(row).state == RefundState.ABNORMAL
    refunds.send_again(request_id=row.pk, actor=ACTOR, reason="换卡", as_of=NOON)
    till.calls.clear()
    till.on_the_way = till.says.clear  # the customer has a new card
    work(NOON + MINUTE)
    assert till.calls == [("query", row.number), ("refund", row.number)]
    assert now(row).state == RefundState.SUCCEEDED


def test_another_amount_under_our_number_is_for_a_person(till: Till) -> None:
    receipt = credit()
    row = approved(receipt)
    RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON - MINUTE)
    till.refunds[row.number] = 999
    work()
    assert now(row).state == RefundState.ABNORMAL
    assert not Refund.objects.exists()
    assert sums(receipt) == (0, 1000, 1600)


def test_two_refunds_of_one_order_are_a_minute_apart(till: Till) -> None:
    receipt = credit()
    first, second = approved(receipt, 1000), approved(receipt, 600)
    work()
    assert (now(first).state, now(second).state) == (RefundState.SUCCEEDED, RefundState.APPROVED)
    assert (second.sent_at, second.next_attempt_at) == (None, NOON + refund_rules.APART)
    work(NOON + MINUTE)
    assert now(second).state == RefundState.SUCCEEDED
    assert sums(receipt) == (1600, 0, 1000)


def test_partial_refunds_until_nothing_is_left(till: Till) -> None:
    receipt = credit()
    for minutes, cents in enumerate((1000, 1, 1599)):
        approved(receipt, cents)
        assert work(NOON + minutes * MINUTE) == 1
    assert sums(receipt) == (2600, 0, 0)
    with pytest.raises(refunds.NotRefundable):
        asked(receipt, 1)
    assert build.balance(receipt.account) == 0
    assert build.books_are_right()


def test_a_total_held_back_is_booked_when_ours_has_ended(till: Till) -> None:
    """Somebody refunds 500 in the gateway's console while ours is there."""
    receipt = credit()
    row = approved(receipt)
    till.says[row.number] = RefundStatus.PENDING
    work()
    till.refunds["CONSOLE1"] = 500
    assert receipt.payment is not None
    build.apply(receipt.payment, told(receipt.payment, ("CONSOLE1", None), total=1500))
    assert not Refund.objects.exists()
    del till.says[row.number]
    assert work(NOON) == 1  # asked about at once
    assert dict(Refund.objects.values_list("request_no", "amount_cents")) == {row.number: 1000, "#1500": 500}
    assert sums(receipt) == (1500, 0, 1100)
    assert build.books_are_right()


def test_two_that_wait_at_the_gateway_do_not_wake_each_other(till: Till) -> None:
    """500 more are back than our books explain, and neither of ours has ended: each is asked once, then in its turn."""
    receipt = credit()
    first, second = approved(receipt, 1000), approved(receipt, 600)
    till.says = {first.number: RefundStatus.PENDING, second.number: RefundStatus.PENDING}
    work()
    work(NOON + MINUTE)
    till.refunds["CONSOLE1"] = 500
    assert receipt.payment is not None
    build.apply(receipt.payment, told(receipt.payment, ("CONSOLE1", None), total=500), as_of=NOON + MINUTE)
    assert work(NOON + MINUTE) == 2
    assert work(NOON + MINUTE) == 0
    assert not Refund.objects.exists()
    till.says.clear()
    assert work(build.LATER) == 2
    assert sums(receipt) == (2100, 0, 500)
    assert build.books_are_right()


def test_a_notice_that_is_quicker_than_the_answer_changes_nothing_twice(till: Till) -> None:
    receipt = credit()
    row = approved(receipt)
    assert receipt.payment is not None
    payment = receipt.payment

    def told_meanwhile() -> None:
        build.apply(payment, told(payment, (row.number, None), total=1000))

    till.on_the_way_back = told_meanwhile
    work()
    assert steps(row) == ["REQUESTED", "APPROVED", "SUCCEEDED"]
    assert sums(receipt) == (1000, 0, 1600)
    assert Refund.objects.count() == 1


def test_what_was_paid_by_hand_meanwhile_is_not_sent(till: Till) -> None:
    row = approved(credit())
    claimed = refund_sending.claim(as_of=NOON)
    assert claimed is not None
    refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    refund_sending.carry_out(claimed, as_of=NOON)
    assert till.calls == []


def test_a_lease_is_respected_and_runs_out(till: Till) -> None:
    approved(credit())
    assert refund_sending.claim(as_of=NOON) is not None
    assert refund_sending.claim(as_of=NOON) is None
    assert refund_sending.claim(as_of=NOON + timedelta(seconds=91)) is not None


def test_without_a_contract_it_waits(settings: Any) -> None:
    settings.ALIPAY_APP_ID = ""
    row = approved(credit())
    work()
    assert (now(row).state, row.error) == (RefundState.APPROVED, registry.NotOffered.__name__)


def test_staff_ask_at_once(till: Till) -> None:
    row = approved(credit())
    till.says[row.number] = RefundStatus.PENDING
    work()
    del till.says[row.number]
    assert refund_sending.ask_now(request_id=row.pk, actor=ACTOR, as_of=NOON) == RefundState.SUCCEEDED
    assert row.history.get(to_state="SUCCEEDED").actor == ACTOR.ref
    with pytest.raises(refund_sending.NothingToAsk):
        refund_sending.ask_now(request_id=row.pk, actor=ACTOR, as_of=NOON)


def test_a_refund_that_the_books_refuse_waits_for_a_person(till: Till) -> None:
    """The gateway paid ours, although it had said before that all of it was gone."""
    receipt = credit()
    row = approved(receipt)
    assert receipt.payment is not None
    build.apply(receipt.payment, told(receipt.payment, ("CONSOLE1", None), total=2600))
    work()
    assert now(row).state == RefundState.ABNORMAL
    assert row.history.get(to_state="ABNORMAL").reason == "refused by the books: REFUND_ABOVE_RECEIPT"
    assert sums(receipt) == (2600, 1000, -1000)
    refunds.give_up(request_id=row.pk, actor=ACTOR, reason="已向客户追回", as_of=NOON)
    assert sums(receipt) == (2600, 0, 0)
    assert build.books_are_right()


@pytest.mark.django_db(transaction=True)
def test_the_task_leaves_a_silent_gateway_alone_until_its_next_turn(till: Till) -> None:
    rows = [approved(credit()) for _ in range(3)]
    till.is_away = True
    with clock.stopped(NOON):
        assert tasks.carry_out_refunds() == 1
        till.is_away = False
        assert tasks.carry_out_refunds() == 2
    assert sorted(now(row).state for row in rows) == ["APPROVED", "SUCCEEDED", "SUCCEEDED"]


@pytest.mark.django_db(transaction=True)
def test_a_refund_past_its_day_is_complained_of() -> None:
    row = approved(credit())
    for days, is_late in ((15, False), (16, True)):
        with clock.stopped(NOON + timedelta(days=days)):
            assert tasks.watch_refunds() == int(is_late)
        beat = Heartbeat.objects.get(job=refund_sending.WATCH)
        assert (beat.last_ok, beat.detail) == (not is_late, {"overdue": int(is_late)})
    refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
    with clock.stopped(NOON + timedelta(days=16)):
        assert tasks.watch_refunds() == 0


@pytest.mark.django_db(transaction=True)
def test_what_may_be_at_the_gateway_is_written_down_for_good_before_it_is_sent(till: Till) -> None:
    row = approved(credit())
    seen = []

    def look() -> None:
        assert not connection.in_atomic_block
        seen.extend(together(lambda: RefundRequest.objects.get(pk=row.pk).sent_at))

    till.on_the_way = look
    work()
    assert seen == [NOON]
    assert now(row).state == RefundState.SUCCEEDED
