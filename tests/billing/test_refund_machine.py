"""Refunds in any order: people ask and decide, workers send, the gateway pays, stalls, refuses and tells, at any time.

Never more goes back than was received, nothing reserved is used twice, and when all has been said the books hold
exactly what the gateway paid.
"""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.gateways.base import RefundStatus, Report
from billing.models import Receipt, Refund, RefundRequest, RefundState, RefundWay
from billing.models.refunds import ENDED
from billing.services.refunds import refunds
from core.errors import HallError
from tests.billing import build
from tests.billing.refunds_build import (
    ACTOR,
    Till,
    approved,
    asked,
    credit,
    open_till,
    told,
    with_status,
    work,
)
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
STORIES = 20
PAID = 1000
PICK = st.integers(0, 100)
CENTS = st.integers(1, PAID // 3)  # room for several
STALLS = {
    True: [RefundStatus.PENDING, RefundStatus.SUCCEEDED],  # a gateway that tells totals has no other words
    False: [RefundStatus.PENDING, RefundStatus.ABNORMAL, RefundStatus.FAILED, RefundStatus.SUCCEEDED],
}


class Refunding(RuleBasedStateMachine):
    """One receipt and its gateway."""

    tells_totals = True
    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.as_of = NOON
        self.till = open_till(self.patch, Till(paid=PAID, tells_totals=self.tells_totals))
        self.receipt = credit(PAID)
        assert self.receipt.payment is not None
        self.payment = self.receipt.payment
        self.notices: list[Report] = []
        self.consoles = 0

    def teardown(self) -> None:
        try:
            self.all_is_said()
        finally:
            transaction.set_rollback(True)
            self.story.__exit__(None, None, None)

    @rule(cents=CENTS, by_hand=st.sampled_from([False, False, True]), at_once=st.booleans())
    def somebody_asks(self, cents: int, by_hand: bool, at_once: bool) -> None:
        self.receipt.refresh_from_db()
        free = self.receipt.free_cents
        try:
            ask = approved if at_once else asked
            ask(self.receipt, cents, by_hand=by_hand, as_of=self.as_of)
        except refunds.NotRefundable:
            assert cents > free
        else:
            assert cents <= free

    @precondition(lambda self: RefundRequest.objects.filter(receipt=self.receipt).exists())
    @rule(
        pick=PICK,
        how=st.sampled_from(["approve", "approve", "approve", "reject", "cancel", "send_again", "give_up"]),
    )
    def somebody_decides(self, pick: int, how: str) -> None:
        row = self.chosen(pick)
        more = {} if how in ("approve", "cancel") else {"reason": "测试"}
        try:
            with transaction.atomic():
                getattr(refunds, how)(request_id=row.pk, actor=ACTOR, as_of=self.as_of, **more)
        except HallError:
            assert RefundRequest.objects.get(pk=row.pk).state == row.state

    @precondition(lambda self: RefundRequest.objects.filter(receipt=self.receipt).exists())
    @rule(pick=PICK)
    def somebody_pays_by_hand(self, pick: int) -> None:
        row = self.chosen(pick)
        try:
            with transaction.atomic():
                refunds.paid_by_hand(request_id=row.pk, evidence="B1", actor=ACTOR, as_of=self.as_of)
        except HallError:
            assert RefundRequest.objects.get(pk=row.pk).state == row.state

    @rule(minutes=st.integers(0, 90))
    def workers_work(self, minutes: int) -> None:
        self.as_of += timedelta(minutes=minutes)
        before = set(self.till.refunds)
        work(self.as_of)
        for number in set(self.till.refunds) - before:
            self.tell(number)

    @rule(mute=st.booleans(), away=st.booleans(), stalls=st.booleans())
    def the_gateway_has_good_and_bad_hours(self, mute: bool, away: bool, stalls: bool) -> None:
        self.till.is_mute, self.till.is_away = mute, away
        self.till.at_first = RefundStatus.PENDING if stalls else RefundStatus.SUCCEEDED

    @rule(cents=CENTS)
    def somebody_refunds_in_the_console(self, cents: int) -> None:
        held = sum(c for n, c in self.till.refunds.items() if self.till.status(n) != RefundStatus.FAILED)
        if held + cents <= PAID:
            self.consoles += 1
            self.till.refunds[f"CONSOLE{self.consoles}"] = cents
            self.tell(f"CONSOLE{self.consoles}")

    @precondition(lambda self: self.till.refunds)
    @rule(pick=PICK, which=st.integers(0, 3))
    def the_gateway_stalls_or_ends_a_refund(self, pick: int, which: int) -> None:
        """What has arrived or was closed there stays so; what is stalled may end in any way."""
        number = sorted(self.till.refunds)[pick % len(self.till.refunds)]
        is_new = number not in self.till.says and not Refund.objects.filter(request_no=number).exists()
        is_told = any(number == each.request_no for report in self.notices for each in report.refunds)
        if (
            self.till.says.get(number) in (RefundStatus.PENDING, RefundStatus.ABNORMAL)
            or is_new
            and not is_told
        ):
            words = STALLS[self.tells_totals]
            self.till.says[number] = words[which % len(words)]
            self.tell(number)

    @precondition(lambda self: self.notices)
    @rule(pick=PICK, newest=st.booleans())
    def a_notice_arrives(self, pick: int, newest: bool) -> None:
        self.hear(self.notices[-1 if newest else pick % len(self.notices)])

    @invariant()
    def the_books_are_right(self) -> None:
        assert build.books_are_right()
        receipt = Receipt.objects.get(pk=self.receipt.pk)
        assert 0 <= receipt.refunded_cents <= PAID
        assert self.by_gateway() <= self.till.total

    def tell(self, number: str) -> None:
        """The gateway writes a notice about this refund; who knows when it will arrive."""
        status = self.till.status(number)
        if self.tells_totals:
            if status == RefundStatus.SUCCEEDED:
                self.notices.append(told(self.payment, (number, None), total=self.till.total))
        else:
            report = told(self.payment, (number, self.till.refunds[number]), total=0)
            self.notices.append(with_status(report, status))

    def hear(self, report: Report) -> None:
        try:
            with transaction.atomic():
                build.apply(self.payment, report, as_of=self.as_of)
        except refunds.RefundAboveReceipt:
            # Only what was paid by hand besides can make it too much.
            assert RefundRequest.objects.filter(receipt=self.receipt, evidence="B1").exists()

    def chosen(self, pick: int) -> RefundRequest:
        rows = RefundRequest.objects.filter(receipt=self.receipt).order_by("id")
        return rows[pick % rows.count()]

    def by_gateway(self) -> int:
        rows = Refund.objects.filter(receipt=self.receipt).exclude(request__way=RefundWay.BY_HAND)
        return int(rows.aggregate(cents=Sum("amount_cents", default=0))["cents"])

    def all_is_said(self) -> None:
        """The line is good, every stalled refund ends, every notice arrives: the books are what the gateway did."""
        self.till.is_mute = self.till.is_away = False
        self.till.at_first = RefundStatus.SUCCEEDED
        for number, status in list(self.till.says.items()):
            if status in (RefundStatus.PENDING, RefundStatus.ABNORMAL):
                del self.till.says[number]
                self.tell(number)
        for _ in range(6):
            self.workers_work(90)
        for report in [*self.notices, *self.notices]:
            self.hear(report)
        self.the_books_are_right()
        waiting = RefundRequest.objects.filter(receipt=self.receipt, way=RefundWay.SOURCE)
        by_hand = RefundRequest.objects.filter(receipt=self.receipt, evidence="B1").exists()
        if (
            not by_hand
        ):  # else too much may have gone back in all: some of it fits nowhere, and staff are told
            left = waiting.exclude(state__in=[*ENDED, RefundState.REQUESTED, RefundState.ABNORMAL])
            assert [str(row) for row in left] == []
            assert self.by_gateway() == self.till.total


class RefundingByAmounts(Refunding):
    tells_totals = False


@pytest.mark.parametrize("machine", [Refunding, RefundingByAmounts])
def test_never_more_than_received_whatever_happens(
    machine: type[Refunding], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.patch = monkeypatch
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
