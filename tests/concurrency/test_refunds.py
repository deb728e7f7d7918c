"""Refund against refund, refund against what the gateway reports, and people against each other."""

from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing import locks
from billing.gateways.base import RefundStatus
from billing.models import Receipt, Refund, RefundHistory, RefundRequest, RefundState
from billing.services.money import credits
from billing.services.payments.payments import Applied
from billing.services.refunds import refund_sending, refund_states, refunds
from core.db import violated
from core.statemachine import IllegalTransition
from tests.billing import build
from tests.billing.refunds_build import ACTOR, Till, approved, asked, credit, now, open_till, sums, told
from tests.concurrency.races import Meeting, caught
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def without_locks(monkeypatch: pytest.MonkeyPatch, *, meet_at: str) -> None:
    """Receipt and request are read without locks; both parties have come past `meet_at` before one writes."""
    reads = {
        "receipt_with_account": lambda pk: Receipt.objects.get(pk=pk),
        "refund_request": lambda pk: RefundRequest.objects.get(pk=pk),
    }
    reads[meet_at] = Meeting(2).after(reads[meet_at])
    for name, read in reads.items():
        monkeypatch.setattr(locks, name, read)


def test_control_without_the_lock_two_requests_reserve_more_than_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt = credit()
    without_locks(monkeypatch, meet_at="receipt_with_account")
    together(partial(asked, receipt, 2000), partial(asked, receipt, 2000))
    assert sums(receipt) == (0, 4000, -1400)


def test_two_requests_never_reserve_more_than_there_is() -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        outcomes = together(*[caught(partial(asked, receipt, 1000))] * 4)
        refused = [outcome for outcome in outcomes if isinstance(outcome, refunds.NotRefundable)]
        assert len(refused) == 2
        assert sums(receipt) == (0, 2000, 600)
    assert RefundRequest.objects.count() == 2 * ROUNDS
    assert build.books_are_right()


def test_one_key_asked_twice_at_once_is_one_request() -> None:
    receipt = credit()
    rows = together(*[partial(asked, receipt, 1000, key="a-key")] * 4)
    assert len({row.pk for row in rows}) == 1
    assert sums(receipt) == (0, 1000, 1600)


def test_a_refund_and_a_new_bill_never_use_the_same_money() -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        outcomes = together(caught(partial(asked, receipt, 2000)), partial(build.bill, receipt.account, 2600))
        receipt.refresh_from_db()
        if isinstance(outcomes[0], refunds.NotRefundable):
            assert (receipt.allocated_cents, receipt.refunding_cents) == (2600, 0)
        else:
            assert (receipt.allocated_cents, receipt.refunding_cents) == (600, 2000)
        credits.use(account_id=receipt.account_id, as_of=NOON)
        receipt.refresh_from_db()
        assert receipt.free_cents == 0
    assert build.books_are_right()


def sent(receipt: Receipt, cents: int = 1000) -> RefundRequest:
    row = approved(receipt, cents)
    RefundRequest.objects.filter(pk=row.pk).update(sent_at=NOON)
    return now(row)


def reported(receipt: Receipt, row: RefundRequest) -> Applied:
    """The notice that names the request."""
    assert receipt.payment is not None
    return build.apply(receipt.payment, told(receipt.payment, (row.number, None), total=row.amount_cents))


def answered(row: RefundRequest) -> Any:
    """A worker got the gateway's answer."""
    return refund_sending.carry_out(row, as_of=NOON)


def test_answer_and_notice_at_once_book_the_refund_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        row = sent(receipt)
        open_till(monkeypatch, Till(refunds={row.number: 1000}))
        outcomes = together(partial(answered, row), *[partial(reported, receipt, row)] * 3)
        assert outcomes[0] is True
        assert outcomes[1:].count(Applied.REFUNDED) <= 1
        assert list(Refund.objects.filter(receipt=receipt).values_list("request_no", "amount_cents")) == [
            (row.number, 1000)
        ]
        assert RefundHistory.objects.filter(request=row, to_state="SUCCEEDED").count() == 1
        assert sums(receipt) == (1000, 0, 1600)
    assert build.books_are_right()


