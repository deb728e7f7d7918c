"""From a phone number to a receipt: a customer who was never here logs in, binds his account, pays his bill.

The views are the real ones, the SMS stand-in is a real process, the clock is passed in; what the workers do is done
step by step, so that one sees what holds before and after.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.models import BillingAccount, Contact, Membership, User
from accounts.services import accounts, contacts, customers
from billing.gateways import rsa2
from billing.models import Bill, Payment, PaymentState, Receipt
from billing.selectors import ledger_check
from billing.services.bills import bills
from billing.services.payments import callbacks
from core import clock, outbox
from notices.models import Delivery, DeliveryState
from notices.services import sending
from operations.models import Slip, SlipState
from sandbox.keys import ensure
from tests.conftest import NOON
from tests.gateways import keys
from tests.sandbox.process import SECRET, SandboxProcess, running

pytestmark = pytest.mark.django_db(transaction=True)
PHONE, NUMBER = "13800001234", "8100000017"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def sandbox(tmp_path: Path, settings: Settings) -> Iterator[SandboxProcess]:
    ensure(tmp_path)
    settings.ALIPAY_APP_ID, settings.ALIPAY_SELLER_ID = keys.APP_ID, keys.SELLER_ID
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = str(tmp_path / "app_private_key.pem")
    settings.ALIPAY_PUBLIC_KEY_FILE = str(tmp_path / "alipay_public_key.pem")
    settings.SMS_GATEWAY_SECRET = SECRET
    with running("--keys", str(tmp_path)) as process:
        settings.ALIPAY_GATEWAY_URL = process.gateway_url
        settings.SMS_GATEWAY_URL = f"{process.url}/sms/send"
        yield process


@pytest.fixture
def bill() -> Bill:
    """What the operator knows: a customer, his account, the phone he left there, one bill."""
    customer = customers.create(name="周明", as_of=NOON)
    account = accounts.open_account(number=NUMBER, customer_id=customer.pk, as_of=NOON)
    contacts.add(account_id=account.pk, kind=Contact.Kind.PHONE, value=PHONE, as_of=NOON)
    return bills.issue(
        account_id=account.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", 2600), bills.Line("HD", "高清互动节目包", 1500)],
        issued_on=date(2026, 11, 1),
        due_on=date(2026, 11, 25),
        source="journey",
        source_number="1",
        period="2026-10",
        as_of=NOON,
    )


class Browser:
    """The customer's, at a moment of his choosing."""

    def __init__(self) -> None:
        self.client = Client()
        self.at: datetime = NOON
        self.page = ""
        self.address = ""

    def get(self, path: str) -> str:
        return self._shown(lambda: self.client.get(path, follow=True))

    def post(self, path: str, data: dict[str, str]) -> str:
        return self._shown(lambda: self.client.post(path, data, follow=True))

    def leave(self, path: str) -> str:
        """Where a page sends the browser that is not ours."""
        with clock.stopped(self.at):
            return str(self.client.get(path)["Location"])

    def hidden(self) -> dict[str, str]:
        form = self.page[self.page.index('id="confirm"') :]
        return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))

    def _shown(self, ask: Any) -> str:
        self.at += MINUTE / 4
        with clock.stopped(self.at):
            answer = ask()
        assert answer.status_code == 200, (answer.status_code, answer.content.decode()[:2000])
        self.page = answer.content.decode()
        self.address = answer.request["PATH_INFO"]
        return self.page


def code(sandbox: SandboxProcess, at: datetime) -> str:
    """What the phone shows once the worker has sent what is due."""
    assert sending.work(clock=lambda: at) == 1
    messages = sandbox.get("/sms/api/messages", phone=PHONE).json()["messages"]
    assert isinstance(messages, list)
    digits = re.search(r"\d{6}", messages[0]["text"])
    assert digits is not None
    return digits[0]


def notice(folder: Path, payment: Payment) -> bytes:
    """What Alipay sends when the money is there, signed with the stand-in's key."""
    key = load_pem_private_key((folder / "alipay_private_key.pem").read_bytes(), None)
    fields = keys.notice(
        out_trade_no=payment.reference, total_amount="41.00", gmt_payment="2026-11-18 12:03:00"
    )
    content = "&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
    return keys.encode({**fields, "sign": rsa2.sign(key, content), "sign_type": "RSA2"})  # type: ignore[arg-type]  # RSA


