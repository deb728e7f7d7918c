"""The stand-in Alipay: its gateway as an independent client sees it, its cashier, its notices."""

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
from alipay import AliPay

from billing.gateways import rsa2
from tests.sandbox.process import Ear, Heard, SandboxProcess, listening, request, running, until

APP_ID = "9021000000000001"
SCHEDULE = [minutes * 60 / 2400 for minutes in (4, 10, 10, 60)]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def sandbox(keys: Path) -> Iterator[SandboxProcess]:
    with running("--keys", str(keys), SANDBOX_TIME_FACTOR="2400") as process:
        yield process


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as heard:
        yield heard


@pytest.fixture
def peer(keys: Path, sandbox: SandboxProcess) -> AliPay:
    return client(keys, sandbox)


def client(keys: Path, sandbox: SandboxProcess) -> AliPay:
    """An independent client of Alipay, pointed at the stand-in."""
    made = AliPay(
        appid=APP_ID,
        app_private_key_string=(keys / "app_private_key.pem").read_text(),
        alipay_public_key_string=(keys / "alipay_public_key.pem").read_text(),
    )
    made._gateway = sandbox.gateway_url
    return made


def order() -> str:
    return f"B{secrets.token_hex(8)}"


def cashier(peer: AliPay, sandbox: SandboxProcess, number: str, ear: Ear | None = None, **more: str) -> str:
    """Open the cashier and return the path of its page."""
    query = peer.api_alipay_trade_page_pay(
        subject=more.pop("subject", "电视费"),
        out_trade_no=number,
        total_amount=more.pop("total_amount", "26.00"),
        return_url=more.pop("return_url", "http://127.0.0.1:9/return/"),
        notify_url=f"{ear.url}/notify/" if ear else None,
        **more,
    )
    return sandbox.arrive(f"{sandbox.gateway_url}?{query}")


def fields(heard: Heard) -> dict[str, str]:
    return dict(parse_qsl(heard.body.decode(), keep_blank_values=True))


