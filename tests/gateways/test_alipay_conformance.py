"""The Alipay gateway against the stand-in process, over real HTTP."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from billing.gateways import rsa2
from billing.gateways.alipay import AlipayConfig, AlipayGateway
from billing.gateways.base import Gateway, GatewayError, Instruction
from sandbox.keys import ensure
from tests.gateways.conformance import GatewayConformance
from tests.gateways.keys import APP_ID, SELLER_ID
from tests.sandbox.process import Ear, SandboxProcess, listening, request, running, until


class AlipayOutside:
    """The stand-in's cashier, and an ear in the place of the hall."""

    def __init__(self, sandbox: SandboxProcess, ear: Ear) -> None:
        self.sandbox = sandbox
        self.ear = ear
        self.notify_url = f"{ear.url}/payments/callbacks/alipay/"

    def arrive(self, instruction: Instruction) -> None:
        self.sandbox.arrive(instruction.url)

    def pay(self, instruction: Instruction) -> bool:
        page = self.sandbox.arrive(instruction.url)
        return self.sandbox.press(page, "pay").status == 303

    def pay_again(self, instruction: Instruction) -> None:
        assert self.sandbox.press(self.sandbox.arrive(instruction.url), "again").status == 200

    def notices(self, reference: str, count: int) -> list[tuple[Mapping[str, str], bytes]]:
        until(lambda: len(self._about(reference)) >= count)
        return self._about(reference)[:count]

    def _about(self, reference: str) -> list[tuple[Mapping[str, str], bytes]]:
        return [
            (heard.headers, heard.body)
            for heard in list(self.ear.heard)
            if parse_qs(heard.body.decode())["out_trade_no"] == [reference]
        ]


def alipay(keys: Path, url: str) -> AlipayGateway:
    return AlipayGateway(
        AlipayConfig(
            app_id=APP_ID,
            seller_id=SELLER_ID,
            app_key=rsa2.read_private_key(keys / "app_private_key.pem"),
            alipay_key=rsa2.read_public_key(keys / "alipay_public_key.pem"),
            gateway_url=url,
        )
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def outside(keys: Path) -> Iterator[AlipayOutside]:
    with listening() as ear, running("--keys", str(keys)) as sandbox:
        yield AlipayOutside(sandbox, ear)


class TestAlipayConformance(GatewayConformance):
    @pytest.fixture
    def gateway(self, keys: Path, outside: AlipayOutside) -> Gateway:
        return alipay(keys, outside.sandbox.gateway_url)

    @pytest.fixture
    def dead_gateway(self, keys: Path, outside: AlipayOutside) -> Gateway:
        return alipay(keys, "http://127.0.0.1:9/gateway.do")

    def test_the_browser_comes_back_with_a_signed_claim(
        self, keys: Path, gateway: Gateway, outside: AlipayOutside
    ) -> None:
        charge = self.charge(outside)
        page = outside.sandbox.arrive(gateway.create(charge).url)
        location = outside.sandbox.press(page, "pay").headers["Location"]
        address, _, query = location.partition("?")
        assert address == charge.return_url
        claim = alipay(keys, "http://127.0.0.1:9/").parse_return(query)
        assert (claim.reference, claim.amount_cents) == (charge.reference, 2600)

    def test_a_notice_in_gbk(self, gateway: Gateway, outside: AlipayOutside) -> None:
        charge = self.charge(outside)
        page = outside.sandbox.arrive(gateway.create(charge).url)
        outside.sandbox.press(page, "pay", gbk="on")
        ((headers, body),) = outside.notices(charge.reference, 1)
        assert b"charset=GBK" in body
        assert b"subject=%D3%D0%CF%DF" in body
        assert gateway.parse_callback(headers, body).amount_cents == 2600

    def test_a_request_signed_by_another_key_gets_a_signed_refusal(
        self, tmp_path: Path, keys: Path, outside: AlipayOutside
    ) -> None:
        ensure(tmp_path)
        stranger = AlipayGateway(
            AlipayConfig(
                app_id=APP_ID,
                seller_id=SELLER_ID,
                app_key=rsa2.read_private_key(tmp_path / "app_private_key.pem"),
                alipay_key=rsa2.read_public_key(keys / "alipay_public_key.pem"),
                gateway_url=outside.sandbox.gateway_url,
            )
        )
        with pytest.raises(GatewayError, match="isv.invalid-signature"):
            stranger.query("P1")
        response = request("GET", stranger.create(self.charge(outside)).url)
        assert (response.status, "isv.invalid-signature" in response.text) == (400, True)
