"""The whole way of a message, with the stand-in carrier as a process of its own: out, and the proof that it arrived."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import clock
from notices.models import Delivery, DeliveryState
from notices.services import messages, sending
from tests.notices import build
from tests.sandbox.process import SECRET, SandboxProcess, running, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def carrier(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[SandboxProcess]:
    options = ("--keys", str(tmp_path))
    with running(*options, HALL_BASE_URL=live_server.url, SANDBOX_RECEIPT_SECONDS="0.05") as process:
        settings.SMS_GATEWAY_URL = f"{process.url}/sms/send"
        settings.SMS_GATEWAY_SECRET = SECRET
        yield process


def state(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).state


def received_by(carrier: SandboxProcess) -> list[dict[str, str]]:
    found: Any = carrier.get("/sms/api/messages", phone="13800000001").json()["messages"]
    return list(found)


def test_a_message_arrives_and_its_receipt_proves_it(carrier: SandboxProcess) -> None:
    delivery = build.delivery()
    sending.work(clock=clock.now)
    until(lambda: state(delivery) == DeliveryState.DELIVERED)
    delivery.refresh_from_db()
    assert delivery.delivered_at is not None
    (received,) = received_by(carrier)
    assert (received["text"], received["message_id"]) == (delivery.body, delivery.reference)
    assert received["provider_message_id"] == delivery.provider_message_id


def test_a_dead_number_is_reported(carrier: SandboxProcess) -> None:
    dead = messages.Address("SMS", "+8613800000000")
    delivery = build.send(dead).deliveries.get()
    sending.work(clock=clock.now)
    until(lambda: state(delivery) == DeliveryState.FAILED)
    delivery.refresh_from_db()
    assert (delivery.error, delivery.delivered_at) == ("not delivered: 空号", None)


def test_a_message_sent_twice_is_one_message_to_the_carrier(carrier: SandboxProcess) -> None:
    """A worker died between the hand-over and its own note."""
    delivery = build.delivery()
    sending.work(clock=clock.now)
    until(lambda: state(delivery) == DeliveryState.DELIVERED)
    twin = Delivery.objects.get(pk=delivery.pk)
    assert sending._send(twin, twin.body, as_of=clock.now(), timeout=5.0)
    assert len(received_by(carrier)) == 1
