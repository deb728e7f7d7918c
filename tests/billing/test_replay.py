"""Callbacks from their raw rows once more: what is missing is booked, what is right stays, doubts are shown."""

import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.gateways import registry
from billing.models import AccountBalance, CallbackState, GatewayCallback, Payment, Receipt
from billing.services.payments import intake, payments, replay
from core import clock
from core.actor import Actor
from core.models import AuditRow
from tests.billing import build
from tests.billing.channels import NOW, Channels, Message, Order, later
from tests.gateways import wechat_keys

pytestmark = pytest.mark.django_db
ACTOR = Actor("test:replay")
GATEWAYS = pytest.mark.parametrize("gateway", ["alipay", "wechatpay"])


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channels]:
    with clock.stopped(later(1)):
        found = Channels()
        found.speak_to(monkeypatch)
        yield found


def order(channels: Channels, gateway: str, number: int = 1, cents: int = 2600) -> Order:
    """An order there, and its payment here."""
    payment = payments.start(
        account_id=build.account().pk,
        amount_cents=cents,
        gateway=gateway,
        payer_id=None,
        reference=f"RPL{gateway[:3]}{number:04d}",
        as_of=NOW,
        actor=ACTOR,
    )
    made = Order(gateway, payment.reference, cents)
    channels.orders[made.reference] = made
    return made


def receive(message: Message, *, at: datetime = NOW) -> GatewayCallback:
    gateway, headers, body = message
    intake.receive(gateway=gateway, headers=headers, body=body, address=None, as_of=at)
    return GatewayCallback.objects.latest("id")


def replayed(**how: Any) -> replay.Replayed:
    given: dict[str, Any] = {
        "since": later(-60),
        "until": later(60),
        "as_of": later(90),
        "actor": ACTOR,
    } | how
    *_rest, told = replay.replay(**given)
    return told


def counts(told: replay.Replayed) -> dict[str, int]:
    return {outcome: number for outcome, number in told.counts.items() if number}


@GATEWAYS
def test_what_was_never_applied_is_booked(channels: Channels, gateway: str) -> None:
    made = order(channels, gateway)
    row = receive(channels.paid(made))
    receive(channels.paid(made))
    assert counts(replayed()) == {"BOOKED": 1, "ALREADY_DONE": 1}
    assert Receipt.objects.get().amount_cents == 2600
    assert Payment.objects.get().state == "SUCCEEDED"
    row.refresh_from_db()
    assert row.state == CallbackState.NEW  # what became of the row then stays told
    assert build.books_are_right()


@GATEWAYS
def test_what_is_right_stays_as_it_is(channels: Channels, gateway: str) -> None:
    made = order(channels, gateway)
    made.refunds["OUT1"] = 600
    receive(channels.paid(made))
    receive(channels.refunded(made, "OUT1"))
    assert build.work_off_callbacks() == 2
    before = [list(model.objects.order_by("pk").values()) for model in (Receipt, Payment, AccountBalance)]
    assert counts(replayed()) == {"ALREADY_DONE": 2}
    assert [
        list(model.objects.order_by("pk").values()) for model in (Receipt, Payment, AccountBalance)
    ] == before


def test_refunds_are_counted_apart(channels: Channels) -> None:
    made = order(channels, "alipay")
    made.refunds["OUT1"] = 600
    receive(channels.paid(made))
    receive(channels.refunded(made, "OUT1"))
    assert counts(replayed()) == {"BOOKED": 1, "REFUNDED": 1}


def test_a_stored_message_is_verified_as_of_its_time(channels: Channels) -> None:
    """WeChat's messages are fresh for five minutes: a replay years later still believes what was believed then."""
    made = order(channels, "wechatpay")
    receive(channels.paid(made))
    with clock.stopped(later(60 * 24 * 700)):
        assert counts(replayed(as_of=later(60 * 24 * 700))) == {"BOOKED": 1}


@GATEWAYS
def test_what_no_longer_verifies_is_shown_and_never_applied(channels: Channels, gateway: str) -> None:
    made = order(channels, gateway)
    row = receive(channels.paid(made))
    forged = GatewayCallback(
        gateway=gateway, reference=made.reference, payment=row.payment, report=row.report
    )
    forged.verdict, forged.headers, forged.body = "OK", row.headers, bytes(row.body)[:-1] + b"!"
    forged.received_at = forged.next_attempt_at = row.received_at
    forged.save()
    told = replayed(since=later(-60))
    assert told.counts["UNVERIFIED"] == 1
    assert [(row_id, outcome) for row_id, outcome, _why in told.bad] == [(forged.pk, "UNVERIFIED")]
    assert Receipt.objects.count() == 1  # of the good row


