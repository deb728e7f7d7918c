"""Payments without a result are asked about now, those that may have worked first."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import BillingAccount, Region
from billing.gateways import registry
from billing.gateways.base import GatewayError
from billing.models import Payment, PaymentState, Receipt
from billing.models.payments import UNDECIDED
from billing.services.payments import payments
from billing.services.statements import reconciling
from core import clock
from core.actor import Actor
from tests.billing import build
from tests.billing.channels import NOW, Channels, Order, later

pytestmark = pytest.mark.django_db
ACTOR = Actor("test:reconciling")


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channels]:
    with clock.stopped(later(10)):
        found = Channels()
        found.speak_to(monkeypatch)
        yield found


def waiting(channels: Channels, gateway: str, *, trades: int, minutes: int = 0) -> Payment:
    """A payment here, and its order there, paid or not."""
    payment = build.payment(build.account(), as_of=later(minutes))
    if gateway != payment.gateway:
        payment = payments.start(
            account_id=build.account().pk,
            amount_cents=2600,
            gateway=gateway,
            payer_id=None,
            as_of=later(minutes),
            actor=ACTOR,
        )
    channels.orders[payment.reference] = Order(gateway, payment.reference, 2600, trades)
    return payment


def unknown(payment: Payment) -> Payment:
    payments.gateway_silent(payment_id=payment.pk, as_of=NOW, actor=ACTOR, reason="test")
    return payment


def counts(told: reconciling.Reconciled) -> dict[str, int]:
    return {outcome: number for outcome, number in told.counts.items() if number}


def test_lost_money_is_found_and_old_orders_are_closed(channels: Channels) -> None:
    paid = [waiting(channels, gateway, trades=1) for gateway in ("alipay", "wechatpay")]
    waiting(channels, "alipay", trades=0)
    told = reconciling.reconcile(as_of=later(1), actor=ACTOR)
    assert counts(told)["SUCCEEDED"] == 2
    assert told.open == []
    assert Receipt.objects.count() == 2
    assert {Payment.objects.get(pk=payment.pk).state for payment in paid} == {PaymentState.SUCCEEDED}
    assert counts(reconciling.reconcile(as_of=later(60), actor=ACTOR)).keys() <= {"EXPIRED"}
    assert build.books_are_right()


def test_what_may_have_worked_is_asked_first(channels: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    first = waiting(channels, "alipay", trades=1)
    second = unknown(waiting(channels, "alipay", trades=1, minutes=1))
    told = reconciling.reconcile(as_of=later(2), actor=ACTOR, limit=1)
    assert counts(told) == {"SUCCEEDED": 1}
    assert Payment.objects.get(pk=second.pk).state == PaymentState.SUCCEEDED
    assert Payment.objects.get(pk=first.pk).state == PaymentState.PENDING


def test_a_silent_gateway_is_asked_once_and_its_payments_are_named(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [waiting(channels, "alipay", trades=1, minutes=n) for n in range(3)]
    asked: list[str] = []

    class Away:
        def query(self, reference: str) -> None:
            asked.append(reference)
            raise GatewayError("NETWORK", "nobody there", permanent=False)

    monkeypatch.setattr(registry, "get", lambda code: Away())
    told = reconciling.reconcile(as_of=later(4), actor=ACTOR)
    assert counts(told) == {"UNKNOWN": 1, "NOT_ASKED": 2}
    assert (asked, told.open) == ([mine[0].reference], [payment.reference for payment in mine])
    assert not Receipt.objects.exists()


def test_a_gateway_that_is_not_set_up_is_told(channels: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = waiting(channels, "alipay", trades=1)

    def absent(code: str) -> None:
        raise registry.NotOffered(code)

    monkeypatch.setattr(registry, "get", absent)
    told = reconciling.reconcile(as_of=later(1), actor=ACTOR)
    assert (counts(told), told.open) == ({"NOT_ASKED": 1}, [payment.reference])


def test_one_payments_own_trouble_does_not_stop_the_others(channels: Channels) -> None:
    wrong = waiting(channels, "alipay", trades=1)
    channels.orders[wrong.reference].cents = 2601
    waiting(channels, "alipay", trades=1, minutes=1)
    told = reconciling.reconcile(as_of=later(2), actor=ACTOR)
    assert told.counts["SUCCEEDED"] == 1
    assert told.open in ([wrong.reference], [])
    assert build.books_are_right()


def command(*args: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("reconcile_payments", *args, "--json", stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_the_command_takes_part_of_them(channels: Channels) -> None:
    old = waiting(channels, "alipay", trades=1, minutes=-30)
    new = waiting(channels, "alipay", trades=1, minutes=9)
    code, told = command("--older-than", "15")
    assert (code, told["counts"]["SUCCEEDED"], told["open"]) == (0, 1, [])
    assert Payment.objects.get(pk=old.pk).state == PaymentState.SUCCEEDED
    code, told = command("--account", "0000")
    assert (code, sum(told["counts"].values())) == (0, 0)
    code, told = command("--account", new.account.number, "--limit", "5")
    assert (code, told["counts"]["SUCCEEDED"]) == (0, 1)


def test_the_command_ends_with_one_when_some_could_not_be_asked(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = waiting(channels, "alipay", trades=1)

    def absent(code: str) -> None:
        raise registry.NotOffered(code)

    monkeypatch.setattr(registry, "get", absent)
    assert command() == (1, {"counts": reconciled(NOT_ASKED=1), "open": [payment.reference]})


def reconciled(**some: int) -> dict[str, int]:
    return reconciling.Reconciled().counts | some


@pytest.mark.parametrize("given", [("--limit", "0"), ("--limit", "x"), ("--older-than", "-1")])
def test_the_command_refuses_odd_numbers(given: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("reconcile_payments", *given)


def test_a_dry_run_counts_what_is_open_and_asks_nobody(channels: Channels) -> None:
    payment = waiting(channels, "alipay", trades=1)
    out = io.StringIO()
    call_command("reconcile_payments", "--dry-run", "--json", "--as-of", later(9).isoformat(), stdout=out)
    told = json.loads(out.getvalue())
    assert told["counts"][payment.state] == 1
    assert told["open"] == []
    payment.refresh_from_db()
    assert payment.state in UNDECIDED
    assert not Receipt.objects.exists()


def test_only_a_region(channels: Channels) -> None:
    inside, outside = (waiting(channels, "alipay", trades=1) for _ in range(2))
    city = Region.objects.create(code="R1", name="R1", level=Region.Level.CITY)
    BillingAccount.objects.filter(pk=inside.account_id).update(region=city)
    call_command("reconcile_payments", "--region", "R1", stdout=io.StringIO())
    assert Payment.objects.get(pk=inside.pk).state == PaymentState.SUCCEEDED
    assert Payment.objects.get(pk=outside.pk).state in UNDECIDED