def test_an_independent_client_goes_through_a_whole_life(
    peer: AliPay, sandbox: SandboxProcess, ear: Ear, keys: Path
) -> None:
    number = order()
    assert peer.api_alipay_trade_query(out_trade_no=number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    page = cashier(peer, sandbox, number, ear)
    assert peer.api_alipay_trade_query(out_trade_no=number)["trade_status"] == "WAIT_BUYER_PAY"
    assert sandbox.press(page, "pay").status == 303
    paid = peer.api_alipay_trade_query(out_trade_no=number)
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "26.00")
    (heard,) = ear.wait(1)
    assert heard.path == "/notify/"
    sent = fields(heard)
    assert sent["trade_status"] == "TRADE_SUCCESS"
    assert client(keys, sandbox).verify(sent, sent.pop("sign"))
    part = peer.api_alipay_trade_refund("10.00", out_trade_no=number, out_request_no="R1")
    assert (part["fund_change"], part["refund_fee"]) == ("Y", "10.00")
    again = peer.api_alipay_trade_refund("10.00", out_trade_no=number, out_request_no="R1")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "10.00")
    there = peer.api_alipay_trade_fastpay_refund_query("R1", out_trade_no=number)
    assert there["refund_amount"] == "10.00"
    assert "refund_amount" not in peer.api_alipay_trade_fastpay_refund_query("R9", out_trade_no=number)
    assert peer.api_alipay_trade_close(out_trade_no=number)["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    rest = peer.api_alipay_trade_refund("16.00", out_trade_no=number, out_request_no="R2")
    assert rest["refund_fee"] == "26.00"
    assert peer.api_alipay_trade_query(out_trade_no=number)["trade_status"] == "TRADE_CLOSED"
    _, first, second = (fields(heard) for heard in ear.wait(3))
    assert (first["refund_fee"], first["out_biz_no"], first["trade_status"]) == (
        "10.00",
        "R1",
        "TRADE_SUCCESS",
    )
    assert (second["refund_fee"], second["out_biz_no"], second["trade_status"]) == (
        "26.00",
        "R2",
        "TRADE_CLOSED",
    )
    assert len(second["gmt_refund"]) == 23


def test_an_order_paid_twice_has_two_trades_and_each_is_refunded_by_its_number(
    peer: AliPay, sandbox: SandboxProcess, ear: Ear
) -> None:
    number = order()
    page = cashier(peer, sandbox, number, ear)
    assert sandbox.press(page, "again").status == 409  # not paid once yet
    assert sandbox.press(page, "pay").status == 303
    first = fields(ear.wait(1)[0])
    assert "同一订单再付一次" in sandbox.get(page).text
    assert sandbox.press(page, "again").status == 200
    second = fields(ear.wait(2)[1])
    assert first["out_trade_no"] == second["out_trade_no"] == number
    assert first["trade_no"] != second["trade_no"]
    named = {"out_trade_no": number, "trade_no": second["trade_no"]}
    back = peer.api_alipay_trade_refund("26.00", out_request_no="R1", **named)
    assert (back["trade_no"], back["refund_fee"]) == (second["trade_no"], "26.00")
    told = fields(ear.wait(3)[2])
    assert (told["trade_no"], told["trade_status"]) == (second["trade_no"], "TRADE_CLOSED")
    there = peer.api_alipay_trade_fastpay_refund_query("R1", trade_no=second["trade_no"])
    assert (there["trade_no"], there["refund_amount"]) == (second["trade_no"], "26.00")
    assert "refund_amount" not in peer.api_alipay_trade_fastpay_refund_query("R1", out_trade_no=number)
    assert peer.api_alipay_trade_query(out_trade_no=number)["trade_status"] == "TRADE_SUCCESS"
    left = {
        trade["trade_no"]: sandbox.get("/alipay/api/trades", trade_no=trade["trade_no"]).json()[
            "refunded_cents"
        ]
        for trade in (first, second)
    }
    assert left == {first["trade_no"]: 0, second["trade_no"]: 2600}


def test_refusals_have_alipays_shape_and_are_signed(peer: AliPay, sandbox: SandboxProcess) -> None:
    number = order()
    cashier(peer, sandbox, number)
    unpaid = peer.api_alipay_trade_refund("1.00", out_trade_no=number, out_request_no="R1")
    assert (unpaid["code"], unpaid["sub_code"]) == ("40004", "ACQ.TRADE_STATUS_ERROR")
    wrong = peer.server_api("alipay.trade.unheard.of", {})
    assert (wrong["code"], wrong["sub_code"]) == ("40002", "isv.invalid-method")
    assert peer.api_alipay_trade_refund("-1", out_trade_no=number)["sub_code"] == "isv.invalid-parameter"


def test_a_request_that_the_merchant_did_not_sign_is_refused(peer: AliPay, sandbox: SandboxProcess) -> None:
    query = peer.client_api("alipay.trade.query", {"out_trade_no": "X1"})
    answer = sandbox.get("/alipay/gateway.do?" + query.replace("X1", "X2")).json()
    refusal: Any = answer["alipay_trade_query_response"]
    assert refusal["sub_code"] == "isv.invalid-signature"
    assert answer["sign"]
    other = peer.client_api("alipay.trade.query", {}, app_id="2021000000000000")
    refusal = sandbox.get(f"/alipay/gateway.do?{other}").json()["alipay_trade_query_response"]
    assert refusal["sub_code"] == "isv.invalid-app-id"
    assert "error_response" in sandbox.get("/alipay/gateway.do").json()


def test_a_client_that_posts_and_writes_gbk_is_understood(keys: Path, sandbox: SandboxProcess) -> None:
    number = order()
    content = json.dumps(
        {"out_trade_no": number, "total_amount": "1.00", "subject": "宽带"}, ensure_ascii=False
    )
    params = {"app_id": APP_ID, "method": "alipay.trade.page.pay", "charset": "GBK", "sign_type": "RSA2"}
    params |= {"timestamp": "2026-03-15 10:00:00", "version": "1.0", "biz_content": content}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    sign = rsa2.sign(rsa2.read_private_key(keys / "app_private_key.pem"), text.encode("gbk"))
    body = urlencode({**params, "sign": sign}, encoding="gbk").encode()
    response = sandbox.post("/alipay/gateway.do", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert response.status == 303
    assert sandbox.trade(number)["subject"] == "宽带"


def test_the_cashier_shows_what_is_paid_and_that_it_is_not_real(
    peer: AliPay, sandbox: SandboxProcess
) -> None:
    page = cashier(peer, sandbox, order(), subject="<b>电视费</b>", total_amount="1234.50")
    text = sandbox.get(page).text
    for shown in ("¥1234.50", "&lt;b&gt;电视费", "确认付款", "付款后不跳回", "取消", "不是真实支付宝"):
        assert shown in text
    assert "<b>" not in text
    assert "<script" not in text


def test_the_browser_goes_back_with_a_signature(peer: AliPay, sandbox: SandboxProcess) -> None:
    page = cashier(peer, sandbox, order(), return_url="http://127.0.0.1:9/return/?a=1")
    location = sandbox.press(page, "pay").headers["Location"]
    assert location.startswith("http://127.0.0.1:9/return/?a=1&charset=utf-8&out_trade_no=")
    sent = dict(parse_qsl(location.partition("?")[2]))
    del sent["a"]
    assert sent["method"] == "alipay.trade.page.pay.return"
    assert peer.verify(sent, sent.pop("sign"))


def test_paying_without_going_back(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    number = order()
    response = sandbox.press(cashier(peer, sandbox, number, ear), "stay")
    assert (response.status, "付款成功" in response.text) == (200, True)
    ear.wait(1)
    assert sandbox.trade(number)["status"] == "TRADE_SUCCESS"


def test_cancelling_pays_nothing(peer: AliPay, sandbox: SandboxProcess) -> None:
    number = order()
    page = cashier(peer, sandbox, number)
    response = sandbox.press(page, "cancel")
    assert 'href="http://127.0.0.1:9/return/"' in response.text
    assert sandbox.trade(number)["status"] == "WAIT_BUYER_PAY"
    assert sandbox.press(page, "pay").status == 303


def test_nothing_is_paid_twice(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    number = order()
    page = cashier(peer, sandbox, number, ear)
    assert sandbox.press(page, "pay").status == 303
    assert sandbox.press(page, "pay").status == 409
    assert "不能再付" in sandbox.get(page).text
    ear.wait(1)
    time.sleep(0.2)
    assert len(ear.heard) == 1


def test_an_order_number_has_one_amount(peer: AliPay, sandbox: SandboxProcess) -> None:
    number = order()
    page = cashier(peer, sandbox, number)
    assert cashier(peer, sandbox, number) == page
    query = peer.api_alipay_trade_page_pay(subject="x", out_trade_no=number, total_amount="0.01")
    response = request("GET", f"{sandbox.gateway_url}?{query}")
    assert (response.status, "ACQ.CONTEXT_INCONSISTENT" in response.text) == (400, True)


def test_a_closed_trade_is_told_and_cannot_be_paid(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    number = order()
    page = cashier(peer, sandbox, number, ear)
    assert peer.api_alipay_trade_close(out_trade_no=number)["code"] == "10000"
    assert sandbox.press(page, "pay").status == 409
    sent = fields(ear.wait(1)[0])
    assert (sent["trade_status"], "gmt_close" in sent, "gmt_payment" in sent) == ("TRADE_CLOSED", True, False)


def test_a_trade_that_is_not_paid_in_time_is_closed(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    number = order()
    timestamp = (
        "2020-01-01 00:00:00"  # a clock that is wrong by years: what counts is the time between the two
    )
    content = {
        "subject": "x",
        "out_trade_no": number,
        "total_amount": "1.00",
        "time_expire": "2020-01-01 00:00:01",
    }
    query = peer.client_api(
        "alipay.trade.page.pay", content, timestamp=timestamp, notify_url=f"{ear.url}/notify/"
    )
    page = sandbox.arrive(f"{sandbox.gateway_url}?{query}")
    assert "确认付款" in sandbox.get(page).text
    sent = fields(ear.wait(1)[0])
    assert sent["trade_status"] == "TRADE_CLOSED"
    assert "不能再付" in sandbox.get(page).text


def test_a_notice_is_sent_again_until_it_is_answered_exactly_with_success(
    peer: AliPay, sandbox: SandboxProcess, ear: Ear
) -> None:
    replies = [(200, b"failure"), (500, b"success"), (302, b""), (200, b"success\n"), (200, b"success")]
    ear.reply = lambda count: replies[min(count, 4)]
    number = order()
    sandbox.press(cashier(peer, sandbox, number, ear), "pay")
    heard = ear.wait(5)
    pauses = [later.at - earlier.at for earlier, later in zip(heard, heard[1:], strict=False)]
    for pause, planned in zip(pauses, SCHEDULE, strict=True):
        assert planned <= pause < planned + 1.0
    assert {one.path for one in heard} == {"/notify/"}
    assert len({fields(one)["notify_id"] for one in heard}) == 1
    until(lambda: notices(sandbox, number)[0]["state"] == "DONE")
    time.sleep(0.3)
    assert len(ear.heard) == 5


def notices(sandbox: SandboxProcess, number: str) -> list[dict[str, Any]]:
    found: Any = sandbox.trade(number)["notices"]
    return list(found)


def test_after_eight_sends_it_gives_up(peer: AliPay, keys: Path, ear: Ear) -> None:
    ear.reply = lambda count: (200, b"failure")
    with running("--keys", str(keys), SANDBOX_TIME_FACTOR="1000000") as fast:
        number = order()
        fast.press(cashier(client(keys, fast), fast, number, ear), "pay")
        ear.wait(8)
        until(lambda: notices(fast, number)[0]["state"] == "GIVEN_UP")
        assert notices(fast, number)[0]["attempts"] == 8
    assert len(ear.heard) == 8


def test_the_first_notice_can_get_lost(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    number = order()
    started = time.monotonic()
    sandbox.press(cashier(peer, sandbox, number, ear), "pay", lose_first="on")
    (heard,) = ear.wait(1)
    assert heard.at - started >= SCHEDULE[0]
    until(lambda: notices(sandbox, number)[0]["attempts"] == 2)


def test_a_notice_can_come_twice(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    sandbox.press(cashier(peer, sandbox, order(), ear), "pay", twice="on")
    first, second = ear.wait(2)
    assert fields(first)["notify_id"] == fields(second)["notify_id"]


def test_a_notice_can_come_late(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    started = time.monotonic()
    sandbox.press(cashier(peer, sandbox, order(), ear), "pay", delay="0.6")
    assert ear.wait(1)[0].at - started >= 0.6


@pytest.mark.parametrize("delay", ["x", "-1", "nan", "1e9"])
def test_a_senseless_delay_is_none(peer: AliPay, sandbox: SandboxProcess, ear: Ear, delay: str) -> None:
    sandbox.press(cashier(peer, sandbox, order(), ear), "pay", delay=delay)
    ear.wait(1, 5)


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "http://hall.example/x", "https://127.0.0.1:9/x"])
def test_nobody_outside_this_machine_is_told(peer: AliPay, sandbox: SandboxProcess, url: str) -> None:
    number = order()
    query = peer.api_alipay_trade_page_pay(
        subject="x", out_trade_no=number, total_amount="1.00", notify_url=url
    )
    sandbox.press(sandbox.arrive(f"{sandbox.gateway_url}?{query}"), "stay")
    until(lambda: "only http addresses of this machine" in notices(sandbox, number)[0]["last_answer"])


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/relative"])
def test_addresses_must_be_addresses(peer: AliPay, sandbox: SandboxProcess, url: str) -> None:
    query = peer.api_alipay_trade_page_pay(
        subject="x", out_trade_no=order(), total_amount="1.00", return_url=url
    )
    assert request("GET", f"{sandbox.gateway_url}?{query}").status == 400


def test_state_and_undelivered_notices_survive_a_kill(keys: Path, tmp_path: Path, ear: Ear) -> None:
    state = str(tmp_path / "state.sqlite")
    ear.reply = lambda count: (503, b"")
    first = SandboxProcess("--keys", str(keys), "--state", state, SANDBOX_TIME_FACTOR="2400")
    number = order()
    first.press(cashier(client(keys, first), first, number, ear), "pay")
    (before,) = ear.wait(1)
    first.kill()
    ear.reply = lambda count: (200, b"success")
    with running("--keys", str(keys), "--state", state, SANDBOX_TIME_FACTOR="2400") as second:
        assert second.trade(number)["status"] == "TRADE_SUCCESS"
        until(lambda: notices(second, number)[0]["state"] == "DONE")
    assert fields(ear.heard[-1])["notify_id"] == fields(before)["notify_id"]


def test_the_list_of_trades_tells_what_became_of_the_notices(
    peer: AliPay, sandbox: SandboxProcess, ear: Ear
) -> None:
    number = order()
    sandbox.press(cashier(peer, sandbox, number, ear), "pay")
    until(lambda: notices(sandbox, number)[0]["state"] == "DONE")
    text = sandbox.get("/alipay/").text
    assert number in text
    assert "DONE ×1 200 success" in text


def test_unknown_pages(sandbox: SandboxProcess) -> None:
    assert sandbox.get("/alipay/cashier/00").status == 404
    assert sandbox.post("/alipay/cashier/00", b"action=pay").status == 409
    assert sandbox.get("/nothing").status == 404
    assert sandbox.post("/sms/", b"").status == 405
    assert sandbox.get("/alipay/api/trades").status == 404
    assert "/sms/" in sandbox.get("/").text


def test_a_body_that_is_too_long_is_refused(sandbox: SandboxProcess) -> None:
    headers = {"Content-Length": "9999999"}
    assert sandbox.post("/alipay/gateway.do", b"", headers).status == 413


def test_form_of_a_notice_is_plain_ascii(peer: AliPay, sandbox: SandboxProcess, ear: Ear) -> None:
    sandbox.press(cashier(peer, sandbox, order(), ear, subject="电视 +&="), "pay")
    (heard,) = ear.wait(1)
    assert heard.body.isascii()
    assert parse_qs(heard.body.decode())["subject"] == ["电视 +&="]
    assert heard.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
