"""Payments that no callback decided, settled against the stand-in of the gateway (a real process)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from billing.gateways import registry
from billing.gateways.base import Charge
from billing.models import Payment, PaymentState, Receipt
from billing.services.payments import payments, settling
from core import clock
from core.models import OutboxRow
from sandbox.keys import ensure
from tests.billing import build
from tests.gateways.keys import APP_ID, SELLER_ID
from tests.sandbox.process import SandboxProcess, running

pytestmark = pytest.mark.django_db
NOW = clock.now()


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    ensure(folder)
    return folder


@pytest.fixture(scope="module")
def sandbox(key_folder: Path) -> Iterator[SandboxProcess]:
    with running("--keys", str(key_folder)) as process:
        yield process


@pytest.fixture(autouse=True)
def configured(settings: Settings, key_folder: Path, sandbox: SandboxProcess) -> None:
    settings.ALIPAY_APP_ID = APP_ID
    settings.ALIPAY_SELLER_ID = SELLER_ID
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = str(key_folder / "app_private_key.pem")
    settings.ALIPAY_PUBLIC_KEY_FILE = str(key_folder / "alipay_public_key.pem")
    settings.ALIPAY_GATEWAY_URL = sandbox.gateway_url


def cashier(payment: Payment, amount_cents: int | None = None) -> str:
    charge = Charge(
        reference=payment.reference,
        amount_cents=amount_cents or payment.amount_cents,
        subject="电视费",
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        return_url="http://127.0.0.1:9/return/",
        notify_url="http://127.0.0.1:9/notify/",
    )
    return registry.get("alipay").create(charge).url


def due() -> Payment:
    payment = build.payment(build.account(), as_of=NOW)
    Payment.objects.filter(pk=payment.pk).update(next_query_at=NOW)
    return payment


def state(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.state


def test_a_payment_whose_notice_was_lost_is_found_by_the_query(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.press(sandbox.arrive(cashier(payment)), "pay")
    assert settling.settle_due(as_of=NOW) == 1
    assert state(payment) == PaymentState.SUCCEEDED
    assert Receipt.objects.get().amount_cents == 2600
    assert settling.settle_due(as_of=NOW + timedelta(days=1)) == 0


def test_a_payment_not_arrived_there_yet_stays_and_is_asked_about_later() -> None:
    payment = due()
    settling.settle_due(as_of=NOW)
    assert state(payment) == PaymentState.PENDING
    assert payment.next_query_at == NOW + timedelta(seconds=90)
    assert payment.queries == 1


def test_a_gateway_that_does_not_answer_leaves_it_unknown(settings: Settings) -> None:
    settings.ALIPAY_GATEWAY_URL = "http://127.0.0.1:9/gateway.do"
    payment = due()
    settling.settle_due(as_of=NOW)
    assert state(payment) == PaymentState.UNKNOWN
    assert not Receipt.objects.exists()


def test_money_of_another_amount_ends_the_payment_and_is_visible(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.press(sandbox.arrive(cashier(payment, amount_cents=1)), "pay")
    settling.settle_due(as_of=NOW)
    assert state(payment) == PaymentState.FAILED
    receipt = Receipt.objects.get()
    assert (receipt.amount_cents, receipt.allocated_cents, receipt.review_reason) == (1, 0, "AMOUNT")
    assert settling.settle_due(as_of=NOW + timedelta(days=1)) == 0


def test_a_payment_that_the_books_refuse_is_asked_about_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = due()

    class TellsTooMuch:
        def query(self, reference: str) -> object:
            return build.report(payment, refunded=payment.amount_cents + 1)

    monkeypatch.setattr(registry, "get", lambda code: TellsTooMuch())
    at = NOW
    for seconds in (90, 180, 360):
        settling.settle_due(as_of=at)
        assert state(payment) == PaymentState.PENDING
        assert payment.next_query_at == at + timedelta(seconds=seconds)
        at = payment.next_query_at
    assert not Receipt.objects.exists()


def test_an_unknown_payment_is_pending_again_when_the_gateway_says_so(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.arrive(cashier(payment))
    payments.gateway_silent(payment_id=payment.pk, as_of=NOW, actor=build.ACTOR, reason="timed out")
    settling.settle_due(as_of=NOW)
    assert state(payment) == PaymentState.PENDING


def test_an_old_payment_is_closed_there_and_here(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.arrive(cashier(payment))
    settling.settle_due(as_of=payment.expires_at)
    assert state(payment) == PaymentState.EXPIRED
    assert sandbox.trade(payment.reference)["status"] == "TRADE_CLOSED"
    assert OutboxRow.objects.filter(consumer="billing.end_slip").count() == 1


def test_an_old_payment_that_was_paid_is_not_closed(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.press(sandbox.arrive(cashier(payment)), "pay")
    settling.settle_due(as_of=payment.expires_at)
    assert state(payment) == PaymentState.SUCCEEDED


def test_an_old_payment_that_never_arrived_is_closed() -> None:
    payment = due()
    settling.settle_due(as_of=payment.expires_at)
    assert state(payment) == PaymentState.EXPIRED


def test_cancelling_closes_it_at_the_gateway_first(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.arrive(cashier(payment))
    assert settling.cancel(payment_id=payment.pk, actor=build.ACTOR, as_of=NOW) == PaymentState.EXPIRED
    assert sandbox.trade(payment.reference)["status"] == "TRADE_CLOSED"


def test_cancelling_too_late_books_the_money(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.press(sandbox.arrive(cashier(payment)), "pay")
    assert settling.cancel(payment_id=payment.pk, actor=build.ACTOR, as_of=NOW) == PaymentState.SUCCEEDED
    assert Receipt.objects.count() == 1


def test_cancelling_while_the_gateway_is_away_is_refused_and_nothing_changes(
    settings: Settings,
) -> None:
    settings.ALIPAY_GATEWAY_URL = "http://127.0.0.1:9/gateway.do"
    payment = due()
    with pytest.raises(settling.CannotCancelYet):
        settling.cancel(payment_id=payment.pk, actor=build.ACTOR, as_of=NOW)
    assert state(payment) == PaymentState.PENDING


def test_asking_now_decides_an_open_payment_and_leaves_a_decided_one(sandbox: SandboxProcess) -> None:
    payment = due()
    sandbox.press(sandbox.arrive(cashier(payment)), "pay")
    for _ in range(2):
        assert (
            settling.query_now(payment_id=payment.pk, actor=build.ACTOR, as_of=NOW) == PaymentState.SUCCEEDED
        )
    assert Receipt.objects.count() == 1


def test_a_payment_is_claimed_by_one_worker_at_a_time() -> None:
    due()
    assert settling.settle_due(as_of=NOW) == 1
    assert settling.settle_due(as_of=NOW) == 0


def test_a_payment_through_a_gateway_without_contract_cannot_be_cancelled_yet(settings: Settings) -> None:
    payment = build.payment(build.account())
    settings.ALIPAY_APP_ID = ""
    with pytest.raises(settling.CannotCancelYet):
        settling.cancel(payment_id=payment.pk, actor=build.ACTOR, as_of=NOW)
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
