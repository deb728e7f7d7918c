"""What every gateway must do, whatever it speaks. A gateway's test inherits the class and gives it two fixtures."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from billing.gateways.base import (
    CallbackRejected,
    Charge,
    Gateway,
    GatewayError,
    Instruction,
    RefundResult,
    RefundStatus,
    Report,
    ReportStatus,
    Trade,
)
from tests.sandbox.process import until


class Outside(Protocol):
    """The other side as a test moves it: the customer at the cashier, and the messages that arrive here."""

    notify_url: str

    def arrive(self, instruction: Instruction) -> None:
        """The customer opens the cashier and does not pay."""

    def pay(self, instruction: Instruction) -> bool:
        """The customer pays; False when the cashier refuses."""

    def pay_again(self, instruction: Instruction) -> None:
        """The customer pays what he has paid once more, as a trade of its own."""

    def notices(self, reference: str, count: int) -> list[tuple[Mapping[str, str], bytes]]:
        """The first `count` messages about a trade, as received (headers, body); fails when they do not come."""


def refund_no(charge: Charge, number: int) -> str:
    """Unique for the merchant, as some gateways want it."""
    return f"{charge.reference}R{number}"


def unnamed(charge: Charge) -> Trade:
    """The trade of a charge whose gateway's number is not known yet."""
    return Trade(charge.reference, "")


