"""State for the tests of refunds, and a gateway that pays back as a script tells it to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, User
from billing.gateways import registry
from billing.gateways.base import (
    Charge,
    GatewayError,
    Instruction,
    RefundReport,
    RefundResult,
    RefundStatus,
    Report,
    ReportStatus,
    Trade,
)
from billing.models import Payment, Receipt, RefundReason, RefundRequest, RefundState
from billing.services.refunds import refund_sending, refunds
from tests.billing import build
from tests.conftest import NOON

ACTOR = build.ACTOR
MINUTE = timedelta(minutes=1)


def credit(cents: int = 2600, *, owner: User | None = None, of: BillingAccount | None = None) -> Receipt:
    """Money of which nothing is owed: all of it may go back."""
    payment = build.payment(of or build.account(owner), cents)
    build.apply(payment, build.report(payment))
    return Receipt.objects.get(payment=payment)


def asked(receipt: Receipt, cents: int = 1000, *, as_of: datetime = NOON, **more: Any) -> RefundRequest:
    """A request of staff that nobody has decided yet."""
    given: dict[str, Any] = {
        "reason": "客户来电",
        "reason_code": RefundReason.OVERPAID,
        "actor": ACTOR,
    } | more
    return refunds.request(receipt_id=receipt.pk, amount_cents=cents, as_of=as_of, **given)


def approved(receipt: Receipt, cents: int = 1000, *, as_of: datetime = NOON, **more: Any) -> RefundRequest:
    row = asked(receipt, cents, as_of=as_of, **more)
    if row.state == RefundState.APPROVED:  # a customer's own, small enough
        return row
    return refunds.approve(request_id=row.pk, actor=ACTOR, as_of=as_of)


def work(as_of: datetime = NOON) -> int:
    """What a worker does at that instant; returns how many requests it had in hand."""
    taken = 0
    while (claimed := refund_sending.claim(as_of=as_of)) is not None:
        taken += 1
        assert taken < 100, "requests wake each other without end"
        refund_sending.carry_out(claimed, as_of=as_of)
    return taken


def told(payment: Payment, *refunds_told: tuple[str, int | None], total: int = 0, **changes: Any) -> Report:
    """A report that names refunds as (number, own amount or None) and the running total."""
    named = tuple(
        RefundReport(request_no=number, amount_cents=cents, refunded_at=NOON)
        for number, cents in refunds_told
    )
    return build.report(payment, refunds=named, total_refunded_cents=total, **changes)


def with_status(report: Report, status: RefundStatus) -> Report:
    """The same report, whose refunds stand otherwise."""
    return replace(report, refunds=tuple(replace(each, status=status) for each in report.refunds))


def now(row: RefundRequest) -> RefundRequest:
    row.refresh_from_db()
    return row


def steps(row: RefundRequest) -> list[str]:
    return list(row.history.order_by("id").values_list("to_state", flat=True))


def sums(receipt: Receipt) -> tuple[int, int, int]:
    """Refunded, reserved and free fen."""
    receipt.refresh_from_db()
    return receipt.refunded_cents, receipt.refunding_cents, receipt.free_cents


@dataclass
class Till:
    """A gateway's refunds. Each number pays once; what `says` names for a number decides how it ends there."""

    paid: int = 2600
    tells_totals: bool = True  # as Alipay does
    at_first: RefundStatus = RefundStatus.SUCCEEDED  # how a new refund begins
    is_mute: bool = False  # takes calls, and its answer is lost
    is_away: bool = False  # does not even get them
    refusal: GatewayError | None = None  # what it answers to a refund
    on_the_way: Callable[[], None] = lambda: None  # happens before a refund arrives there
    on_the_way_back: Callable[[], None] = lambda: None  # happens before its answer arrives here
    says: dict[str, RefundStatus] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    trades: set[Trade] = field(default_factory=set)  # that calls were about

    code = "alipay"

    @property
    def total(self) -> int:
        """What has gone back by now."""
        return sum(
            cents for number, cents in self.refunds.items() if self.status(number) == RefundStatus.SUCCEEDED
        )

    def status(self, request_no: str) -> RefundStatus:
        if request_no not in self.refunds:
            return RefundStatus.NOT_FOUND
        return self.says.get(request_no, RefundStatus.SUCCEEDED)

    def refund(self, trade: Trade, request_no: str, amount_cents: int, reason: str) -> RefundResult:
        self.trades.add(trade)
        self.calls.append(("refund", request_no))
        self.on_the_way()
        self._be_away()
        if self.refusal:
            raise self.refusal
        assert self.refunds.get(request_no, amount_cents) == amount_cents
        held = sum(
            cents for each, cents in self.refunds.items() if self.says.get(each) != RefundStatus.FAILED
        )
        if request_no not in self.refunds and held + amount_cents > self.paid:
            raise GatewayError("REFUND_AMT_NOT_EQUAL_TOTAL", "more than was paid", permanent=True)
        if request_no not in self.refunds and self.at_first != RefundStatus.SUCCEEDED:
            self.says[request_no] = self.at_first
        self.refunds[request_no] = amount_cents
        self._be_mute()
        self.on_the_way_back()
        return self._result(request_no)

    def query_refund(self, trade: Trade, request_no: str) -> RefundResult:
        self.trades.add(trade)
        self.calls.append(("query", request_no))
        self._be_away()
        self._be_mute()
        return self._result(request_no)

    def _result(self, request_no: str) -> RefundResult:
        status = self.status(request_no)
        done = status == RefundStatus.SUCCEEDED
        return RefundResult(
            request_no=request_no,
            status=status,
            amount_cents=self.refunds.get(request_no, 0),
            total_refunded_cents=self.total if done and self.tells_totals else None,
            refunded_at=NOON if done else None,
        )

    def _be_away(self) -> None:
        if self.is_away:
            raise GatewayError("NETWORK", "nobody there", permanent=False)

    def _be_mute(self) -> None:
        if self.is_mute:
            raise GatewayError("NETWORK", "the answer was lost", permanent=False)

    def create(self, charge: Charge) -> Instruction:
        raise AssertionError("nobody pays here")

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Report:
        raise AssertionError("nothing is told here")

    def callback_reply(self, accepted: bool) -> tuple[int, bytes, str]:
        raise AssertionError("nothing is told here")

    def query(self, reference: str) -> Report:
        raise AssertionError("nobody asks for payments here")

    def close(self, reference: str) -> ReportStatus:
        raise AssertionError("nothing is closed here")


def open_till(monkeypatch: pytest.MonkeyPatch, till: Till) -> Till:
    """The hall speaks to this gateway, whatever the code."""
    get: Callable[[str], Till] = lambda code: till  # noqa: E731
    monkeypatch.setattr(registry, "get", get)
    return till
