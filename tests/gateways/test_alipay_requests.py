"""What Alipay is asked, and what is made of its answers."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest

from billing.gateways import rsa2
from billing.gateways.alipay import AlipayGateway, clean_subject
from billing.gateways.base import GatewayError, RefundStatus, Report, ReportStatus, Trade
from tests.gateways.keys import ALIPAY, STRANGER, Pair, charge, gateway

P1 = Trade("P1", "")
BEIJING = timezone(timedelta(hours=8))
QUERY = "alipay.trade.query"
CLOSE = "alipay.trade.close"
REFUND = "alipay.trade.refund"
REFUND_QUERY = "alipay.trade.fastpay.refund.query"
PAID = {
    "code": "10000",
    "msg": "Success",
    "out_trade_no": "P1",
    "trade_no": "T1",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "26.00",
    "buyer_logon_id": "138****0001",
    "send_pay_date": "2026-03-15 10:00:04",
}
NOT_EXISTING = {
    "code": "40004",
    "msg": "Business Failed",
    "sub_code": "ACQ.TRADE_NOT_EXIST",
    "sub_msg": "交易不存在",
}
Values = Mapping[str, object]


def answer(method: str, values: Values, by: Pair = ALIPAY) -> bytes:
    inner = json.dumps(values, ensure_ascii=False)
    name = method.replace(".", "_") + "_response"
    return f'{{"{name}":{inner},"sign":"{rsa2.sign(by.private, inner.encode())}"}}'.encode()


class Alipay:
    """Answers each method with fixed values and remembers what it was asked."""

    def __init__(self, **answers: Values) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, object]]] = []

    def __call__(self, url: str, form: bytes) -> bytes:
        params = dict(parse_qsl(urlsplit(url).query))
        content = json.loads(dict(parse_qsl(form.decode()))["biz_content"])
        self.asked.append((params["method"], content))
        return answer(params["method"], self.answers[params["method"].rsplit(".", 1)[1]])


def asking(alipay: Callable[[str, bytes], bytes]) -> AlipayGateway:
    return gateway(post=alipay)


def query(values: Values) -> Report:
    return asking(Alipay(query=values)).query("P1")


def test_create_is_a_redirect_with_everything_that_page_pay_needs() -> None:
    instruction = gateway().create(charge(subject="宽带 & 电视 = 3月/2026"))
    parts = urlsplit(instruction.url)
    sent = dict(parse_qsl(parts.query))
    assert instruction.kind == "redirect"
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://gateway.example/gateway.do"
    assert sent["method"] == "alipay.trade.page.pay"
    assert sent["timestamp"] == "2026-03-15 10:00:00"
    assert sent["return_url"] == "https://hall.example/payments/return/alipay/"
    assert sent["notify_url"] == "https://hall.example/payments/callbacks/alipay/"
    assert json.loads(sent["biz_content"]) == {
        "out_trade_no": "P20260315000001",
        "product_code": "FAST_INSTANT_TRADE_PAY",
        "total_amount": "26.00",
        "subject": "宽带 ＆ 电视 ＝ 3月／2026",
        "time_expire": "2026-03-15 10:30:00",
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a/b=c&d", "a／b＝c＆d"),
        ("  a\n\tb\x00c ", "a b c"),
        ("\ud800x", "x"),
        ("长" * 300, "长" * 256),
        ("\u200b", ""),
    ],
)
def test_subjects_are_made_fit_for_alipay(text: str, clean: str) -> None:
    assert clean_subject(text) == clean


def test_an_empty_subject_is_the_reference() -> None:
    sent = dict(parse_qsl(urlsplit(gateway().create(charge(subject="\x00")).url).query))
    assert json.loads(sent["biz_content"])["subject"] == "P20260315000001"


@pytest.mark.parametrize("reference", ["", "a b", "订单", "P-1", "P" * 65])
def test_a_reference_that_alipay_does_not_take_is_refused(reference: str) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway().create(charge(reference=reference))
    assert caught.value.permanent


@pytest.mark.parametrize("amount", [0, -1, 10_000_000_001])
def test_an_amount_that_alipay_does_not_take_is_refused(amount: int) -> None:
    with pytest.raises(GatewayError):
        gateway().create(charge(amount_cents=amount))


def test_query_reads_a_paid_trade() -> None:
    report = query(PAID)
    assert (report.reference, report.trade_no, report.amount_cents) == ("P1", "T1", 2600)
    assert report.status is ReportStatus.SUCCEEDED
    assert report.paid_at == report.occurred_at == datetime(2026, 3, 15, 10, 0, 4, tzinfo=BEIJING)
    assert (report.notify_id, report.refunds, report.total_refunded_cents) == ("", (), 0)


def test_query_of_an_unknown_trade_is_a_report() -> None:
    report = query(NOT_EXISTING)
    assert (report.status, report.reference, report.trade_no, report.amount_cents) == (
        ReportStatus.NOT_FOUND,
        "P1",
        "",
        0,
    )


def test_query_of_a_trade_that_was_paid_and_refunded_in_full_is_succeeded() -> None:
    report = query({**PAID, "trade_status": "TRADE_CLOSED"})
    assert (report.status, report.total_refunded_cents) == (ReportStatus.SUCCEEDED, 2600)


def test_query_of_a_trade_that_was_closed_unpaid_is_closed() -> None:
    report = query({**PAID, "trade_status": "TRADE_CLOSED", "send_pay_date": None})
    assert (report.status, report.total_refunded_cents, report.paid_at) == (ReportStatus.CLOSED, 0, None)


@pytest.mark.parametrize(
    "changes",
    [{"total_amount": "26.001"}, {"total_amount": 1e22}, {"trade_status": "?"}, {"out_trade_no": "P2"}],
)
def test_an_answer_that_is_not_exact_or_about_another_trade_is_an_error(changes: Values) -> None:
    with pytest.raises(GatewayError) as caught:
        query({**PAID, **changes})
    assert caught.value.code == "BAD_ANSWER"
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("code", "sub_code", "permanent"),
    [
        ("20000", "isp.unknow-error", False),
        ("20000", "", False),
        ("40004", "ACQ.SYSTEM_ERROR", False),
        ("40005", "aop.ACS-rate-limit", False),
        ("40002", "isv.invalid-signature", True),
        ("40002", "isv.invalid-app-id", True),
        ("40006", "isv.insufficient-isv-permissions", True),
        ("40004", "ACQ.INVALID_PARAMETER", True),
    ],
)
def test_errors_say_whether_asking_again_may_help(code: str, sub_code: str, permanent: bool) -> None:
    with pytest.raises(GatewayError) as caught:
        query({"code": code, "msg": "m", "sub_code": sub_code, "sub_msg": "说明"})
    assert caught.value.permanent is permanent
    assert caught.value.code == (sub_code or code)
    assert caught.value.message == "说明"


@pytest.mark.parametrize(
    "raw",
    [
        answer(QUERY, PAID, by=STRANGER),
        answer(QUERY, NOT_EXISTING, by=STRANGER),
        json.dumps({"alipay_trade_query_response": PAID}).encode(),
        json.dumps({"alipay_trade_query_response": PAID, "sign": ""}).encode(),
        answer(QUERY, PAID).replace(b"26.00", b"0.01"),
        answer(QUERY, PAID).replace(b'"code"', b' "code"'),
    ],
)
def test_an_answer_that_alipay_did_not_sign_is_never_taken_for_one(raw: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway(post=lambda url, form: raw).query("P1")
    assert caught.value.code == "BAD_ANSWER_SIGNATURE"
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>502</html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"sign":"x"}',
        b'{"alipay_trade_query_response":"x","sign":"y"}',
        b'{"alipay_trade_query_response":{},"sign":1}',
        b'{"a_response":{},"b_response":{},"sign":"x"}',
        answer(QUERY, PAID)[:-1],
        answer(QUERY, PAID) + b"x",
        answer(QUERY, PAID)[:-1] + b',"alipay_trade_query_response":{}}',
        b'{"a_response":' + b"[" * 50_000,
    ],
)
def test_an_unreadable_answer_is_a_passing_error(raw: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway(post=lambda url, form: raw).query("P1")
    assert caught.value.code == "BAD_ANSWER"
    assert not caught.value.permanent


def test_the_signature_may_stand_before_the_answer() -> None:
    inner = json.dumps(PAID)
    raw = f'{{ "sign" : "{rsa2.sign(ALIPAY.private, inner.encode())}" ,\n"alipay_trade_query_response" : {inner} }}'
    assert gateway(post=lambda url, form: raw.encode()).query("P1").amount_cents == 2600


def test_close_of_a_waiting_or_unknown_trade_is_closed() -> None:
    assert asking(Alipay(close={"code": "10000", "out_trade_no": "P1"})).close("P1") is ReportStatus.CLOSED
    assert asking(Alipay(close=NOT_EXISTING)).close("P1") is ReportStatus.CLOSED


@pytest.mark.parametrize("sub_code", ["ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID"])
def test_close_of_a_trade_that_is_not_closable_asks_what_it_is(sub_code: str) -> None:
    refused = {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "交易状态不合法"}
    alipay = Alipay(close=refused, query=PAID)
    assert asking(alipay).close("P1") is ReportStatus.SUCCEEDED
    assert [method for method, _ in alipay.asked] == [CLOSE, QUERY]
    closed = {**PAID, "trade_status": "TRADE_CLOSED", "send_pay_date": ""}
    assert asking(Alipay(close=refused, query=closed)).close("P1") is ReportStatus.CLOSED


def test_close_that_alipay_refuses_otherwise_is_an_error() -> None:
    with pytest.raises(GatewayError):
        asking(Alipay(close={"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"})).close("P1")


REFUNDED = {
    "code": "10000",
    "out_trade_no": "P1",
    "trade_no": "T1",
    "fund_change": "Y",
    "refund_fee": "15.00",
}


def test_a_refund_that_moved_money() -> None:
    alipay = Alipay(refund=REFUNDED)
    result = asking(alipay).refund(P1, "RF2", 500, "多收")
    assert (result.status, result.amount_cents, result.total_refunded_cents) == (
        RefundStatus.SUCCEEDED,
        500,
        1500,
    )
    sent = {"out_trade_no": "P1", "refund_amount": "5.00", "out_request_no": "RF2", "refund_reason": "多收"}
    assert alipay.asked == [(REFUND, sent)]


def test_a_refund_names_the_trade_as_soon_as_it_is_known() -> None:
    """Alipay goes by its own number where both are sent."""
    there = {"code": "10000", "out_trade_no": "P1", "trade_no": "T2", "refund_amount": "5.00"}
    alipay = Alipay(refund={**REFUNDED, "trade_no": "T2", "fund_change": "N"}, query=there)
    assert asking(alipay).refund(Trade("P1", "T2"), "RF2", 500, "多收").status is RefundStatus.SUCCEEDED
    named = [(content["out_trade_no"], content["trade_no"]) for _, content in alipay.asked]
    assert named == [("P1", "T2")] * 2


@pytest.mark.parametrize("changes", [{"trade_no": "T1"}, {"out_trade_no": "P9"}])
def test_an_answer_about_another_trade_is_not_believed(changes: Values) -> None:
    there = {"code": "10000", "out_trade_no": "P1", "trade_no": "T2", "refund_amount": "5.00", **changes}
    alipay = asking(Alipay(refund={**REFUNDED, **there}, query=there))
    trade = Trade("P1", "T2")
    with pytest.raises(GatewayError) as caught:
        alipay.refund(trade, "RF2", 500, "多收")
    assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER", False)
    with pytest.raises(GatewayError, match="BAD_ANSWER"):
        alipay.query_refund(trade, "RF2")


def test_a_refund_that_moved_nothing_now_is_asked_for() -> None:
    there = {
        "code": "10000",
        "out_trade_no": "P1",
        "refund_amount": "5.00",
        "refund_status": "REFUND_SUCCESS",
    }
    alipay = Alipay(refund={**REFUNDED, "fund_change": "N"}, query=there)
    assert asking(alipay).refund(P1, "RF2", 500, "多收").status is RefundStatus.SUCCEEDED
    assert [method for method, _ in alipay.asked] == [REFUND, REFUND_QUERY]


def test_a_refund_that_is_taken_but_not_there_yet_is_pending() -> None:
    alipay = Alipay(refund={**REFUNDED, "fund_change": "N"}, query={"code": "10000"})
    assert asking(alipay).refund(P1, "RF2", 500, "多收").status is RefundStatus.PENDING


@pytest.mark.parametrize(
    ("sub_code", "permanent"),
    [
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", False),
        ("ACQ.SYSTEM_ERROR", False),
        ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", True),
        ("ACQ.TRADE_HAS_FINISHED", True),
        ("ACQ.DISCORDANT_REPEAT_REQUEST", True),
        ("ACQ.TRADE_NOT_EXIST", True),
    ],
)
def test_a_refused_refund_is_an_error(sub_code: str, permanent: bool) -> None:
    with pytest.raises(GatewayError) as caught:
        asking(Alipay(refund={"code": "40004", "sub_code": sub_code})).refund(P1, "RF2", 500, "多收")
    assert (caught.value.code, caught.value.permanent) == (sub_code, permanent)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"code": "10000"}, RefundStatus.NOT_FOUND),
        (
            {"code": "10000", "refund_amount": "5.00", "refund_status": "REFUND_PROCESSING"},
            RefundStatus.NOT_FOUND,
        ),
        ({"code": "10000", "refund_amount": "5.00"}, RefundStatus.SUCCEEDED),
        (NOT_EXISTING, RefundStatus.NOT_FOUND),
    ],
)
def test_code_10000_alone_is_no_refund(values: Values, status: RefundStatus) -> None:
    assert asking(Alipay(query=values)).query_refund(P1, "RF2").status is status


def test_the_time_of_a_refund_is_read_when_told_and_never_in_the_way() -> None:
    values = {"code": "10000", "refund_amount": "5.00", "gmt_refund_pay": "2026-03-16 09:00:00"}
    told = asking(Alipay(query=values)).query_refund(P1, "RF2")
    assert told.refunded_at == datetime(2026, 3, 16, 9, tzinfo=BEIJING)
    odd = asking(Alipay(query={**values, "gmt_refund_pay": "gestern"})).query_refund(P1, "RF2")
    assert (odd.status, odd.refunded_at) == (RefundStatus.SUCCEEDED, None)


def test_an_inexact_refund_amount_is_an_error() -> None:
    with pytest.raises(GatewayError):
        asking(Alipay(query={"code": "10000", "refund_amount": "5.001"})).query_refund(P1, "RF2")
