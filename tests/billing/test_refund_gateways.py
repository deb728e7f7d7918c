"""Refunds through the stand-ins of both gateways (real processes): the answer, the notice, the question and the
statement all lead to the same books, whichever comes first and however often."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from billing.gateways import alipay, registry, wechatpay
from billing.gateways.base import Charge, GatewayError, RefundResult, Trade
from billing.models import (
    GatewayCallback,
    LedgerEntry,
    Payment,
    Receipt,
    Refund,
    RefundReason,
    RefundRequest,
    RefundState,
    ReviewReason,
    StatementDifference,
)
from billing.services.payments import callbacks, intake, payments, settling
from billing.services.refunds import refunds
from core import clock
from sandbox.config import Config
from sandbox.keys import ensure
from tests.billing import build, statements_build
from tests.billing.refunds_build import ACTOR, MINUTE, approved, now, steps, sums, work
from tests.gateways.keys import APP_ID, SELLER_ID
from tests.sandbox.process import Ear, Heard, SandboxProcess, listening, running, until

pytestmark = pytest.mark.django_db
GATEWAYS = [alipay.CODE, wechatpay.CODE]
NOW = clock.now()
_later = itertools.count(1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ensure(folder := tmp_path_factory.mktemp("keys"))
    return folder


@pytest.fixture(scope="module")
def sandbox(keys: Path) -> Iterator[SandboxProcess]:
    with running("--keys", str(keys), SANDBOX_TIME_FACTOR="2400") as process:
        yield process


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as heard:
        yield heard


@pytest.fixture(autouse=True)
def configured(settings: Settings, keys: Path, sandbox: SandboxProcess, ear: Ear) -> None:
    settings.BASE_URL = ear.url
    settings.ALIPAY_APP_ID = APP_ID
    settings.ALIPAY_SELLER_ID = SELLER_ID
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = str(keys / "app_private_key.pem")
    settings.ALIPAY_PUBLIC_KEY_FILE = str(keys / "alipay_public_key.pem")
    settings.ALIPAY_GATEWAY_URL = sandbox.gateway_url
    settings.WECHATPAY_APP_ID = Config.wechatpay_app_id
    settings.WECHATPAY_MCH_ID = Config.wechatpay_mch_id
    settings.WECHATPAY_MCH_SERIAL = Config.wechatpay_mch_serial
    settings.WECHATPAY_API_V3_KEY = (keys / "wechatpay_api_v3_key.txt").read_text()
    settings.WECHATPAY_MCH_PRIVATE_KEY_FILE = str(keys / "wechatpay_mch_private_key.pem")
    settings.WECHATPAY_PLATFORM_CERT_FILE = str(keys / "wechatpay_platform_cert.pem")
    settings.WECHATPAY_GATEWAY_URL = sandbox.url


@dataclass
class Paid:
    """A payment that was made at the stand-in, and what the stand-in has told of it."""

    payment: Payment
    receipt: Receipt
    ear: Ear
    page: str  # where a person pays it at the stand-in

    @property
    def gateway(self) -> str:
        return self.payment.gateway

    def notices(self, count: int) -> list[Heard]:
        """What came after the notice of the payment itself."""
        return self.ear.wait(count + 1)[1:]


@pytest.fixture
def paid(request: pytest.FixtureRequest, sandbox: SandboxProcess, ear: Ear) -> Paid:
    code: str = request.param
    account = build.account()
    started = payments.start(
        account_id=account.pk, amount_cents=2600, gateway=code, payer_id=None, as_of=NOW, actor=ACTOR
    )
    payments.sent_to_cashier(payment_id=started.pk, as_of=NOW, actor=ACTOR)
    charge = Charge(
        reference=started.reference,
        amount_cents=2600,
        subject="电视费",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
        return_url="http://127.0.0.1:9/return/",
        notify_url=registry.notify_url(code),
    )
    address = registry.get(code).create(charge).url
    token = address.removeprefix("weixin://wxpay/bizpayurl?pr=")
    page = sandbox.arrive(address) if code == alipay.CODE else f"/wechatpay/scan/{token}"
    assert sandbox.press(page, "pay").status in (200, 303)
    [notice] = ear.wait(1)
    hear(code, notice)
    return Paid(started, Receipt.objects.get(payment=started), ear, page)


def hear(code: str, notice: Heard) -> None:
    """The notice goes through intake and is applied, as from the web and by a worker."""
    headers = {name.lower(): value for name, value in notice.headers.items()}
    assert intake.receive(gateway=code, headers=headers, body=notice.body, address=None, as_of=clock.now())
    while claimed := callbacks.claim(as_of=clock.now()):
        for callback in claimed:
            callbacks.apply(callback, as_of=clock.now())


def work_until_decided(row: RefundRequest, *, seconds: float = 10) -> None:
    """Workers now, and then at times when every wait is over."""
    work(NOW)

    def decided() -> bool:
        if not now(row).is_ended:
            work(NOW + next(_later) * timedelta(hours=2))
        return now(row).is_ended

    until(decided, seconds)


def books(of: Paid) -> tuple[object, ...]:
    """What is left of a refund, without when and who."""
    of.receipt.refresh_from_db()
    return (
        list(
            Refund.objects.filter(receipt=of.receipt).order_by("id").values_list("request_no", "amount_cents")
        ),
        of.receipt.refunded_cents,
        of.receipt.refunding_cents,
        list(
            LedgerEntry.objects.filter(account=of.payment.account).order_by("id").values_list("amount_cents")
        ),
        build.balance(of.payment.account),
        build.books_are_right(),
    )


def trade_of(receipt: Receipt, of: Paid) -> Trade:
    return Trade(of.payment.reference, receipt.trade_no)


def refunded_there(receipt: Receipt, sandbox: SandboxProcess) -> int:
    """Fen that the stand-in has paid back out of the receipt's trade."""
    if receipt.gateway == alipay.CODE:
        return int(str(sandbox.get("/alipay/api/trades", trade_no=receipt.trade_no).json()["refunded_cents"]))
    order: Any = sandbox.get("/wechatpay/api/orders", transaction_id=receipt.trade_no).json()
    return sum(each["amount"] for each in order["refunds"] if each["status"] == "SUCCESS")


