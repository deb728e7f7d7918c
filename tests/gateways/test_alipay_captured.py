"""Notices that were captured or made elsewhere."""

import json
from pathlib import Path

import pytest

from billing.gateways import alipay_wire, rsa2
from billing.gateways.base import CallbackRejected, RejectCode, Report, ReportStatus
from tests.gateways.keys import gateway
from tests.shared_data import require

REFUSED = {
    "a04_other_app_id": RejectCode.WRONG_APP,
    "a05_other_seller": RejectCode.WRONG_SELLER,
    "a07_tampered_after_signing": RejectCode.BAD_SIGNATURE,
    "a08_no_sign": RejectCode.MISSING_SIGNATURE,
    "a17_signed_by_other_key": RejectCode.BAD_SIGNATURE,
}
REFUSED_BY_THE_ORDER = {
    "a03_amount_differs",
    "a06_unknown_order",
}  # genuine: only the hall's own order refuses them


def read_as(folder: Path, name: str, config: dict[str, str]) -> Report:
    key = rsa2.read_public_key(folder / config["alipay_public_key"])
    receiver = gateway(app_id=config["app_id"], seller_id=config["seller_id"], alipay_key=key)
    return receiver.parse_callback({}, (folder / name).read_bytes())


def test_every_case_of_the_selftest() -> None:
    folder = require("payments/signed-selftest")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    cases = [case for case in manifest["cases"] if case["channel"] == "alipay"]
    assert len(cases) == 17
    for case in cases:
        name = Path(case["file"]).stem
        if name in REFUSED:
            assert case["expect"]["reply"] == "reject"
            with pytest.raises(CallbackRejected) as caught:
                read_as(folder, case["file"], manifest["config"]["alipay"])
            assert caught.value.code is REFUSED[name], name
            continue
        report = read_as(folder, case["file"], manifest["config"]["alipay"])
        assert (case["expect"]["reply"] == "reject") == (name in REFUSED_BY_THE_ORDER), name
        refunded = case["expect"].get("refunded_yuan", "0")
        assert report.total_refunded_cents == alipay_wire.parse_yuan(refunded), name
        if case["order"]:
            expected = alipay_wire.parse_yuan(case["order"]["amount_yuan"])
            assert report.reference == case["order"]["out_trade_no"], name
            assert (report.amount_cents == expected) == (name != "a03_amount_differs"), name


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("a09_wait_buyer_pay", ReportStatus.WAITING),
        ("a10_finished_after_success", ReportStatus.SUCCEEDED),
        ("a11_closed_unpaid", ReportStatus.CLOSED),
        ("a12_partial_refund", ReportStatus.SUCCEEDED),
        ("a13_full_refund", ReportStatus.SUCCEEDED),
    ],
)
def test_states_of_the_selftest(case: str, status: ReportStatus) -> None:
    folder = require("payments/signed-selftest")
    config = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["config"]["alipay"]
    assert read_as(folder, f"alipay/{case}.txt", config).status is status


def test_redelivery_has_the_same_notify_id_and_is_the_same_report() -> None:
    folder = require("payments/signed-selftest")
    config = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["config"]["alipay"]
    first = read_as(folder, "alipay/a01_success.txt", config)
    assert read_as(folder, "alipay/a02_same_notify_redelivered.txt", config) == first


def test_a_notice_really_signed_by_alipays_sandbox() -> None:
    folder = require("payments/alipay")
    key = rsa2.read_public_key(folder / "notify_01_alipay_public_cert.crt")
    receiver = gateway(app_id="9021000122682882", seller_id="2088721003899159", alipay_key=key)
    report = receiver.parse_callback({}, (folder / "notify_01_sandbox_signature_valid.txt").read_bytes())
    assert (report.reference, report.amount_cents, report.status) == ("1703147160", 1, ReportStatus.SUCCEEDED)
    assert report.trade_no == "2023122122001499160501589436"


def test_a_return_really_signed_by_alipays_sandbox() -> None:
    folder = require("payments/alipay")
    key = rsa2.read_public_key(folder / "notify_01_alipay_public_cert.crt")
    receiver = gateway(app_id="9021000122682882", seller_id="2088721003899159", alipay_key=key)
    claim = receiver.parse_return((folder / "return_01_sandbox_signature_valid.txt").read_text().strip())
    assert (claim.reference, claim.amount_cents) == ("1703141270", 1)


def test_a_minimal_notice_verifies_but_names_no_seller() -> None:
    folder = require("payments/alipay")
    key = rsa2.read_public_key(folder / "notify_02_public_key.pem")
    receiver = gateway(app_id="2014072300007148", alipay_key=key)
    body = (folder / "notify_02_minimal_signature_valid.txt").read_bytes().strip()
    assert receiver.verified_fields(body)[b"total_amount"] == b"1.01"
    with pytest.raises(CallbackRejected) as caught:
        receiver.parse_callback({}, body)
    assert caught.value.code is RejectCode.MISSING_FIELD


@pytest.mark.parametrize(
    ("file", "status", "refunded"),
    [
        ("notify_03_charset_gbk_signature_unverifiable.txt", ReportStatus.SUCCEEDED, 0),
        ("notify_04a_trade_success_signature_unverifiable.txt", ReportStatus.SUCCEEDED, 0),
        ("notify_04b_full_refund_trade_closed_signature_unverifiable.txt", ReportStatus.SUCCEEDED, 1),
    ],
)
def test_captured_notices_without_their_key_are_refused_but_their_shape_is_read(
    file: str, status: ReportStatus, refunded: int
) -> None:
    body = (require("payments/alipay") / file).read_bytes().strip()
    with pytest.raises(CallbackRejected) as caught:
        gateway().parse_callback({}, body)
    assert caught.value.code is RejectCode.BAD_SIGNATURE
    report = alipay_wire.read_trade(alipay_wire.reader(alipay_wire.parse_form(body)), gateway="alipay")
    assert (report.status, report.amount_cents, report.total_refunded_cents) == (status, 1, refunded)
