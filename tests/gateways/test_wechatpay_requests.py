"""What WeChat Pay is asked, and what is made of its answers."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from billing.gateways import rsa2, wechatpay_wire
from billing.gateways.base import GatewayError, RefundStatus, Report, ReportStatus, Trade
from billing.gateways.transport import Answer
from billing.gateways.wechatpay import WechatPayGateway
from tests.gateways.wechat_keys import (
    MCH_ID,
    MCH_SERIAL,
    MERCHANT,
    PLATFORM,
    REFERENCE,
    STAMP,
    STRANGER,
    Values,
    answer,
    charge,
    gateway,
    refund,
    transaction,
)

ORDER = f"/v3/pay/transactions/out-trade-no/{REFERENCE}"
TRANSACTION = "4200001500000000000003151001"
UNNAMED, NAMED = Trade(REFERENCE, ""), Trade(REFERENCE, TRANSACTION)
REFUNDS = "/v3/refund/domestic/refunds"
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class WeChat:
    """Answers (method, path) with fixed answers and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Values]] = []
        self.headers: list[Mapping[str, str]] = []

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        self.asked.append((method, url, json.loads(body) if body else {}))
        self.headers.append(headers)
        return self.answers[f"{method} {parts.path}"]


def asking(**answers: Answer) -> tuple[WechatPayGateway, WeChat]:
    paths = {
        "create": "POST /v3/pay/transactions/native",
        "query": f"GET {ORDER}",
        "query_by_id": f"GET /v3/pay/transactions/id/{TRANSACTION}",
        "close": f"POST {ORDER}/close",
        "refund": f"POST {REFUNDS}",
        "query_refund": f"GET {REFUNDS}/RF1",
    }
    wechat = WeChat({paths[name]: given for name, given in answers.items()})
    return gateway(exchange=wechat), wechat


def query(values: Values) -> Report:
    return asking(query=answer(200, values))[0].query(REFERENCE)


def refusal(status: int, code: str) -> Answer:
    return answer(status, {"code": code, "message": "说明"})


def refunding(**changes: object) -> Values:
    """The answer to a refund request."""
    values = refund() | {"status": "PROCESSING", "success_time": None, **changes}
    return {name: value for name, value in values.items() if value is not None}


def test_create_asks_for_a_native_order_and_gives_its_code() -> None:
    asked, wechat = asking(create=answer(200, {"code_url": "weixin://wxpay/bizpayurl?pr=abc"}))
    instruction = asked.create(charge(subject="户号 88\n缴费"))
    assert (instruction.kind, instruction.url) == ("qr", "weixin://wxpay/bizpayurl?pr=abc")
    ((method, url, content),) = wechat.asked
    assert (method, url) == ("POST", "https://wechat.example/v3/pay/transactions/native")
    assert content == {
        "appid": "wx0000000000000001",
        "mchid": "1900000001",
        "description": "户号 88 缴费",
        "out_trade_no": REFERENCE,
        "time_expire": "2026-03-15T10:30:00+08:00",
        "notify_url": "https://hall.example/payments/callbacks/wechatpay/",
        "amount": {"total": 2600, "currency": "CNY"},
    }


def test_a_long_subject_is_cut_between_characters_and_an_empty_one_is_the_reference() -> None:
    asked, wechat = asking(create=answer(200, {"code_url": "weixin://x"}))
    for subject, sent in (("长" * 100, "长" * 42), ("\x00\u200b", REFERENCE), ("\ud800x", "x")):
        asked.create(charge(subject=subject))
        assert wechat.asked[-1][2]["description"] == sent


@pytest.mark.parametrize("reference", ["", "a b", "订单", "P1234", "P" * 33, "P12345/"])
def test_a_reference_that_wechat_does_not_take_is_refused(reference: str) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway().create(charge(reference=reference))
    assert caught.value.permanent


@pytest.mark.parametrize("cents", [0, -1])
def test_an_amount_that_wechat_does_not_take_is_refused(cents: int) -> None:
    with pytest.raises(GatewayError):
        gateway().create(charge(amount_cents=cents))


