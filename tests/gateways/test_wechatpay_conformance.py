"""The WeChat Pay gateway against the stand-in process, over real HTTP."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from billing.gateways import rsa2, wechatpay_keys
from billing.gateways.base import (
    CallbackRejected,
    Gateway,
    GatewayError,
    Instruction,
    RefundStatus,
    RejectCode,
)
from billing.gateways.wechatpay import WechatPayConfig, WechatPayGateway
from sandbox.config import Config
from sandbox.keys import ensure
from tests.gateways.conformance import GatewayConformance, refund_no
from tests.sandbox.process import Ear, SandboxProcess, listening, running, until

REFUND_SECONDS = "0.1"


class WechatOutside:
    """The stand-in's page in the place of a phone, and an ear in the place of the hall."""

    def __init__(self, sandbox: SandboxProcess, ear: Ear, keys: Path) -> None:
        self.sandbox = sandbox
        self.ear = ear
        self.keys = keys
        self.notify_url = f"{ear.url}/payments/callbacks/wechatpay/"
        self.reader = wechatpay(keys, sandbox.url, self.notify_url)

    def arrive(self, instruction: Instruction) -> None:
        assert self.sandbox.get(self.scanned(instruction)).status == 200

    def pay(self, instruction: Instruction, **knobs: str) -> bool:
        return self.sandbox.press(self.scanned(instruction), "pay", **knobs).status == 200

    def pay_again(self, instruction: Instruction) -> None:
        assert self.sandbox.press(self.scanned(instruction), "again").status == 200

    def scanned(self, instruction: Instruction) -> str:
        """The path of the page that a scan of the code opens."""
        assert instruction.kind == "qr"
        answer = self.sandbox.get(f"/wechatpay/scan/?{urlencode({'code': instruction.url})}")
        assert answer.status == 303
        return answer.headers["Location"]

    def notices(self, reference: str, count: int) -> list[tuple[Mapping[str, str], bytes]]:
        until(lambda: len(self._about(reference)) >= count)
        return self._about(reference)[:count]

    def _about(self, reference: str) -> list[tuple[Mapping[str, str], bytes]]:
        return [
            (heard.headers, heard.body)
            for heard in list(self.ear.heard)
            if self._reference(heard.headers, heard.body) == reference
        ]

    def _reference(self, headers: Mapping[str, str], body: bytes) -> str:
        try:
            return self.reader.parse_callback(headers, body).reference
        except CallbackRejected:
            return ""


def wechatpay(
    keys: Path, url: str, notify_url: str = "", mch_id: str = Config.wechatpay_mch_id
) -> WechatPayGateway:
    return WechatPayGateway(
        WechatPayConfig(
            app_id=Config.wechatpay_app_id,
            mch_id=mch_id,
            mch_key=rsa2.read_private_key(keys / "wechatpay_mch_private_key.pem"),
            mch_serial=Config.wechatpay_mch_serial,
            api_v3_key=wechatpay_keys.api_v3_key((keys / "wechatpay_api_v3_key.txt").read_text()),
            platform_keys=wechatpay_keys.read_platform_keys(keys / "wechatpay_platform_cert.pem"),
            gateway_url=url,
            notify_url=notify_url,
        )
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def outside(keys: Path) -> Iterator[WechatOutside]:
    with listening() as ear, running("--keys", str(keys), SANDBOX_REFUND_SECONDS=REFUND_SECONDS) as sandbox:
        yield WechatOutside(sandbox, ear, keys)


class TestWechatPayConformance(GatewayConformance):
    notices_tell_totals = False
    refunds_are_found_without_their_trade = True

    @pytest.fixture
    def gateway(self, outside: WechatOutside) -> Gateway:
        return outside.reader

    @pytest.fixture
    def dead_gateway(self, keys: Path, outside: WechatOutside) -> Gateway:
        return wechatpay(keys, "http://127.0.0.1:9")

    def test_the_same_charge_again_before_it_is_paid_is_the_same_code(
        self, gateway: Gateway, outside: WechatOutside
    ) -> None:
        charge = self.charge(outside)
        first = gateway.create(charge)
        assert gateway.create(charge) == first
        assert outside.pay(first)
        with pytest.raises(GatewayError) as caught:
            gateway.create(charge)
        assert (caught.value.code, caught.value.permanent) == ("ORDERPAID", True)

    def test_another_charge_under_the_same_number_is_refused(
        self, gateway: Gateway, outside: WechatOutside
    ) -> None:
        charge = self.charge(outside)
        gateway.create(charge)
        with pytest.raises(GatewayError, match="INVALID_REQUEST"):
            gateway.create(replace(charge, amount_cents=2601))

    def test_a_code_that_ran_out(self, gateway: Gateway, outside: WechatOutside) -> None:
        now = datetime.now(UTC)
        charge = replace(self.charge(outside), expires_at=now.replace(microsecond=0) + timedelta(seconds=2))
        instruction = gateway.create(charge)
        time.sleep(2.2)
        assert not outside.pay(instruction)

    def test_a_coupon(self, gateway: Gateway, outside: WechatOutside) -> None:
        charge = self.charge(outside)
        assert outside.pay(gateway.create(charge), coupon="100")
        assert self.heard(gateway, outside, charge.reference).amount_cents == 2600
        assert gateway.query(charge.reference).amount_cents == 2600

    def test_a_probe_goes_ahead_and_is_refused(self, gateway: Gateway, outside: WechatOutside) -> None:
        charge = self.charge(outside)
        before = len(outside.ear.heard)
        assert outside.pay(gateway.create(charge), probe="on")
        outside.notices(charge.reference, 1)
        codes = []
        for heard in outside.ear.heard[before:]:
            try:
                gateway.parse_callback(heard.headers, heard.body)
            except CallbackRejected as refusal:
                codes.append(refusal.code)
        assert codes == [RejectCode.SIGNATURE_PROBE]

    @pytest.mark.parametrize(
        ("ending", "status"), [("ABNORMAL", RefundStatus.ABNORMAL), ("CLOSED", RefundStatus.FAILED)]
    )
    def test_a_refund_that_does_not_arrive(
        self, gateway: Gateway, outside: WechatOutside, ending: str, status: RefundStatus
    ) -> None:
        charge = self.charge(outside)
        instruction = gateway.create(charge)
        assert outside.pay(instruction)
        outside.sandbox.press(outside.scanned(instruction), ending)
        result = self.refunded(gateway, charge, 1, 1000)
        assert (result.status, result.refunded_at) == (status, None)
        report = self.heard(gateway, outside, charge.reference, 2)
        assert (report.refunds[0].status, report.total_refunded_cents) == (status, 0)
        assert report.refunds[0].request_no == refund_no(charge, 1)

    def test_a_request_signed_by_another_key_is_refused_unsigned(
        self, tmp_path: Path, keys: Path, outside: WechatOutside
    ) -> None:
        ensure(tmp_path)
        for name in ("wechatpay_api_v3_key.txt", "wechatpay_platform_cert.pem"):
            (tmp_path / name).write_bytes((keys / name).read_bytes())
        for stranger in (
            wechatpay(tmp_path, outside.sandbox.url),
            wechatpay(keys, outside.sandbox.url, mch_id="1900000099"),
        ):
            with pytest.raises(GatewayError, match="SIGN_ERROR") as caught:
                stranger.query("P00001")
            assert not caught.value.permanent