def test_first_bill_paid(sandbox: SandboxProcess, bill: Bill, tmp_path: Path) -> None:
    cache.clear()
    browser = Browser()

    # He signs up with his phone alone, and proves it by the code.
    browser.post("/account/signup/", {"phone": PHONE, "name": "周明", "password1": ""})
    browser.post("/account/phone/verify/", {"code": code(sandbox, browser.at)})
    user = User.objects.get(phone=f"+86{PHONE}")
    assert user.phone_verified_at is not None
    assert "先绑定您的户号" in browser.get("/")

    # He binds the account; the code goes to the phone that the operator knows. It is his own: he is the owner.
    browser.post("/operations/account.bind/", {"account_number": NUMBER, "_step": "quote"})
    assert not Membership.objects.exists()
    browser.at += MINUTE
    browser.post("/operations/account.bind/", browser.hidden() | {"_step": "code"})
    proof = {"_step": "submit", "_agreed": "yes", "_code": code(sandbox, browser.at)}
    assert "户号已绑定" in browser.post("/operations/account.bind/", browser.hidden() | proof)
    assert Membership.objects.get().role == Membership.Role.OWNER

    # He sees what he owes and pays it.
    assert "¥41.00" in browser.get("/")
    assert bill.number in browser.get("/bills/")
    assert "高清互动节目包" in browser.get(f"/bills/{bill.number}/")
    assert 'value="41.00"' in browser.get("/pay/")
    choice = {"account": NUMBER, "amount": "41.00", "gateway": "alipay", "_step": "quote"}
    browser.post("/pay/", choice)
    with clock.stopped(browser.at):
        answer = browser.client.post("/pay/", browser.hidden() | {"_step": "submit", "_agreed": "yes"})
    payment = Payment.objects.get()
    assert answer["Location"] == f"/payments/{payment.reference}/cashier/"
    sent = parse_qs(urlsplit(browser.leave(answer["Location"])).query)
    assert '"total_amount":"41.00"' in sent["biz_content"][0]
    slip = Slip.objects.get(operation="bill.pay")
    assert slip.state == SlipState.IN_PROGRESS

    # The gateway's notice is taken at once; until a worker has applied it the page says "checking".
    with clock.stopped(browser.at):
        form = "application/x-www-form-urlencoded; charset=utf-8"
        body = notice(tmp_path, payment)
        assert Client().post("/payments/callbacks/alipay", body, content_type=form).content == b"success"
    assert "正在确认支付结果" in browser.get(f"/payments/{payment.reference}/?back=1")
    assert not Receipt.objects.exists()

    after_work(browser.at)

    assert "支付成功" in browser.get(f"/payments/{payment.reference}/")
    receipt = Receipt.objects.get()
    page = browser.get(f"/receipts/{receipt.number}/")
    assert "¥41.00" in page
    assert "2026年10月账单" in page
    page = browser.get(f"/requests/{slip.number}/")
    assert "已入账，谢谢您。" in page
    assert f'href="/payments/{payment.reference}/"' in page
    assert "收银台" not in page
    assert "现在没有要缴的费用" in browser.get("/")
    what_holds_afterwards(sandbox, receipt, payment, browser.at)


def after_work(at: datetime) -> None:
    """What the workers do: apply the notice, carry the news on."""
    with clock.stopped(at):
        for callback in callbacks.claim(as_of=at):
            callbacks.apply_claimed(callback, as_of=at)
        while outbox.dispatch(as_of=at):
            pass


def what_holds_afterwards(sandbox: SandboxProcess, receipt: Receipt, payment: Payment, at: datetime) -> None:
    payment.refresh_from_db()
    assert payment.state == PaymentState.SUCCEEDED
    assert receipt.allocated_cents == 4100
    assert BillingAccount.objects.select_related("balance").get().balance.balance_cents == 0
    assert not list(ledger_check.differences())
    queued = Delivery.objects.get(message__code="payment_received")
    assert queued.state == DeliveryState.QUEUED
    while sending.work(clock=lambda: at):
        pass
    texts = [each["text"] for each in sandbox.get("/sms/api/messages", phone=PHONE).json()["messages"]]  # type: ignore[attr-defined]  # JSON
    assert any("41.00" in text and receipt.number in text for text in texts)