class GatewayConformance:
    """Inherit, and define the fixtures `gateway`, `dead_gateway` (same, nobody answers) and `outside`."""

    notices_tell_totals = True  # of a trade's refunds; else each tells the amount of its own refund
    refunds_are_found_without_their_trade = False  # by our number alone, unique for the merchant

    def charge(self, outside: Outside, cents: int = 2600, *, minutes: float = 30) -> Charge:
        now = datetime.now(UTC)
        return Charge(
            reference=f"P{secrets.token_hex(10)}",
            amount_cents=cents,
            subject="有线电视收视维护费",
            created_at=now,
            expires_at=now + timedelta(minutes=minutes),
            return_url="http://127.0.0.1:9/return/",
            notify_url=outside.notify_url,
        )

    def paid(self, gateway: Gateway, outside: Outside, cents: int = 2600) -> Charge:
        charge = self.charge(outside, cents)
        assert outside.pay(gateway.create(charge))
        return charge

    def can_be_paid(self, gateway: Gateway, outside: Outside, charge: Charge) -> bool:
        """Some gateways refuse the charge, others only the customer."""
        try:
            return outside.pay(gateway.create(charge))
        except GatewayError:
            return False

    def refunded(
        self, gateway: Gateway, charge: Charge, number: int, cents: int, *, trade_no: str = ""
    ) -> RefundResult:
        """The end of a refund; what the gateway only takes at first is asked about."""
        request_no, trade = refund_no(charge, number), Trade(charge.reference, trade_no)
        result = gateway.refund(trade, request_no, cents, "多收")
        assert result.status in (RefundStatus.SUCCEEDED, RefundStatus.PENDING)
        found = [result]

        def is_over() -> bool:
            if found[-1].status is RefundStatus.PENDING:
                found.append(gateway.query_refund(trade, request_no))
            return found[-1].status is not RefundStatus.PENDING

        until(is_over)
        return found[-1]

    def heard(self, gateway: Gateway, outside: Outside, reference: str, count: int = 1) -> Report:
        headers, body = outside.notices(reference, count)[-1]
        return gateway.parse_callback(headers, body)

    def test_an_unknown_reference_is_not_found(self, gateway: Gateway) -> None:
        report = gateway.query("PNEVERSEEN")
        assert (report.status, report.reference, report.amount_cents) == (
            ReportStatus.NOT_FOUND,
            "PNEVERSEEN",
            0,
        )

    def test_a_trade_that_is_not_paid_yet_waits(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.charge(outside)
        outside.arrive(gateway.create(charge))
        report = gateway.query(charge.reference)
        assert (report.status, report.amount_cents, report.paid_at) == (ReportStatus.WAITING, 2600, None)

    def test_a_payment_is_reported_alike_by_notice_and_by_query(
        self, gateway: Gateway, outside: Outside
    ) -> None:
        before = datetime.now(UTC) - timedelta(seconds=2)
        charge = self.paid(gateway, outside)
        heard = self.heard(gateway, outside, charge.reference)
        asked = gateway.query(charge.reference)
        assert heard.status is ReportStatus.SUCCEEDED
        assert (heard.gateway, heard.reference, heard.amount_cents) == (gateway.code, charge.reference, 2600)
        assert heard.trade_no
        assert heard.notify_id
        assert heard.paid_at is not None
        assert before < heard.paid_at < datetime.now(UTC) + timedelta(seconds=2)
        assert "*" in heard.buyer
        assert replace(heard, notify_id="") == asked

    @pytest.mark.parametrize("cents", [1, 9, 10, 99, 100, 105, 12_345_678])
    def test_amounts_survive_the_way_there_and_back(
        self, gateway: Gateway, outside: Outside, cents: int
    ) -> None:
        charge = self.paid(gateway, outside, cents)
        assert self.heard(gateway, outside, charge.reference).amount_cents == cents
        assert gateway.query(charge.reference).amount_cents == cents

    def test_the_same_charge_twice_is_one_trade(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.paid(gateway, outside)
        assert not self.can_be_paid(gateway, outside, charge)

    def test_a_changed_notice_is_refused(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.paid(gateway, outside)
        ((headers, body),) = outside.notices(charge.reference, 1)
        for position in range(0, len(body), 7):
            changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
            try:
                report = gateway.parse_callback(headers, changed)
            except CallbackRejected:
                continue
            assert report == gateway.parse_callback(headers, body)

    @pytest.mark.parametrize("body", [b"", b"{}", b"a=b", b"\xff" * 100, b"null", b"<x/>", b"[" * 10_000])
    def test_garbage_is_refused_and_nothing_else_happens(self, gateway: Gateway, body: bytes) -> None:
        with pytest.raises(CallbackRejected):
            gateway.parse_callback({}, body)

    def test_closing_is_safe_to_repeat_and_final(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.charge(outside)
        instruction = gateway.create(charge)
        outside.arrive(instruction)
        assert gateway.close(charge.reference) is ReportStatus.CLOSED
        assert gateway.close(charge.reference) is ReportStatus.CLOSED
        assert gateway.query(charge.reference).status is ReportStatus.CLOSED
        assert not outside.pay(instruction)

    def test_closing_what_does_not_exist_is_closed(self, gateway: Gateway) -> None:
        assert gateway.close("PNEVERSEEN") is ReportStatus.CLOSED

    def test_closing_too_late_says_that_it_is_paid(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.paid(gateway, outside)
        assert gateway.close(charge.reference) is ReportStatus.SUCCEEDED
        assert gateway.query(charge.reference).status is ReportStatus.SUCCEEDED

    def test_a_charge_cannot_be_paid_after_it_expired(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.charge(outside, minutes=-1)
        assert not self.can_be_paid(gateway, outside, charge)

    def test_a_refund_is_paid_out_once_however_often_it_is_asked(
        self, gateway: Gateway, outside: Outside
    ) -> None:
        charge = self.paid(gateway, outside)
        for _ in range(3):
            result = self.refunded(gateway, charge, 1, 1000)
            assert (result.status, result.amount_cents) == (RefundStatus.SUCCEEDED, 1000)
        found = gateway.query_refund(unnamed(charge), refund_no(charge, 1))
        assert (found.status, found.amount_cents) == (RefundStatus.SUCCEEDED, 1000)
        # 1000 + 1600 = 26.00: the first was paid out once
        assert self.refunded(gateway, charge, 2, 1600).status is RefundStatus.SUCCEEDED
        assert gateway.query(charge.reference).status is ReportStatus.SUCCEEDED

    def test_refunds_are_reported_one_by_one(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.paid(gateway, outside)
        self.refunded(gateway, charge, 1, 1000)
        first = self.heard(gateway, outside, charge.reference, 2)
        self.refunded(gateway, charge, 2, 1600)
        second = self.heard(gateway, outside, charge.reference, 3)
        told = [1000, 2600] if self.notices_tell_totals else [1000, 1600]
        own = [None, None] if self.notices_tell_totals else [1000, 1600]
        assert [report.status for report in (first, second)] == [ReportStatus.SUCCEEDED] * 2
        assert [report.total_refunded_cents for report in (first, second)] == told
        assert [report.refunds[0].amount_cents for report in (first, second)] == own
        assert [report.refunds[0].request_no for report in (first, second)] == [
            refund_no(charge, 1),
            refund_no(charge, 2),
        ]
        assert {report.refunds[0].status for report in (first, second)} == {RefundStatus.SUCCEEDED}
        assert first.amount_cents == second.amount_cents == 2600

    def test_of_an_order_paid_twice_the_trade_that_is_named_is_refunded(
        self, gateway: Gateway, outside: Outside
    ) -> None:
        charge = self.charge(outside)
        instruction = gateway.create(charge)
        assert outside.pay(instruction)
        first = self.heard(gateway, outside, charge.reference)
        outside.pay_again(instruction)
        second = self.heard(gateway, outside, charge.reference, 2)
        assert first.trade_no != second.trade_no
        assert {first.status, second.status} == {ReportStatus.SUCCEEDED}
        for count, paid in enumerate((second, first), 3):
            result = self.refunded(gateway, charge, count, 2600, trade_no=paid.trade_no)
            total = 2600 if self.notices_tell_totals else None
            assert (result.status, result.total_refunded_cents) == (RefundStatus.SUCCEEDED, total)
            told = self.heard(gateway, outside, charge.reference, count)
            assert (told.reference, told.trade_no) == (charge.reference, paid.trade_no)
            assert (told.refunds[0].request_no, told.total_refunded_cents) == (refund_no(charge, count), 2600)
            with pytest.raises(GatewayError) as caught:
                self.refunded(gateway, charge, 10 + count, 1, trade_no=paid.trade_no)
            assert caught.value.permanent

    def test_a_refund_is_not_found_in_the_other_trade(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.charge(outside)
        instruction = gateway.create(charge)
        assert outside.pay(instruction)
        first = self.heard(gateway, outside, charge.reference)
        outside.pay_again(instruction)
        second = self.heard(gateway, outside, charge.reference, 2)
        self.refunded(gateway, charge, 1, 1000, trade_no=second.trade_no)
        other = Trade(charge.reference, first.trade_no)
        if self.refunds_are_found_without_their_trade:
            with pytest.raises(GatewayError) as caught:
                gateway.query_refund(other, refund_no(charge, 1))
            assert not caught.value.permanent
        else:
            found = gateway.query_refund(other, refund_no(charge, 1))
            assert found.status is RefundStatus.NOT_FOUND

    def test_more_than_was_paid_is_refused_for_good(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.paid(gateway, outside)
        self.refunded(gateway, charge, 1, 1000)
        with pytest.raises(GatewayError) as caught:
            gateway.refund(unnamed(charge), refund_no(charge, 2), 1601, "多收")
        assert caught.value.permanent
        found = gateway.query_refund(unnamed(charge), refund_no(charge, 2))
        assert found.status is RefundStatus.NOT_FOUND

    def test_the_same_refund_number_with_another_amount_is_refused(
        self, gateway: Gateway, outside: Outside
    ) -> None:
        charge = self.paid(gateway, outside)
        gateway.refund(unnamed(charge), refund_no(charge, 1), 1000, "多收")
        with pytest.raises(GatewayError):
            gateway.refund(unnamed(charge), refund_no(charge, 1), 999, "多收")

    def test_what_was_not_paid_is_not_refunded(self, gateway: Gateway, outside: Outside) -> None:
        charge = self.charge(outside)
        outside.arrive(gateway.create(charge))
        for reference in (charge.reference, "PNEVERSEEN"):
            with pytest.raises(GatewayError):
                gateway.refund(Trade(reference, ""), "RF1", 1, "多收")

    def test_when_nobody_answers_nothing_is_known(self, dead_gateway: Gateway) -> None:
        for ask in (
            lambda: dead_gateway.query("P00001"),
            lambda: dead_gateway.close("P00001"),
            lambda: dead_gateway.refund(Trade("P00001", ""), "RF1", 1, "多收"),
            lambda: dead_gateway.refund(Trade("P00001", "4"), "RF1", 1, "多收"),
            lambda: dead_gateway.query_refund(Trade("P00001", "4"), "RF1"),
        ):
            with pytest.raises(GatewayError) as caught:
                ask()
            assert not caught.value.permanent

    def test_the_two_replies_differ(self, gateway: Gateway) -> None:
        assert gateway.callback_reply(True) != gateway.callback_reply(False)