def test_control_without_the_locks_only_the_constraint_stops_the_second_booking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt = credit()
    row = sent(receipt)
    meeting = Meeting(2)

    def naive() -> None:
        assert not Refund.objects.filter(receipt=receipt, request_no=row.number).exists()
        meeting.wait()
        Refund.objects.create(
            receipt=receipt, request_no=row.number, amount_cents=1000, refunded_at=NOON, booked_at=NOON
        )

    outcomes = together(caught(naive), caught(naive))
    [refused] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refused, IntegrityError)
    assert violated(refused) == "refund_once"


def test_ours_and_a_strangers_refund_at_once_are_both_booked_and_no_more() -> None:
    """The console's total holds ours, too: it is booked less ours, whoever comes first."""
    for _ in range(ROUNDS):
        receipt = credit()
        assert receipt.payment is not None
        row = sent(receipt)
        console = told(receipt.payment, ("CONSOLE1", None), total=1500)
        together(partial(reported, receipt, row), partial(build.apply, receipt.payment, console))
        assert now(row).state == RefundState.SUCCEEDED
        booked = Refund.objects.filter(receipt=receipt).values_list("amount_cents", flat=True)
        assert sorted(booked) == [500, 1000]
        assert sums(receipt) == (1500, 0, 1100)
    assert build.books_are_right()


def test_a_clerk_and_the_customer_at_once_are_decided_by_who_comes_first() -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        row = asked(receipt)
        outcomes = together(
            caught(partial(refunds.approve, request_id=row.pk, actor=ACTOR, as_of=NOON)),
            caught(partial(refunds.cancel, request_id=row.pk, actor=ACTOR, as_of=NOON)),
        )
        assert [isinstance(outcome, IllegalTransition) for outcome in outcomes].count(True) == 1
        state = now(row).state
        assert state in (RefundState.APPROVED, RefundState.CANCELLED)
        assert sums(receipt) == ((0, 1000, 1600) if state == RefundState.APPROVED else (0, 0, 2600))


def test_control_without_the_locks_one_request_is_given_back_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = credit()
    row, other = asked(receipt, 1000), asked(receipt, 1600)
    without_locks(monkeypatch, meet_at="refund_request")
    call = partial(refunds.reject, request_id=row.pk, reason="不符合", actor=ACTOR, as_of=NOON)
    together(call, call)
    assert sums(receipt) == (0, other.amount_cents - 1000, 2000)


def test_two_clerks_reject_it_once() -> None:
    receipt = credit()
    row = asked(receipt)
    calls = [partial(refunds.reject, request_id=row.pk, reason="不符合", actor=ACTOR, as_of=NOON)] * 4
    outcomes = together(*[caught(call) for call in calls])
    assert len([outcome for outcome in outcomes if isinstance(outcome, IllegalTransition)]) == 3
    assert sums(receipt) == (0, 0, 2600)
    assert build.books_are_right()


def test_each_request_is_one_workers_alone() -> None:
    rows = {approved(credit()).pk for _ in range(6)}
    taken: list[int] = []

    def work() -> None:
        while (claimed := refund_sending.claim(as_of=NOON)) is not None:
            taken.append(claimed.pk)

    together(*[work] * 4)
    assert sorted(taken) == sorted(rows)


def test_paid_by_hand_and_sent_at_once_is_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(ROUNDS):
        receipt = credit()
        row = approved(receipt)
        till = open_till(monkeypatch, Till())
        by_hand = partial(refunds.paid_by_hand, request_id=row.pk, evidence="B1", actor=ACTOR, as_of=NOON)
        outcomes = together(partial(answered, row), caught(by_hand))
        paid_there = bool(till.refunds)
        assert isinstance(outcomes[1], (refunds.AtTheGateway, IllegalTransition)) == paid_there
        assert now(row).state == RefundState.SUCCEEDED
        assert sums(receipt) == (1000, 0, 1600)
    assert build.books_are_right()


def test_an_end_and_its_repetition_leave_one_step() -> None:
    receipt = credit()
    row = sent(receipt)

    def fail() -> None:
        with_lock = locks.receipt_with_account(receipt.pk)
        refund_states.take(
            locks.refund_request(row.pk),
            with_lock,
            RefundStatus.FAILED,
            refunded_at=None,
            as_of=NOON,
            actor=ACTOR,
        )

    together(*[transaction.atomic(fail)] * 4)
    assert RefundHistory.objects.filter(request=row, to_state="FAILED").count() == 1
    assert sums(receipt) == (0, 0, 2600)