def test_every_request_is_signed_over_its_method_path_query_and_body() -> None:
    asked, wechat = asking(query=answer(200, transaction()), close=answer(204, None))
    asked.query(REFERENCE)
    asked.close(REFERENCE)
    seen = []
    for (method, url, content), headers in zip(wechat.asked, wechat.headers, strict=True):
        scheme, _, rest = headers["Authorization"].partition(" ")
        given = dict(PARAMETER.findall(rest))
        assert scheme == "WECHATPAY2-SHA256-RSA2048"
        assert (given["mchid"], given["serial_no"], given["timestamp"]) == (MCH_ID, MCH_SERIAL, str(STAMP))
        body = json.dumps(content, separators=(",", ":")) if content else ""
        target = url.removeprefix("https://wechat.example")
        text = f"{method}\n{target}\n{STAMP}\n{given['nonce_str']}\n{body}\n"
        assert rsa2.verify(MERCHANT.public, text.encode(), given["signature"].encode())
        assert headers["User-Agent"]
        seen.append(given["nonce_str"])
    assert wechat.asked[0][1] == f"https://wechat.example{ORDER}?mchid=1900000001"
    assert wechat.asked[1][2] == {"mchid": MCH_ID}
    assert seen[0] != seen[1]


def test_who_holds_a_public_key_without_certificate_says_so() -> None:
    wechat = WeChat({f"GET {ORDER}": answer(200, transaction(), serial="PUB_KEY_ID_0114")})
    asked = gateway(exchange=wechat, platform_keys={"PUB_KEY_ID_0114": PLATFORM.public})
    assert asked.query(REFERENCE).amount_cents == 2600
    assert wechat.headers[0]["Wechatpay-Serial"] == "PUB_KEY_ID_0114"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("SUCCESS", ReportStatus.SUCCEEDED),
        ("REFUND", ReportStatus.SUCCEEDED),
        ("NOTPAY", ReportStatus.WAITING),
        ("USERPAYING", ReportStatus.WAITING),
        ("ACCEPT", ReportStatus.WAITING),
        ("PAYERROR", ReportStatus.WAITING),
        ("CLOSED", ReportStatus.CLOSED),
        ("REVOKED", ReportStatus.CLOSED),
    ],
)
def test_the_states_of_an_order(state: str, status: ReportStatus) -> None:
    assert query(transaction(trade_state=state)).status is status


def test_an_order_that_nobody_paid_has_no_number_and_perhaps_no_amount() -> None:
    unpaid: Values = {"trade_state": "NOTPAY", "transaction_id": None, "success_time": None, "payer": {}}
    report = query(transaction(**unpaid, amount=None))
    assert (report.trade_no, report.amount_cents, report.paid_at, report.buyer) == ("", 0, None, "")
    assert query(transaction(**unpaid, amount={"total": 2600})).amount_cents == 2600


def test_a_payment_by_query_reads_as_in_a_notice() -> None:
    report = query(transaction())
    assert report.paid_at == datetime(2026, 3, 15, 2, 0, 4, tzinfo=UTC)
    assert (report.amount_cents, report.buyer, report.notify_id) == (2600, "oTES***0001", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"out_trade_no": "P9"},
        {"mchid": "1"},
        {"appid": "wx1"},
        {"trade_state": "NEW"},
        {"amount": {"total": "1"}},
    ]
    + [{"transaction_id": None}, {"success_time": "gestern"}],
)
def test_an_answer_that_cannot_be_trusted_is_a_passing_error(changes: dict[str, object]) -> None:
    with pytest.raises(GatewayError) as caught:
        query(transaction(**changes))
    assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER", False)


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
def test_an_order_that_wechat_does_not_know(code: str) -> None:
    asked, _ = asking(query=refusal(404, code), close=refusal(404, code))
    assert asked.query(REFERENCE).status is ReportStatus.NOT_FOUND
    assert asked.close(REFERENCE) is ReportStatus.CLOSED


