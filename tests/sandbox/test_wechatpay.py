"""The stand-in WeChat Pay: its API as an independent client sees it, its pages, its notices."""

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3 import core as peer_core

from sandbox.config import Config
from sandbox.wechatpay import SCHEDULE
from tests.sandbox.process import Ear, SandboxProcess, listening, running, until

FACTOR = 2400
WAITS = [seconds / FACTOR for seconds in SCHEDULE]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def sandbox(keys: Path) -> Iterator[SandboxProcess]:
    with running(
        "--keys", str(keys), SANDBOX_TIME_FACTOR=str(FACTOR), SANDBOX_REFUND_SECONDS="0.1"
    ) as process:
        yield process


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as heard:
        heard.reply = lambda count: (204, b"")
        yield heard


@pytest.fixture
def peer(keys: Path, sandbox: SandboxProcess, tmp_path: Path) -> WeChatPay:
    """An independent client of WeChat Pay, pointed at the stand-in; it verifies each answer."""
    (tmp_path / "platform.pem").write_text((keys / "wechatpay_platform_cert.pem").read_text())
    made = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=Config.wechatpay_mch_id,
        private_key=(keys / "wechatpay_mch_private_key.pem").read_text(),
        cert_serial_no=Config.wechatpay_mch_serial,
        apiv3_key=(keys / "wechatpay_api_v3_key.txt").read_text(),
        appid=Config.wechatpay_app_id,
        notify_url="http://127.0.0.1:9/",
        cert_dir=str(tmp_path),
    )
    made._core._gate_way = sandbox.url
    return made


def asked(answer: tuple[int, str]) -> tuple[int, dict[str, Any]]:
    code, body = answer
    return code, json.loads(body) if body else {}


def number() -> str:
    return f"B{secrets.token_hex(8)}"


def create(peer: WeChatPay, order: str, ear: Ear | None = None, **more: Any) -> tuple[int, dict[str, Any]]:
    return asked(
        peer.pay(
            description=more.pop("description", "电视费"),
            out_trade_no=order,
            amount={"total": more.pop("total", 2600)},
            notify_url=f"{ear.url}/notify/" if ear else "http://127.0.0.1:9/notify/",
            **more,
        )
    )


def scanned(answer: dict[str, Any]) -> str:
    token = str(answer["code_url"]).removeprefix("weixin://wxpay/bizpayurl?pr=")
    return f"/wechatpay/scan/{token}"


def refund(
    peer: WeChatPay, order: str | None, name: str, cents: int, **more: Any
) -> tuple[int, dict[str, Any]]:
    return asked(
        peer.refund(
            out_refund_no=name,
            out_trade_no=order,
            amount={"refund": cents, "total": 2600, "currency": "CNY"},
            reason="多收",
            **more,
        )
    )


