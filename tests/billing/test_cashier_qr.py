"""Paying by a QR code: the page that shows it, over a stand-in process in the place of WeChat Pay."""

import base64
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import zxingcpp
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import Settings

from accounts.models import BillingAccount, User
from billing.models import Payment, PaymentState
from billing.services.payments import payments, settling
from billing.views.payments import STOP_POLLING
from core import clock
from sandbox.config import Config
from tests.billing import build
from tests.sandbox.process import SandboxProcess, running

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def sandbox(keys: Path) -> Iterator[SandboxProcess]:
    with running("--keys", str(keys)) as process:
        yield process


@pytest.fixture(autouse=True)
def wechat(settings: Settings, keys: Path, sandbox: SandboxProcess) -> Settings:
    settings.WECHATPAY_APP_ID = Config.wechatpay_app_id
    settings.WECHATPAY_MCH_ID = Config.wechatpay_mch_id
    settings.WECHATPAY_MCH_SERIAL = Config.wechatpay_mch_serial
    settings.WECHATPAY_API_V3_KEY = (keys / "wechatpay_api_v3_key.txt").read_text()
    settings.WECHATPAY_MCH_PRIVATE_KEY_FILE = str(keys / "wechatpay_mch_private_key.pem")
    settings.WECHATPAY_PLATFORM_CERT_FILE = str(keys / "wechatpay_platform_cert.pem")
    settings.WECHATPAY_GATEWAY_URL = sandbox.url
    return settings


@pytest.fixture
def user() -> User:
    return build.user()


@pytest.fixture
def client(user: User) -> Client:
    made = Client()
    made.force_login(user)
    return made


@pytest.fixture
def payment(user: User) -> Payment:
    """Started now: the stand-in believes no other time."""
    account = build.account(user)
    build.bill(account)
    return started(account)


def started(account: BillingAccount, cents: int = 2600) -> Payment:
    return payments.start(
        account_id=account.pk,
        amount_cents=cents,
        gateway="wechatpay",
        payer_id=None,
        as_of=clock.now(),
        actor=build.ACTOR,
    )


def address(of: Payment) -> str:
    return reverse("billing:cashier", args=[of.reference])


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return str(answer.content.decode())


def code_in(page: str) -> str:
    """What a telephone reads from the picture."""
    found = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert found is not None
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("L"))
    return str(read.text)


def scan_and_pay(sandbox: SandboxProcess, code: str) -> None:
    page = sandbox.get(f"/wechatpay/scan/?{urlencode({'code': code})}").headers["Location"]
    assert sandbox.press(page, "pay").status == 200


def test_the_page_shows_a_code_that_a_telephone_reads(
    client: Client, payment: Payment, sandbox: SandboxProcess
) -> None:
    page = text(client.get(address(payment)))
    assert code_in(page).startswith("weixin://wxpay/bizpayurl?pr=")
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    until = payment.expires_at.astimezone(clock.SHANGHAI)
    for shown in ("微信支付扫码付款", "¥26.00", f"尾号 {payment.account.number[-4:]}", f"{until:%H:%M}"):
        assert shown in page
    assert f">{payment.account.number}<" not in page  # who stands behind the customer need not read it
    assert 'http-equiv="refresh"' in page
    order = sandbox.get("/wechatpay/api/orders", out_trade_no=payment.reference).json()
    assert (order["total"], order["state"]) == (2600, "NOTPAY")
    assert order["description"] == f"户号 {payment.account.number} 缴费"


def test_loading_it_again_asks_nobody_and_shows_the_same_code(
    client: Client, payment: Payment, settings: Settings
) -> None:
    first = code_in(text(client.get(address(payment))))
    settings.WECHATPAY_GATEWAY_URL = "http://127.0.0.1:9"
    assert code_in(text(client.get(address(payment)))) == first


def test_an_order_is_the_same_for_who_reads_english(client: Client, payment: Payment) -> None:
    first = code_in(text(client.get(address(payment))))
    cache.clear()
    client.cookies["django_language"] = "en"
    assert code_in(text(client.get(address(payment)))) == first


def test_another_payment_has_another_code(client: Client, user: User, payment: Payment) -> None:
    other = started(build.account(user), 100)
    assert code_in(text(client.get(address(other)))) != code_in(text(client.get(address(payment))))


def test_a_gateway_that_is_away_says_so_and_the_customer_may_try_again(
    client: Client, payment: Payment, settings: Settings, sandbox: SandboxProcess
) -> None:
    settings.WECHATPAY_GATEWAY_URL = "http://127.0.0.1:9"
    page = text(client.get(address(payment), follow=True))
    assert "支付渠道暂时连不上" in page
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    settings.WECHATPAY_GATEWAY_URL = sandbox.url
    assert code_in(text(client.get(address(payment))))