@pytest.mark.parametrize(
    "code", ["ORDERPAID", "ORDER_CLOSED", "TRADE_ERROR", "USERPAYING", "INVALID_REQUEST"]
)
@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("SUCCESS", ReportStatus.SUCCEEDED),
        ("CLOSED", ReportStatus.CLOSED),
        ("USERPAYING", ReportStatus.WAITING),
    ],
)
def test_what_cannot_be_closed_is_asked_about(code: str, state: str, status: ReportStatus) -> None:
    asked, wechat = asking(close=refusal(400, code), query=answer(200, transaction(trade_state=state)))
    assert asked.close(REFERENCE) is status
    assert len(wechat.asked) == 2


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (429, "FREQUENCY_LIMITED", False),
        (403, "FREQUENCY_LIMITED", False),
        (500, "SYSTEM_ERROR", False),
        (503, "WHATEVER", False),
        (202, "USERPAYING", False),
        (403, "NOT_ENOUGH", False),
        (401, "SIGN_ERROR", False),
        (400, "PARAM_ERROR", True),
        (400, "APPID_MCHID_NOT_MATCH", True),
        (403, "NO_AUTH", True),
        (403, "RULE_LIMIT", True),
        (404, "MCH_NOT_EXISTS", True),
        (302, "MOVED", True),
    ],
)
def test_refusals_are_for_good_or_pass(status: int, code: str, permanent: bool) -> None:
    asked, _ = asking(create=refusal(status, code), query=refusal(status, code))
    for ask in (lambda: asked.create(charge()), lambda: asked.query(REFERENCE)):
        with pytest.raises(GatewayError) as caught:
            ask()
        assert (caught.value.code, caught.value.permanent) == (code, permanent)


UNSIGNED = Answer(401, {"content-type": "application/json"}, b'{"code":"SIGN_ERROR","message":"x"}')


@pytest.mark.parametrize(
    "given",
    [
        UNSIGNED,
        Answer(200, {}, json.dumps(transaction()).encode()),
        Answer(404, {}, b'{"code":"ORDER_NOT_EXIST"}'),
        Answer(204, {}, b""),
        Answer(502, {}, b"<html>"),
        answer(200, transaction(), by=STRANGER),
        answer(200, transaction(), stamp=STAMP - 300),
        answer(404, {"code": "ORDER_NOT_EXIST"}, by=STRANGER),
        answer(200, transaction(), serial="7" * 40),
    ],
)
def test_an_answer_that_wechat_did_not_sign_decides_nothing(given: Answer) -> None:
    asked, _ = asking(query=given, close=given, create=given, query_refund=given)
    asks = (lambda: asked.query(REFERENCE), lambda: asked.close(REFERENCE), lambda: asked.create(charge()))
    for ask in (*asks, lambda: asked.query_refund(UNNAMED, "RF1")):
        with pytest.raises(GatewayError) as caught:
            ask()
        assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER_SIGNATURE", False)


def test_an_unsigned_refusal_is_quoted_for_the_operator() -> None:
    with pytest.raises(GatewayError, match="HTTP 401.*SIGN_ERROR"):
        asking(query=UNSIGNED)[0].query(REFERENCE)