def line(receipt: Receipt, of: Paid, cents: int, at: datetime, request_no: str = "") -> statements_build.Row:
    """A row of the channel's file."""
    local = at.astimezone(clock.SHANGHAI)
    return statements_build.Row(
        receipt.trade_no, of.payment.reference, cents, request_no, at=f"{local:%Y-%m-%d %H:%M:%S}"
    )


def expected(row: RefundRequest) -> tuple[object, ...]:
    return ([(row.number, 1000)], 1000, 0, [(2600,), (-1000,)], 1600, True)


@contextmanager
def deaf(monkeypatch: pytest.MonkeyPatch, code: str) -> Iterator[None]:
    """The gateway hears everything, and its answers to refunds are lost."""
    kind = type(registry.get(code))
    refund = kind.refund

    def lost(self: object, *given: object) -> RefundResult:
        refund(self, *given)  # type: ignore[arg-type]  # handed on as it came
        raise GatewayError("NETWORK", "the answer was lost", permanent=False)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "refund", lost)
        yield


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_the_answer_alone(paid: Paid) -> None:
    row = approved(paid.receipt, 1000, as_of=NOW)
    work_until_decided(row)
    assert now(row).state == RefundState.SUCCEEDED
    assert books(paid) == expected(row)


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_the_notice_alone_when_the_answer_was_lost(paid: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    row = approved(paid.receipt, 1000, as_of=NOW)
    with deaf(monkeypatch, paid.gateway):
        work(NOW)
    assert (now(row).state, row.error) == (RefundState.APPROVED, "NETWORK")
    [notice] = paid.notices(1)
    for _ in range(3):
        hear(paid.gateway, notice)
    assert steps(row) == ["REQUESTED", "APPROVED", "SUCCEEDED"]
    assert books(paid) == expected(row)
    assert work(build.LATER) == 0


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_the_question_alone_when_answer_and_notice_were_lost(
    paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = approved(paid.receipt, 1000, as_of=NOW)
    with deaf(monkeypatch, paid.gateway):
        work(NOW)
        work(NOW + MINUTE)  # under the same number, which is asked about first
    work_until_decided(row)
    assert books(paid) == expected(row)
    assert len(paid.notices(1)) == 1  # the gateway paid once


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_everything_that_can_be_told_is_told_and_changes_nothing_more(paid: Paid) -> None:
    row = approved(paid.receipt, 1000, as_of=NOW)
    work_until_decided(row)
    [notice] = paid.notices(1)
    hear(paid.gateway, notice)
    hear(paid.gateway, paid.ear.wait(1)[0])  # the old notice of the payment
    settling.settle(paid.payment, as_of=clock.now(), actor=ACTOR)
    assert set(GatewayCallback.objects.values_list("state", flat=True)) == {"APPLIED"}
    assert books(paid) == expected(row)


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_the_statement_agrees(paid: Paid, tmp_path: Path) -> None:
    """What the channel's file says of the refund is what we have booked."""
    row = approved(paid.receipt, 1000, as_of=NOW)
    work_until_decided(row)
    refund = Refund.objects.get()
    rows = [
        line(paid.receipt, paid, 2600, paid.receipt.paid_at),
        line(paid.receipt, paid, 1000, refund.refunded_at, row.number),
    ]
    assert compared(tmp_path, paid, rows) == {"PAYMENT": ["MATCHED"], "REFUND": ["MATCHED"]}
    assert not StatementDifference.objects.exists()
    assert books(paid) == expected(row)


def compared(folder: Path, of: Paid, rows: list[statements_build.Row]) -> dict[str, list[str]]:
    """The verdicts on a file of that day, by kind."""
    loaded = statements_build.load(
        folder,
        rows,
        gateway=of.gateway,
        day=clock.local_date(of.receipt.paid_at),
        as_of=NOW + timedelta(days=2),
    )
    return {kind: list(found) for kind, found in statements_build.found(loaded).items()}


@pytest.mark.parametrize("is_told_first", [False, True])
@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_of_an_order_paid_twice_the_second_payment_goes_back(
    paid: Paid,
    sandbox: SandboxProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_told_first: bool,
) -> None:
    """Out of its own trade, there and here, by the answer as by the notice; the first payment stays."""
    assert sandbox.press(paid.page, "again").status == 200
    hear(paid.gateway, paid.notices(1)[0])
    second = Receipt.objects.get(review_reason=ReviewReason.DUPLICATE)
    row = approved(second, 2600, as_of=NOW, reason_code=RefundReason.DUPLICATE)
    if is_told_first:
        with deaf(monkeypatch, paid.gateway):
            work(NOW)
    else:
        work_until_decided(row)
    hear(paid.gateway, paid.notices(2)[1])
    assert now(row).state == RefundState.SUCCEEDED
    assert (sums(paid.receipt), sums(second)) == ((0, 0, 2600), (2600, 0, 0))
    assert [refunded_there(each, sandbox) for each in (paid.receipt, second)] == [0, 2600]
    assert [refund.receipt_id for refund in Refund.objects.all()] == [second.pk]
    assert build.balance(paid.payment.account) == 2600
    assert build.books_are_right()
    rows = [
        line(paid.receipt, paid, 2600, paid.receipt.paid_at),
        line(second, paid, 2600, second.paid_at),
        line(second, paid, 2600, Refund.objects.get().refunded_at, row.number),
    ]
    assert compared(tmp_path, paid, rows)["REFUND"] == ["MATCHED"]
    assert not StatementDifference.objects.filter(kind="REFUND").exists()


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_both_payments_of_one_order_can_go_back(paid: Paid, sandbox: SandboxProcess) -> None:
    assert sandbox.press(paid.page, "again").status == 200
    hear(paid.gateway, paid.notices(1)[0])
    both = list(Receipt.objects.order_by("id"))
    for each in reversed(both):
        work_until_decided(approved(each, 2600, as_of=NOW))
    for notice in paid.notices(3)[1:]:
        hear(paid.gateway, notice)
    assert [sums(each) for each in both] == [(2600, 0, 0)] * 2
    assert [refunded_there(each, sandbox) for each in both] == [2600] * 2
    assert (build.balance(paid.payment.account), build.books_are_right()) == (0, True)


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_partial_refunds_until_nothing_is_left(paid: Paid) -> None:
    parts = (1000, 1, 1599)
    for cents in parts:
        work_until_decided(approved(paid.receipt, cents, as_of=NOW))
    for notice in paid.notices(len(parts)):
        hear(paid.gateway, notice)
    assert sums(paid.receipt) == (2600, 0, 0)
    assert list(Refund.objects.order_by("id").values_list("amount_cents", flat=True)) == list(parts)
    assert build.balance(paid.payment.account) == 0
    assert build.books_are_right()
    with pytest.raises(refunds.NotRefundable):
        approved(paid.receipt, 1, as_of=NOW)


@pytest.mark.parametrize("paid", GATEWAYS, indirect=True)
def test_money_that_is_gone_already_is_refused_there_and_freed_here(paid: Paid) -> None:
    """Somebody paid it back in the gateway's console, and no notice has come of it yet."""
    registry.get(paid.gateway).refund(trade_of(paid.receipt, paid), "CONSOLE1", 2600, "手工退款")
    row = approved(paid.receipt, 1000, as_of=NOW)
    work_until_decided(row)
    assert now(row).state == RefundState.FAILED
    assert sums(paid.receipt) == (0, 0, 2600)
    [notice] = paid.notices(1)
    hear(paid.gateway, notice)
    assert sums(paid.receipt) == (2600, 0, 0)
    assert list(Refund.objects.values_list("request_no", "amount_cents")) == [("CONSOLE1", 2600)]
    assert build.books_are_right()


@pytest.mark.parametrize(
    ("ending", "state"), [("ABNORMAL", RefundState.ABNORMAL), ("CLOSED", RefundState.FAILED)]
)
@pytest.mark.parametrize("paid", [wechatpay.CODE], indirect=True)
def test_wechat_cannot_finish_it(
    paid: Paid, sandbox: SandboxProcess, ending: str, state: RefundState
) -> None:
    assert sandbox.press(paid.page, ending).status == 200
    row = approved(paid.receipt, 1000, as_of=NOW)
    work(NOW)
    [notice] = paid.notices(1)
    hear(paid.gateway, notice)
    assert now(row).state == state
    assert sums(paid.receipt)[0] == 0
    work(build.LATER)
    assert now(row).state == state