@pytest.mark.parametrize("how", ["closed", "unknown", "late"])
def test_a_payment_that_may_not_be_paid_shows_no_code(client: Client, payment: Payment, how: str) -> None:
    client.get(address(payment))
    now = clock.now()
    if how == "closed":
        payments.closed(payment_id=payment.pk, as_of=now, actor=build.ACTOR, reason="test")
    if how == "unknown":
        payments.gateway_silent(payment_id=payment.pk, as_of=now, actor=build.ACTOR, reason="test")
    with clock.stopped(now + timedelta(minutes=31 if how == "late" else 0)):
        answer = client.get(address(payment))
    assert answer["Location"] == reverse("billing:payment", args=[payment.reference])


def test_from_waiting_to_paid(client: Client, payment: Payment, sandbox: SandboxProcess) -> None:
    code = code_in(text(client.get(address(payment))))
    status = reverse("billing:payment_status", args=[payment.reference])
    assert client.get(status, {"seen": "waiting"}).status_code == 204
    scan_and_pay(sandbox, code)
    settling.query_now(payment_id=payment.pk, actor=build.ACTOR, as_of=clock.now())
    settled = text(client.get(status, {"seen": "waiting"}), STOP_POLLING)
    assert "支付成功" in settled
    assert "data:image" not in settled
    assert client.get(address(payment))["Location"] == reverse("billing:payment", args=[payment.reference])
    assert build.books_are_right()


def test_cancelling_closes_the_order_there(client: Client, payment: Payment, sandbox: SandboxProcess) -> None:
    client.get(address(payment))
    answer = client.post(reverse("billing:cancel", args=[payment.reference]), follow=True)
    assert "这笔支付已取消" in text(answer)
    order = sandbox.get("/wechatpay/api/orders", out_trade_no=payment.reference).json()
    assert order["state"] == "CLOSED"


def test_cancelling_too_late_finds_it_paid(client: Client, payment: Payment, sandbox: SandboxProcess) -> None:
    scan_and_pay(sandbox, code_in(text(client.get(address(payment)))))
    client.post(reverse("billing:cancel", args=[payment.reference]))
    payment.refresh_from_db()
    assert payment.state == PaymentState.SUCCEEDED


def test_an_unpaid_code_is_closed_at_its_end(
    payment: Payment, client: Client, sandbox: SandboxProcess
) -> None:
    client.get(address(payment))
    payments_end = payment.expires_at
    payment.refresh_from_db()
    settling.settle(payment, as_of=payments_end, actor=build.ACTOR)
    payment.refresh_from_db()
    assert payment.state == PaymentState.EXPIRED
    order = sandbox.get("/wechatpay/api/orders", out_trade_no=payment.reference).json()
    assert order["state"] == "CLOSED"


def test_saying_that_one_has_paid_has_the_gateway_asked_and_decides_nothing(
    client: Client, payment: Payment
) -> None:
    page = text(client.get(address(payment)))
    link = f"/payments/return/wechatpay/?reference={payment.reference}"
    assert link in page
    before = clock.now()
    answer = client.get(link)
    assert answer["Location"] == reverse("billing:payment", args=[payment.reference]) + "?back=1"
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    assert before <= payment.next_query_at <= clock.now()


def test_a_strangers_payment_is_not_found(payment: Payment) -> None:
    stranger = Client()
    stranger.force_login(build.user())
    before = payment.next_query_at
    for path in (address(payment), f"/payments/return/wechatpay/?reference={payment.reference}"):
        assert stranger.get(path).status_code == 404
    payment.refresh_from_db()
    assert (payment.state, payment.next_query_at) == (PaymentState.CREATED, before)


@pytest.mark.parametrize("reference", ["", "X", "P" * 500])
def test_a_return_without_a_payment_of_ours(client: Client, reference: str) -> None:
    assert client.get(f"/payments/return/wechatpay/?reference={reference}").status_code == 404


def test_both_gateways_are_offered_and_only_those_with_a_contract(
    client: Client, payment: Payment, settings: Settings
) -> None:
    page = text(client.get("/pay/"))
    assert page.index('value="alipay"') < page.index('value="wechatpay"')
    assert "微信支付" in page
    settings.ALIPAY_APP_ID = ""
    page = text(client.get("/pay/"))
    assert 'value="alipay"' not in page
    assert re.search(r'value="wechatpay"[^>]*checked', page)
    settings.WECHATPAY_APP_ID = ""
    assert 'value="wechatpay"' not in text(client.get("/pay/"))


def test_the_stand_ins_page_is_named_only_where_there_is_one(
    client: Client, payment: Payment, settings: Settings
) -> None:
    assert "模拟扫码" not in text(client.get(address(payment)))
    settings.SANDBOX_URL = "http://127.0.0.1:8001"
    assert "http://127.0.0.1:8001/wechatpay/scan/?code=weixin%3A%2F%2F" in text(client.get(address(payment)))