@pytest.mark.parametrize("body", [b"[]", b"null", b"<xml/>", b"\xff", b"[" * 50_000])
def test_a_signed_answer_in_another_shape(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        asking(query=answer(200, body))[0].query(REFERENCE)
    assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER", False)


def test_a_code_that_is_missing_from_the_answer() -> None:
    with pytest.raises(GatewayError) as caught:
        asking(create=answer(200, {}))[0].create(charge())
    assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER", False)


def test_a_refund_tells_the_orders_total_and_is_under_way_at_first() -> None:
    asked, wechat = asking(query=answer(200, transaction()), refund=answer(200, refunding()))
    result = asked.refund(UNNAMED, "RF1", 1000, "多收" * 30)
    assert (result.status, result.amount_cents, result.refunded_at) == (RefundStatus.PENDING, 1000, None)
    assert wechat.asked[1][2] == {
        "out_trade_no": REFERENCE,
        "out_refund_no": "RF1",
        "notify_url": "https://hall.example/payments/callbacks/wechatpay/",
        "amount": {"refund": 1000, "total": 2600, "currency": "CNY"},
        "reason": ("多收" * 30).encode()[:78].decode(),
    }


def test_a_refund_names_the_trade_alone_as_soon_as_it_is_known() -> None:
    asked, wechat = asking(query_by_id=answer(200, transaction()), refund=answer(200, refunding()))
    assert asked.refund(NAMED, "RF1", 1000, "").status is RefundStatus.PENDING
    sent = wechat.asked[1][2]
    assert (sent["transaction_id"], "out_trade_no" in sent) == (TRANSACTION, False)


@pytest.mark.parametrize("changes", [{"out_trade_no": "P99999"}, {"transaction_id": "4200002"}])
def test_a_trade_that_is_not_the_one_asked_for_is_not_refunded(changes: dict[str, object]) -> None:
    asked, wechat = asking(query_by_id=answer(200, transaction(**changes)))
    with pytest.raises(GatewayError) as caught:
        asked.refund(NAMED, "RF1", 1000, "")
    assert (caught.value.code, len(wechat.asked)) == ("BAD_ANSWER", 1)


def test_a_refund_of_another_trade_is_not_taken_for_ours() -> None:
    asked, _ = asking(query_refund=answer(200, refunding(status="SUCCESS", transaction_id="4200002")))
    with pytest.raises(GatewayError) as caught:
        asked.query_refund(NAMED, "RF1")
    assert (caught.value.code, caught.value.permanent) == ("OTHER_TRADE", False)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("SUCCESS", RefundStatus.SUCCEEDED),
        ("PROCESSING", RefundStatus.PENDING),
        ("CLOSED", RefundStatus.FAILED),
        ("ABNORMAL", RefundStatus.ABNORMAL),
    ],
)
def test_the_states_of_a_refund(state: str, status: RefundStatus) -> None:
    asked, _ = asking(query_refund=answer(200, refunding(status=state)))
    assert asked.query_refund(UNNAMED, "RF1").status is status


def test_when_it_was_refunded() -> None:
    done = refunding(status="SUCCESS", success_time="2026-03-15T10:00:04+08:00")
    asked, _ = asking(query_refund=answer(200, done))
    refunded_at = asked.query_refund(UNNAMED, "RF1").refunded_at
    assert refunded_at == datetime(2026, 3, 15, 2, 0, 4, tzinfo=UTC)


def test_a_refund_that_wechat_does_not_know() -> None:
    asked, _ = asking(query_refund=refusal(404, "RESOURCE_NOT_EXISTS"))
    result = asked.query_refund(UNNAMED, "RF1")
    assert (result.status, result.amount_cents) == (RefundStatus.NOT_FOUND, 0)


@pytest.mark.parametrize(
    "changes", [{"out_refund_no": "RF9"}, {"out_trade_no": "P9"}, {"status": "DONE"}, {"amount": {}}]
)
def test_an_answer_about_another_refund_is_not_believed(changes: dict[str, object]) -> None:
    asked, _ = asking(query_refund=answer(200, refunding(**changes)))
    with pytest.raises(GatewayError) as caught:
        asked.query_refund(UNNAMED, "RF1")
    assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER", False)


@pytest.mark.parametrize("state", ["NOTPAY", "CLOSED"])
def test_what_was_not_paid_is_not_refunded(state: str) -> None:
    asked, wechat = asking(query=answer(200, transaction(trade_state=state)))
    with pytest.raises(GatewayError) as caught:
        asked.refund(UNNAMED, "RF1", 1000, "")
    assert (caught.value.code, caught.value.permanent) == ("NOT_PAID", True)
    assert len(wechat.asked) == 1


def test_the_window_of_answers_is_that_of_notices() -> None:
    assert timedelta(seconds=wechatpay_wire.FRESH_SECONDS) == timedelta(minutes=5)
