"""Messages of WeChat Pay that were captured or made elsewhere."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.gateways import wechatpay_wire as wire
from billing.gateways.base import CallbackRejected, RefundStatus, RejectCode, Report
from billing.gateways.wechatpay_keys import read_platform_keys
from tests.gateways.wechat_keys import event, gateway, signed
from tests.shared_data import require

SIGNED_AT = datetime.fromtimestamp(1624523846, UTC)
REFUSED = {
    "w04_other_mchid": RejectCode.WRONG_SELLER,
    "w05_other_appid": RejectCode.WRONG_APP,
    "w06_body_tampered": RejectCode.BAD_SIGNATURE,
    "w07_unknown_serial": RejectCode.UNKNOWN_KEY,
    "w08_stale_timestamp": RejectCode.STALE,
    "w09_ciphertext_tampered": RejectCode.BAD_CIPHERTEXT,
    "w13_unknown_event_type": RejectCode.UNSUPPORTED_KIND,
    "w14_signature_probe": RejectCode.SIGNATURE_PROBE,
    "w15_signed_by_other_key": RejectCode.BAD_SIGNATURE,
}


def read_as(folder: Path, case: dict[str, Any], config: dict[str, str]) -> Report:
    message = json.loads((folder / case["file"]).read_text(encoding="utf-8"))
    receiver = gateway(
        app_id=config["appid"],
        mch_id=config["mchid"],
        api_v3_key=config["apiv3_key"].encode(),
        platform_keys=read_platform_keys(folder / config["platform_cert"]),
    )
    received_at = datetime.fromisoformat(case["received_at"])
    return receiver.parse_callback(message["headers"], message["body"].encode(), received_at=received_at)


def test_every_case_of_the_selftest() -> None:
    folder = require("payments/signed-selftest")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    cases = [case for case in manifest["cases"] if case["channel"] == "wechat"]
    assert len(cases) == 15
    for case in cases:
        name = Path(case["file"]).stem
        if name in REFUSED:
            with pytest.raises(CallbackRejected) as caught:
                read_as(folder, case, manifest["config"]["wechat"])
            assert caught.value.code is REFUSED[name], name
        else:
            report = read_as(folder, case, manifest["config"]["wechat"])
            assert report.reference == case["order"]["out_trade_no"]
            assert report.amount_cents == (1 if name == "w03_amount_differs" else 2600), name


def tencents() -> tuple[dict[str, str], bytes, Path]:
    folder = require("payments/wechat")
    headers = json.loads((folder / "notify_v3_signed_payscore.headers.json").read_text())
    body = (folder / "notify_v3_signed_payscore.body.json").read_bytes()
    return headers, body, folder / "notify_v3_signed_payscore.platform_cert.pem"


def test_tencents_own_vector_verifies_and_is_of_a_kind_that_we_do_not_handle() -> None:
    headers, body, certificate = tencents()
    keys = read_platform_keys(certificate)
    wire.verify(headers, body, keys, at=SIGNED_AT)
    with pytest.raises(CallbackRejected) as caught:
        gateway(platform_keys=keys).parse_callback(headers, body, received_at=SIGNED_AT)
    assert caught.value.code is RejectCode.UNSUPPORTED_KIND


def test_tencents_own_vector_opens_with_its_key() -> None:
    headers, body, _ = tencents()
    cipher = AESGCM(headers["_test_apiv3_key_16_bytes"].encode())
    opened = wire.unseal(wire.part(wire.parse_object(body), "resource"), cipher)
    assert opened["mchid"]


@pytest.mark.parametrize("position", range(0, 560, 23))
def test_tencents_own_vector_changed_in_one_place(position: int) -> None:
    headers, body, certificate = tencents()
    changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
    with pytest.raises(CallbackRejected) as caught:
        wire.verify(headers, changed, read_platform_keys(certificate), at=SIGNED_AT)
    assert caught.value.code is RejectCode.BAD_SIGNATURE


def test_the_official_sample_of_a_payment_opens_to_its_plain_text() -> None:
    folder = require("payments/wechat")
    key = (folder / "notify_v3_transaction_success.test_apiv3_key.txt").read_text().strip().encode()
    message = json.loads((folder / "notify_v3_transaction_success.json").read_text(encoding="utf-8"))
    plain = json.loads((folder / "notify_v3_transaction_success.plain.json").read_text(encoding="utf-8"))
    assert wire.unseal(message["resource"], AESGCM(key)) == plain
    receiver = gateway(app_id=plain["appid"], mch_id=plain["mchid"], api_v3_key=key)
    report = receiver.parse_callback(*signed(message))
    assert (report.reference, report.trade_no) == ("1217752501201407033233368018",) * 2
    assert (report.amount_cents, report.notify_id) == (100, "EV-2018022511223320873")


def test_the_official_sample_of_a_refund() -> None:
    folder = require("payments/wechat")
    plain = json.loads((folder / "notify_v3_refund_success.plain.json").read_text(encoding="utf-8"))
    report = gateway(mch_id=plain["mchid"]).parse_callback(*signed(event(plain, "REFUND.SUCCESS")))
    (refund,) = report.refunds
    assert (refund.request_no, refund.amount_cents) == ("7752501201407033233368018", 999)
    assert refund.status is RefundStatus.SUCCEEDED
    assert (report.reference, report.trade_no) == ("20150806125346", "1008450740201411110005820873")
    assert (report.amount_cents, report.total_refunded_cents) == (999, 999)
