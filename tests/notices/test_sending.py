from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from core import clock
from core.actor import Actor
from core.errors import NotFound
from notices import tasks, vault
from notices.models import DELIVERY_MACHINE, Delivery, DeliveryState
from notices.providers import registry
from notices.providers.base import Outgoing, Sent
from notices.services import sending
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import Gateway

Committed = Callable[..., AbstractContextManager[list[Any]]]
pytestmark = pytest.mark.django_db


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def work(moment: datetime = NOON) -> int:
    return sending.work(clock=at(moment))


@pytest.fixture
def secret(django_capture_on_commit_callbacks: Committed) -> Delivery:
    with django_capture_on_commit_callbacks(execute=True):
        return build.send_secret("482913")


def test_a_delivery_is_handed_over(gateway: Gateway) -> None:
    delivery = build.delivery()
    assert work() == 1
    delivery.refresh_from_db()
    assert gateway.messages == [
        {"phone": "+8613800000001", "text": delivery.body, "message_id": delivery.reference}
    ]
    assert (delivery.state, delivery.provider, delivery.provider_message_id) == ("SENT", "sms", "SMS000000")
    assert (delivery.sent_at, delivery.attempts, delivery.error) == (NOON, 1, "")


def test_what_was_sent_is_not_sent_again(gateway: Gateway) -> None:
    build.delivery()
    assert [work(), work(NOON + timedelta(days=1))] == [1, 0]
    assert len(gateway.messages) == 1


def test_an_absent_gateway_costs_time_and_nothing_else(settings: Any) -> None:
    settings.SMS_GATEWAY_URL = "http://127.0.0.1:1/"
    delivery = build.delivery()
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("QUEUED", "gateway away: URLError")
    assert delivery.next_attempt_at == NOON + timedelta(seconds=5)


def test_a_hall_without_gateway_says_so_on_the_row(settings: Any) -> None:
    settings.SMS_GATEWAY_URL = ""
    delivery = build.delivery()
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("QUEUED", "SMS_GATEWAY_URL is not set")


@pytest.mark.parametrize(
    ("status", "answer", "state", "error"),
    [
        (500, b"", "QUEUED", "gateway answered 500"),
        (401, b"", "QUEUED", "gateway answered 401"),
        (429, b"", "QUEUED", "gateway answered 429"),
        (302, b"", "QUEUED", "gateway answered 302"),
        (400, b"", "FAILED", "gateway answered 400"),
        (200, b"<html>", "QUEUED", "gateway's answer cannot be read"),
        (200, b"[]", "QUEUED", "gateway's answer cannot be read"),
        (
            200,
            b'{"accepted": false, "provider_message_id": ""}',
            "FAILED",
            "gateway did not accept the message",
        ),
        (
            200,
            b'{"accepted": true, "provider_message_id": 7}',
            "QUEUED",
            "gateway did not accept the message",
        ),
        (
            200,
            b'{"accepted": "yes", "provider_message_id": "S"}',
            "QUEUED",
            "gateway did not accept the message",
        ),
        (200, b"[" * 9_000, "QUEUED", "gateway's answer cannot be read"),
    ],
)
def test_what_the_gateway_s_answer_means(
    gateway: Gateway, status: int, answer: bytes, state: str, error: str
) -> None:
    gateway.status, gateway.answer = status, answer
    delivery = build.delivery()
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error, delivery.sent_at) == (state, error, None)


def test_a_delivery_is_given_up_after_ten_tries(gateway: Gateway) -> None:
    gateway.status = 503
    delivery = build.delivery()
    for day in range(12):
        work(NOON + timedelta(days=day))
    delivery.refresh_from_db()
    assert (delivery.state, len(gateway.messages)) == ("FAILED", 10)


def test_one_bad_message_does_not_stop_the_others(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    sms = registry.for_channel("SMS")
    broken, good = build.delivery(), build.delivery()

    class Breaks:
        code = "sms"

        def send(self, message: Outgoing, *, timeout: float) -> Sent:
            if message.message_id == broken.reference:
                raise RuntimeError("a bug, with 13800000001 in it")
            return sms.send(message, timeout=timeout)

    monkeypatch.setitem(registry._BY_CHANNEL, "SMS", Breaks())
    assert work() == 2
    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.state, broken.error, good.state) == ("QUEUED", "RuntimeError", "SENT")


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    class Looks:
        code = "sms"

        def send(self, message: Outgoing, *, timeout: float) -> Sent:
            seen.append(connection.in_atomic_block)
            return Sent("1")

    monkeypatch.setitem(registry._BY_CHANNEL, "SMS", Looks())
    build.delivery()
    work()
    assert seen == [False]


def test_a_secret_is_sent_and_forgotten(gateway: Gateway, secret: Delivery) -> None:
    work()
    secret.refresh_from_db()
    assert gateway.code() == "482913"
    assert (secret.state, secret.body) == ("SENT", "")
    assert vault.read(secret.reference) is None


def test_a_secret_that_could_not_be_sent_is_kept_for_the_next_try(gateway: Gateway, secret: Delivery) -> None:
    gateway.status = 503
    work()
    gateway.status = 200
    work(NOON + timedelta(seconds=5))
    assert [gateway.code(), len(gateway.messages)] == ["482913", 2]


