"""Both directions against an independent implementation of WeChat Pay v3, the package wechatpayv3."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, build_authorization, rsa_verify

from billing.gateways import rsa2
from billing.gateways.base import CallbackRejected, RejectCode, ReportStatus
from billing.gateways.transport import Answer
from sandbox.config import Config
from sandbox.keys import ensure
from sandbox.web import Request
from sandbox.wechatpay.signing import Seals
from tests.gateways.wechat_keys import (
    API_V3_KEY,
    APP_ID,
    MCH_ID,
    MCH_SERIAL,
    MERCHANT,
    PLATFORM,
    REFERENCE,
    SERIAL,
    STAMP,
    answer,
    certificate,
    charge,
    event,
    gateway,
    signed,
    transaction,
)

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
QUICK = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def peer(tmp_path: Path) -> WeChatPay:
    """The package as a merchant sets it up, with WeChat's certificate in a folder."""
    (tmp_path / f"{SERIAL}.pem").write_text(certificate())
    return WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=MCH_ID,
        private_key=MERCHANT.private_pem,
        cert_serial_no=MCH_SERIAL,
        apiv3_key=API_V3_KEY.decode(),
        appid=APP_ID,
        cert_dir=str(tmp_path),
    )


def test_both_read_the_same_notice_alike(peer: WeChatPay) -> None:
    headers, body = signed(event(transaction()))
    theirs = peer.callback(headers, body)
    ours = gateway().parse_callback(headers, body)
    assert theirs["id"] == ours.notify_id
    assert theirs["resource"]["out_trade_no"] == ours.reference
    assert theirs["resource"]["amount"]["total"] == ours.amount_cents


def test_a_stale_notice_is_accepted_there_and_refused_here(peer: WeChatPay) -> None:
    headers, body = signed(event(transaction()), stamp=STAMP - 3600)
    assert peer.callback(headers, body)["resource"]["out_trade_no"] == REFERENCE
    with pytest.raises(CallbackRejected) as caught:
        gateway().parse_callback(headers, body)
    assert caught.value.code is RejectCode.STALE


def test_both_refuse_a_changed_notice(peer: WeChatPay) -> None:
    headers, body = signed(event(transaction()))
    changed = body.replace(b"EV-1", b"EV-2")
    assert peer.callback(headers, changed) is None
    with pytest.raises(CallbackRejected):
        gateway().parse_callback(headers, changed)


@QUICK
@given(description=texts, openid=texts)
def test_what_these_tests_seal_is_what_the_peer_opens(description: str, openid: str) -> None:
    values = transaction(trade_state_desc=description, payer={"openid": openid})
    resource = event(values)["resource"]
    opened = aes_decrypt(
        resource["nonce"], resource["ciphertext"], resource["associated_data"], API_V3_KEY.decode()
    )
    assert json.loads(opened) == values


@QUICK
@given(subject=texts, cents=st.integers(1, 10_000_000_000))
def test_the_peer_believes_how_we_sign_a_request(subject: str, cents: int) -> None:
    seen: list[tuple[Mapping[str, str], bytes]] = []

    def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        seen.append((headers, body))
        return answer(200, {"code_url": "weixin://x"})

    gateway(exchange=exchange).create(charge(subject=subject, amount_cents=cents))
    ((headers, body),) = seen
    fields = dict(part.split("=", 1) for part in headers["Authorization"].partition(" ")[2].split(","))
    nonce, signature = fields["nonce_str"].strip('"'), fields["signature"].strip('"')
    text = f"POST\n/v3/pay/transactions/native\n{STAMP}\n{nonce}\n{body.decode()}"
    assert rsa_verify(*text.split("\n", 2), signature, MERCHANT.public)  # any cut into three is the same text
    assert json.loads(body)["amount"]["total"] == cents


def test_the_stand_in_understands_the_peers_requests_and_the_peer_its_answers(tmp_path: Path) -> None:
    ensure(tmp_path)
    seals = Seals(Config(keys=tmp_path))
    authorization = build_authorization(
        "/v3/x?a=1",
        "POST",
        Config.wechatpay_mch_id,
        Config.wechatpay_mch_serial,
        rsa2.read_private_key(tmp_path / "wechatpay_mch_private_key.pem"),
        data='{"a":"测"}',
    )
    body = '{"a":"测"}'.encode()
    assert (
        seals.signed_at(Request("POST", "/v3/x", "a=1", {"authorization": authorization}, body)) is not None
    )
    for other in (
        Request("GET", "/v3/x", "a=1", {"authorization": authorization}, body),
        Request("POST", "/v3/y", "a=1", {"authorization": authorization}, body),
        Request("POST", "/v3/x", "a=2", {"authorization": authorization}, body),
        Request("POST", "/v3/x", "a=1", {"authorization": authorization}, b"{}"),
        Request(
            "POST",
            "/v3/x",
            "a=1",
            {"authorization": authorization.replace(Config.wechatpay_mch_id, "1")},
            body,
        ),
        Request("POST", "/v3/x", "a=1", {}, body),
    ):
        assert seals.signed_at(other) is None


@QUICK
@given(message=texts)
def test_an_answer_that_the_peer_signs_is_believed(message: str) -> None:
    body = json.dumps(transaction(trade_state_desc=message), ensure_ascii=False).encode()
    given_answer = answer(200, body)
    headers = given_answer.headers
    assert rsa_verify(
        headers["wechatpay-timestamp"],
        headers["wechatpay-nonce"],
        body.decode(),
        headers["wechatpay-signature"],
        PLATFORM.public,
    )
    report = gateway(exchange=lambda *_: given_answer).query(REFERENCE)
    assert (report.amount_cents, report.status) == (2600, ReportStatus.SUCCEEDED)
