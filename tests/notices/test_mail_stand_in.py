"""The whole way of a mail in development: out to the stand-in provider, and what it reports back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, get_connection

from core import clock
from notices.models import Delivery, DeliveryState
from notices.services import messages, sending
from tests.notices import build
from tests.sandbox.process import SECRET, SandboxProcess, running, until

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "notices.providers.mail_over_http.EmailBackend"


@pytest.fixture
def provider(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[SandboxProcess]:
    settings.EMAIL_BACKEND, settings.EMAIL_WEBHOOK_SECRET = BACKEND, SECRET
    build.template("您好 {{ amount }}", channel="EMAIL", title="收据 {{ receipt }}", version=1)
    options = ("--keys", str(tmp_path))
    with running(*options, HALL_BASE_URL=live_server.url, SANDBOX_RECEIPT_SECONDS="0.05") as process:
        settings.SANDBOX_URL = process.url
        yield process


def sent_to(address: str) -> Delivery:
    delivery = build.send(messages.Address("EMAIL", address)).deliveries.get()
    sending.work(clock=clock.now)
    delivery.refresh_from_db()
    return delivery


def facts(delivery: Delivery) -> tuple[str, str]:
    delivery.refresh_from_db()
    return delivery.state, delivery.failure


@pytest.mark.parametrize(
    ("address", "state", "failure"),
    [
        ("wang@example.com", DeliveryState.DELIVERED, ""),
        ("bounce@example.com", DeliveryState.FAILED, "HARD"),
        ("full@example.com", DeliveryState.FAILED, "SOFT"),
        ("spam@example.com", DeliveryState.SENT, "COMPLAINT"),
    ],
)
def test_what_becomes_of_a_mail(provider: SandboxProcess, address: str, state: str, failure: str) -> None:
    delivery = sent_to(address)
    until(lambda: facts(delivery) == (state, failure))
    found: Any = provider.get("/mail/api/letters", to=address).json()["letters"]
    assert [(letter["subject"], letter["text"].strip()) for letter in found] == [("收据 R1", "您好 ¥26.00")]


def test_a_recipient_that_is_refused_at_once(provider: SandboxProcess) -> None:
    delivery = sent_to("nobody@example.com")
    assert facts(delivery) == ("FAILED", "HARD")
    assert delivery.error == "recipient refused: 550"


def test_a_stand_in_that_is_away_is_asked_again(provider: SandboxProcess, settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    delivery = sent_to("wang@example.com")
    assert (delivery.state, delivery.error) == ("QUEUED", "mail server: URLError")
    settings.SANDBOX_URL = f"{provider.url}/nothing"
    with pytest.raises(OSError, match="HTTPError"):
        get_connection(BACKEND).send_messages([EmailMessage("t", "b", to=["a@example.com"])])