@GATEWAYS
def test_messages_that_were_refused_stay_refused(channels: Channels, gateway: str) -> None:
    made = order(channels, gateway)
    _gateway, headers, body = channels.paid(made)
    receive((gateway, headers, body[:-1] + b"!"))
    assert counts(replayed()) == {"REJECTED": 1}
    assert not Receipt.objects.exists()


def test_a_closed_order_that_is_not_ours_is_no_money(channels: Channels) -> None:
    stranger = Order("alipay", "NOTOURS1", 100)
    waiting = channels.waiting(stranger)
    assert waiting is not None
    receive(waiting)
    assert counts(replayed()) == {"REJECTED": 1}


def test_money_for_an_order_that_is_known_by_now_reaches_it(channels: Channels) -> None:
    stranger = Order("alipay", "RPLali0001", 2600)
    receive(channels.paid(stranger))
    order(channels, "alipay", 1)
    assert counts(replayed()) == {"BOOKED": 1}
    assert Payment.objects.get().state == "SUCCEEDED"


def test_only_the_period_and_the_gateway_asked_for(channels: Channels) -> None:
    receive(channels.paid(order(channels, "alipay")), at=NOW)
    receive(channels.paid(order(channels, "wechatpay")), at=later(2))
    assert counts(replayed(gateway="wechatpay", dry_run=True)) == {"BOOKED": 1}
    assert counts(replayed(since=later(1), dry_run=True)) == {"BOOKED": 1}
    assert counts(replayed(until=NOW)) == {}
    assert counts(replayed()) == {"BOOKED": 2}


def test_a_dry_run_tells_the_same_and_keeps_nothing(channels: Channels) -> None:
    made = order(channels, "alipay")
    for _ in range(3):
        receive(channels.paid(made))
    assert counts(replayed(dry_run=True)) == {"BOOKED": 1, "ALREADY_DONE": 2}
    assert not Receipt.objects.exists()
    assert counts(replayed()) == {"BOOKED": 1, "ALREADY_DONE": 2}


def test_long_periods_go_in_chunks(channels: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "CHUNK", 2)
    made = order(channels, "alipay")
    for _ in range(5):
        receive(channels.paid(made))
    seen = [
        sum(told.counts.values())
        for told in replay.replay(since=later(-1), until=later(1), as_of=later(1), actor=ACTOR)
    ]
    assert seen == [2, 4, 5, 5]


def test_a_report_that_the_books_refuse_is_shown(channels: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    made = order(channels, "wechatpay")
    made.refunds["OUT1"] = 2600
    receive(channels.paid(made))
    receive(channels.refunded(made, "OUT1"))
    build.work_off_callbacks()
    made.refunds["OUT2"] = 100  # more than was paid
    row = receive(channels.refunded(made, "OUT2"))
    told = replayed()
    assert counts(told) == {"ALREADY_DONE": 2, "FAILED": 1}
    assert told.bad == [(row.pk, "FAILED", "REFUND_ABOVE_RECEIPT")]


def test_a_gateway_that_is_not_set_up_verifies_nothing(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(channels.paid(order(channels, "alipay")))

    def absent(code: str) -> None:
        raise registry.NotOffered(code)

    monkeypatch.setattr(registry, "get", absent)
    assert counts(replayed()) == {"UNVERIFIED": 1}


def command(*args: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("replay_callbacks", *args, "--json", stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_the_command_counts_and_leaves_an_audit_row(channels: Channels) -> None:
    receive(channels.paid(order(channels, "alipay")))
    code, told = command("--from", "2026-03-15")
    assert (code, told["counts"]["BOOKED"], told["bad"]) == (0, 1, [])
    audited = AuditRow.objects.get(action="replay_callbacks")
    assert audited.detail["BOOKED"] == 1
    code, told = command("--from", "2026-03-15T09:00:00", "--to", "2026-03-15T12:00:00+08:00", "--dry-run")
    assert (code, told["counts"]["ALREADY_DONE"], told["dry_run"]) == (0, 1, True)


def test_the_command_ends_with_one_when_something_no_longer_verifies(channels: Channels) -> None:
    row = receive(channels.paid(order(channels, "wechatpay")))
    with pytest.MonkeyPatch.context() as patch:
        other = wechat_keys.gateway(platform_keys={"00": wechat_keys.STRANGER.public})
        patch.setattr(registry, "get", lambda code: other)
        code, told = command("--from", "2026-03-15")
    assert code == 1
    assert told["bad"] == [{"callback": row.pk, "outcome": "UNVERIFIED", "why": told["bad"][0]["why"]}]
    assert not Receipt.objects.exists()


def test_the_command_refuses_what_is_no_time() -> None:
    for text in ("yesterday", "2026-13-01", ""):
        with pytest.raises(CommandError):
            call_command("replay_callbacks", "--from", text)