def test_a_worker_faster_than_the_vault_waits(gateway: Gateway) -> None:
    delivery = build.send_secret()  # its text comes after the commit
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("QUEUED", "text not at hand")
    vault.put(delivery.reference, "验证码 482913", lifetime=build.FIVE_MINUTES)
    work(NOON + timedelta(seconds=5))
    assert gateway.code() == "482913"


@pytest.mark.usefixtures("no_broker")
def test_a_worker_without_the_vault_waits(gateway: Gateway) -> None:
    delivery = build.send_secret()
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error, gateway.messages) == ("QUEUED", "text not at hand", [])


def test_a_secret_too_old_is_not_sent(gateway: Gateway, secret: Delivery) -> None:
    work(NOON + build.FIVE_MINUTES)
    secret.refresh_from_db()
    assert (secret.state, gateway.messages) == ("EXPIRED", [])


def test_secrets_expire_and_other_messages_do_not(secret: Delivery) -> None:
    ordinary = build.delivery()
    assert sending.expire(as_of=NOON + timedelta(minutes=4)) == 0
    assert sending.expire(as_of=NOON + build.FIVE_MINUTES) == 1
    secret.refresh_from_db()
    ordinary.refresh_from_db()
    assert (secret.state, ordinary.state) == ("EXPIRED", "QUEUED")


def test_the_request_sends_only_what_no_worker_has(gateway: Gateway, secret: Delivery) -> None:
    work()
    sending.send_now(secret, "验证码 482913", as_of=NOON)
    assert len(gateway.messages) == 1


def test_a_receipt_may_overtake_the_worker_s_own_note(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = build.delivery()

    class Reports:
        code = "sms"

        def send(self, message: Outgoing, *, timeout: float) -> Sent:
            Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.DELIVERED, delivered_at=NOON)
            return Sent("SMS7")

    monkeypatch.setitem(registry._BY_CHANNEL, "SMS", Reports())
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_message_id, delivery.sent_at) == ("DELIVERED", "SMS7", NOON)


def test_staff_put_a_failed_delivery_back(gateway: Gateway) -> None:
    gateway.status = 400
    delivery = build.delivery()
    work()
    gateway.status = 200
    sending.retry(delivery_id=delivery.pk, actor=Actor("user:1"), as_of=NOON)
    work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("SENT", "")


def test_only_failed_deliveries_are_put_back(secret: Delivery) -> None:
    waiting = build.delivery()
    Delivery.objects.filter(pk=secret.pk).update(state=DeliveryState.FAILED)
    for row in (waiting, secret):
        with pytest.raises(sending.NotSendable):
            sending.retry(delivery_id=row.pk, actor=Actor("user:1"), as_of=NOON)
    secret.refresh_from_db()
    assert secret.state == "FAILED"
    with pytest.raises(NotFound):
        sending.retry(delivery_id=0, actor=Actor("user:1"), as_of=NOON)


def test_the_task_works_off_everything(gateway: Gateway) -> None:
    for _ in range(sending.BATCH + 5):
        build.delivery()
    with clock.stopped(NOON):
        assert tasks.send_deliveries() == sending.BATCH + 5
        assert tasks.send_deliveries() == 0
    assert len({message["message_id"] for message in gateway.messages}) == sending.BATCH + 5


def test_the_task_that_expires(secret: Delivery) -> None:
    with clock.stopped(NOON + timedelta(hours=1)):
        assert tasks.expire_secrets() == 1


_WAY_TO = {
    "QUEUED": [],
    "SENT": ["SENT"],
    "DELIVERED": ["DELIVERED"],
    "FAILED": ["FAILED"],
    "EXPIRED": ["EXPIRED"],
}


@pytest.mark.parametrize("before", DeliveryState.values)
@pytest.mark.parametrize("after", DeliveryState.values)
def test_the_database_knows_the_machine(before: str, after: str) -> None:
    """All pairs: what the table of transitions allows goes through, all else is refused and changes nothing."""
    rows = Delivery.objects.filter(pk=build.delivery().pk)
    for state in _WAY_TO[before]:
        rows.update(state=state)
    if before == after or DELIVERY_MACHINE.allows(before, after):
        rows.update(state=after)
        assert rows.get().state == after
        return
    with pytest.raises(IntegrityError, match="delivery: this step"), transaction.atomic():
        rows.update(state=after)
    assert rows.get().state == before


@pytest.mark.parametrize("state", ["SENT", "DELIVERED", "FAILED", "EXPIRED"])
def test_a_delivery_begins_in_the_queue(state: str) -> None:
    row = build.delivery()
    row.pk, row.state = None, state
    with pytest.raises(IntegrityError, match="delivery begins as QUEUED"), transaction.atomic():
        row.save(force_insert=True)


def test_the_database_keeps_what_was_sent_to_whom() -> None:
    delivery = build.delivery()
    for change in ({"address": "+8613800000009"}, {"body": "other"}):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            Delivery.objects.filter(pk=delivery.pk).update(**change)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).delete()