def test_an_independent_client_goes_through_a_whole_life(
    peer: WeChatPay, sandbox: SandboxProcess, ear: Ear
) -> None:
    order = number()
    assert asked(peer.query(out_trade_no=order))[1]["code"] == "ORDER_NOT_EXIST"
    code, answer = create(peer, order, ear)
    assert code == 200
    assert asked(peer.query(out_trade_no=order))[1]["trade_state"] == "NOTPAY"
    assert sandbox.press(scanned(answer), "pay").status == 200
    paid = asked(peer.query(out_trade_no=order))[1]
    assert (paid["trade_state"], paid["amount"]["total"]) == ("SUCCESS", 2600)
    (heard,) = ear.wait(1)
    notice = peer.callback(heard.headers, heard.body)
    assert (notice["event_type"], notice["resource"]["out_trade_no"]) == ("TRANSACTION.SUCCESS", order)
    assert notice["resource"]["transaction_id"] == paid["transaction_id"]
    code, begun = refund(peer, order, f"{order}R1", 1000, notify_url=f"{ear.url}/notify/")
    assert (code, begun["status"]) == (200, "PROCESSING")
    _, heard = ear.wait(2)
    notice = peer.callback(heard.headers, heard.body)
    assert (notice["event_type"], notice["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert notice["resource"]["amount"] == {
        "total": 2600,
        "refund": 1000,
        "payer_total": 2600,
        "payer_refund": 1000,
    }
    assert asked(peer.query_refund(out_refund_no=f"{order}R1"))[1]["status"] == "SUCCESS"
    assert asked(peer.query(out_trade_no=order))[1]["trade_state"] == "REFUND"
    assert asked(peer.close(out_trade_no=order))[1]["code"] == "ORDERPAID"


def test_an_order_paid_twice_has_two_trades_and_each_is_refunded_by_its_number(
    peer: WeChatPay, sandbox: SandboxProcess, ear: Ear
) -> None:
    order = number()
    page = scanned(create(peer, order, ear)[1])
    assert sandbox.press(page, "again").status == 409  # not paid once yet
    assert sandbox.press(page, "pay").status == 200
    ear.wait(1)
    assert sandbox.press(page, "again").status == 200
    first, second = (
        peer.callback(heard.headers, heard.body)["resource"]["transaction_id"] for heard in ear.wait(2)
    )
    assert asked(peer.query(out_trade_no=order))[1]["transaction_id"] == first != second
    assert asked(peer.query(transaction_id=second))[1]["transaction_id"] == second
    both = {"transaction_id": second, "out_trade_no": order, "out_refund_no": f"{order}R1"}
    both["amount"] = {"refund": 2600, "total": 2600, "currency": "CNY"}
    answer = peer._core.request("/v3/refund/domestic/refunds", peer_core.RequestType.POST, data=both)
    assert asked(answer)[1]["code"] == "PARAM_ERROR"
    to = {"notify_url": f"{ear.url}/notify/", "transaction_id": second}
    assert refund(peer, None, f"{order}R1", 2600, **to)[1]["transaction_id"] == second
    told = peer.callback(ear.wait(3)[2].headers, ear.heard[2].body)["resource"]
    assert (told["transaction_id"], told["out_trade_no"]) == (second, order)
    states = [asked(peer.query(transaction_id=each))[1]["trade_state"] for each in (first, second)]
    assert states == ["SUCCESS", "REFUND"]
    for each, numbers in ((first, []), (second, [f"{order}R1"])):
        shown: Any = sandbox.get("/wechatpay/api/orders", transaction_id=each).json()
        assert [row["out_refund_no"] for row in shown["refunds"]] == numbers


def test_refusals_have_wechats_shape(peer: WeChatPay, sandbox: SandboxProcess) -> None:
    order = number()
    for wrong in ({"total": 0}, {"total": 1.5}, {"description": "长" * 128}, {"time_expire": "tomorrow"}):
        code, answer = create(peer, order, **wrong)
        assert (code, answer["code"]) == (400, "PARAM_ERROR"), wrong
    code, answer = create(peer, order, time_expire="2020-01-01T00:00:00+08:00")
    assert (code, answer["code"]) == (400, "PARAM_ERROR")
    assert create(peer, "B 1")[1]["code"] == "PARAM_ERROR"
    assert create(peer, order)[0] == 200
    assert refund(peer, order, "R1", 1)[1]["code"] == "INVALID_REQUEST"
    assert refund(peer, number(), "R1", 1)[0] == 404
    assert asked(peer.query_refund(out_refund_no="NEVER"))[1]["code"] == "RESOURCE_NOT_EXISTS"
    assert asked(peer.close(out_trade_no=number()))[0] == 404


def test_a_client_that_is_unknown_gets_an_unsigned_refusal(
    peer: WeChatPay, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = sandbox.get("/v3/pay/transactions/out-trade-no/X", mchid=Config.wechatpay_mch_id)
    assert (answer.status, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert not [name for name in answer.headers if name.lower().startswith("wechatpay-")]
    monkeypatch.setattr(peer_core, "build_authorization", _an_hour_ago(peer_core.build_authorization))
    assert asked(peer.query(out_trade_no="X"))[0] == 401


def _an_hour_ago(build: Any) -> Any:
    def built(*given: Any, **more: Any) -> Any:
        real = time.time
        time.time = lambda: real() - 3600  # the package asks for the time itself
        try:
            return build(*given, **more)
        finally:
            time.time = real

    return built


def test_closing(peer: WeChatPay, sandbox: SandboxProcess) -> None:
    order = number()
    answer = create(peer, order)[1]
    assert [peer.close(out_trade_no=order)[0] for _ in range(2)] == [204, 204]
    assert asked(peer.query(out_trade_no=order))[1]["trade_state"] == "CLOSED"
    assert sandbox.press(scanned(answer), "pay").status == 409
    assert create(peer, order)[1]["code"] == "ORDER_CLOSED"


def test_a_notice_that_is_refused_comes_again_on_wechats_schedule(
    peer: WeChatPay, sandbox: SandboxProcess, ear: Ear
) -> None:
    ear.reply = lambda count: (200, b"") if count == 4 else (400, b'{"code":"SUCCESS"}')
    sandbox.press(scanned(create(peer, number(), ear)[1]), "pay")
    heard = ear.wait(5)
    time.sleep(0.3)
    assert len(ear.heard) == 5
    gaps = [second.at - first.at for first, second in zip(heard, heard[1:], strict=False)]
    for gap, wait in zip(gaps, WAITS, strict=False):
        assert wait <= gap < wait + 1.5
    assert len({each.body for each in heard}) == 1
    assert len({each.headers["Wechatpay-Signature"] for each in heard}) == 5
    for each in heard:
        assert peer.callback(each.headers, each.body)["resource"]["trade_state"] == "SUCCESS"


def test_troubles(peer: WeChatPay, sandbox: SandboxProcess, ear: Ear) -> None:
    order = number()
    sandbox.press(scanned(create(peer, order, ear)[1]), "pay", twice="on", lose_first="on", coupon="100")
    first, second = ear.wait(2)
    assert first.body == second.body
    assert peer.callback(first.headers, first.body)["resource"]["amount"]["payer_total"] == 2500
    shown = sandbox.get("/wechatpay/api/orders", out_trade_no=order).json()
    assert (shown["state"], shown["total"], shown["payer_total"]) == ("SUCCESS", 2600, 2500)


@pytest.mark.parametrize("ending", ["ABNORMAL", "CLOSED"])
def test_a_refund_that_does_not_arrive(
    peer: WeChatPay, sandbox: SandboxProcess, ear: Ear, ending: str
) -> None:
    order = number()
    page = scanned(create(peer, order, ear)[1])
    sandbox.press(page, "pay")
    assert sandbox.press(page, ending).status == 200
    refund(peer, order, f"{order}R", 1000, notify_url=f"{ear.url}/notify/")
    _, heard = ear.wait(2)
    assert peer.callback(heard.headers, heard.body)["event_type"] == f"REFUND.{ending}"
    until(lambda: asked(peer.query_refund(out_refund_no=f"{order}R"))[1]["status"] == ending)
    # What was closed can be paid back by another number; what is abnormal still counts.
    assert refund(peer, order, f"{order}S", 2600)[0] == (200 if ending == "CLOSED" else 400)


def test_the_pages(peer: WeChatPay, sandbox: SandboxProcess) -> None:
    order = number()
    answer = create(peer, order, description="<b>电视")[1]
    page = sandbox.get(scanned(answer))
    assert "¥26.00" in page.text
    assert "&lt;b&gt;电视" in page.text
    assert order in sandbox.get("/wechatpay/").text
    by_code = sandbox.get("/wechatpay/scan/", code=str(answer["code_url"]))
    assert (by_code.status, by_code.headers["Location"]) == (303, scanned(answer))
    assert sandbox.get("/wechatpay/scan/", code="https://elsewhere.example/?pr=x").status == 404
    assert sandbox.get("/wechatpay/scan/", code="weixin://wxpay/bizpayurl?pr=../x").status == 404
    assert sandbox.get("/wechatpay/scan/").headers["Location"] == "/wechatpay/"
    assert sandbox.get("/wechatpay/scan/ffff").status == 404
    sandbox.press(scanned(answer), "pay")
    assert "不能再付" in sandbox.get(scanned(answer)).text
    assert sandbox.get("/wechatpay/api/orders", out_trade_no="X").status == 404


def test_orders_survive_a_restart(keys: Path, tmp_path: Path) -> None:
    state = ["--keys", str(keys), "--state", str(tmp_path / "state.sqlite")]
    with running(*state) as first:
        first.get("/wechatpay/")
    with running(*state) as second:
        assert second.get("/wechatpay/").status == 200
