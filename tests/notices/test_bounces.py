"""What mail servers and mail providers say about a mail, and who is told."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import outbox
from core.actor import Actor
from notices import selectors
from notices.events import DeliveryFailed
from notices.models import Channel, Delivery, DeliveryReceipt, Message
from notices.providers import registry, signature
from notices.providers.base import Outgoing, ProviderError, Sent
from notices.services import receipts, sending
from notices.services.receipts import Verdict
from tests.conftest import NOON
from tests.notices import build

pytestmark = pytest.mark.django_db
SECRET = "mail-provider-of-the-tests"


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[DeliveryFailed]:
    """What the rooms above would hear."""
    settings.EMAIL_WEBHOOK_SECRET = SECRET
    told: list[DeliveryFailed] = []

    def publish(event: DeliveryFailed, *, as_of: object) -> None:
        told.append(event)

    monkeypatch.setattr(outbox, "publish", publish)
    return told


class Server:
    """A mail server that answers as it is told."""

    code = "email"

    def __init__(self) -> None:
        self.error: ProviderError | None = None

    def send(self, message: Outgoing, *, timeout: float) -> Sent:
        if self.error:
            raise self.error
        return Sent(f"<{message.message_id}@localhost>")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    monkeypatch.setitem(registry._BY_CHANNEL, "EMAIL", found)
    return found


def letter() -> Delivery:
    if not Message.objects.exists():
        build.template("正文", channel="EMAIL", title="标题", version=1)
    return build.send(build.EMAIL).deliveries.get()


def sent(server: Server) -> Delivery:
    delivery = letter()
    sending.work(clock=lambda: NOON)
    delivery.refresh_from_db()
    assert delivery.state == "SENT"
    return delivery


def report(delivery: Delivery, status: str, **changes: object) -> bytes:
    fields = {
        "provider_message_id": delivery.provider_message_id,
        "message_id": "",
        "status": status,
        "at": "2026-11-18T04:00:01+00:00",
        "error": "550 5.1.1 <wang@example.com> unknown",
    }
    return json.dumps(fields | changes).encode()


def say(delivery: Delivery, status: str, **changes: object) -> Verdict:
    body = report(delivery, status, **changes)
    return receipts.take(
        raw=body, given_signature=signature.of(body, SECRET), as_of=NOON, channel=Channel.EMAIL
    )


def facts(delivery: Delivery) -> tuple[str, str]:
    delivery.refresh_from_db()
    return delivery.state, delivery.failure


def test_a_refused_recipient_is_told_upwards_once(server: Server, heard: list[DeliveryFailed]) -> None:
    server.error = ProviderError("recipient refused: 550", permanent=True, failure="HARD")  # type: ignore[arg-type]
    delivery = letter()
    sending.work(clock=lambda: NOON)
    sending.work(clock=lambda: NOON + timedelta(days=1))
    assert facts(delivery) == ("FAILED", "HARD")
    assert heard == [
        DeliveryFailed(
            delivery_id=delivery.pk,
            recipient_ref="account:8100000001",
            code="payment_received",
            channel="EMAIL",
            failure="HARD",
        )
    ]


def test_a_temporary_refusal_is_tried_again_and_told_when_given_up(
    server: Server, heard: list[DeliveryFailed]
) -> None:
    server.error = ProviderError("recipient refused: 450", permanent=False, failure="SOFT")  # type: ignore[arg-type]
    delivery = letter()
    for day in range(9):
        sending.work(clock=lambda day=day: NOON + timedelta(days=day))  # type: ignore[misc]
    assert (facts(delivery), heard) == (("QUEUED", ""), [])
    sending.work(clock=lambda: NOON + timedelta(days=9))
    assert facts(delivery) == ("FAILED", "SOFT")
    assert [event.failure for event in heard] == ["SOFT"]


def test_staff_send_again_and_the_failure_is_forgotten(server: Server) -> None:
    server.error = ProviderError("recipient refused: 550", permanent=True, failure="HARD")  # type: ignore[arg-type]
    delivery = letter()
    sending.work(clock=lambda: NOON)
    sending.retry(delivery_id=delivery.pk, actor=Actor("user:1"), as_of=NOON)
    assert facts(delivery) == ("QUEUED", "")


def test_delivered(server: Server, heard: list[DeliveryFailed]) -> None:
    delivery = sent(server)
    assert say(delivery, "DELIVERED") is Verdict.TAKEN
    assert (facts(delivery), heard) == (("DELIVERED", ""), [])


@pytest.mark.parametrize(
    ("status", "state", "failure"),
    [
        ("BOUNCED_HARD", "FAILED", "HARD"),
        ("BOUNCED_SOFT", "FAILED", "SOFT"),
        ("COMPLAINED", "SENT", "COMPLAINT"),
    ],
)
def test_a_report_is_believed_and_told_once(
    server: Server, heard: list[DeliveryFailed], status: str, state: str, failure: str
) -> None:
    delivery = sent(server)
    assert [say(delivery, status), say(delivery, status)] == [Verdict.TAKEN, Verdict.TAKEN]
    assert facts(delivery) == (state, failure)
    assert [event.failure for event in heard] == [failure]
    assert delivery.receipts.count() == 1


def test_the_address_is_kept_out_of_the_error(server: Server) -> None:
    delivery = sent(server)
    say(delivery, "BOUNCED_HARD")
    delivery.refresh_from_db()
    assert delivery.error == "not delivered: 550 5.1.1 <***@***> unknown"


def test_a_bounce_after_delivery_counts_but_the_proof_stays(
    server: Server, heard: list[DeliveryFailed]
) -> None:
    delivery = sent(server)
    say(delivery, "DELIVERED")
    say(delivery, "BOUNCED_SOFT")
    assert (facts(delivery), heard) == (("DELIVERED", ""), [])
    say(delivery, "BOUNCED_HARD")
    assert facts(delivery) == ("DELIVERED", "HARD")
    assert [event.failure for event in heard] == ["HARD"]


def test_a_soft_bounce_that_arrived_after_all_is_forgotten(server: Server) -> None:
    delivery = sent(server)
    say(delivery, "BOUNCED_SOFT")
    say(delivery, "DELIVERED")
    assert facts(delivery) == ("DELIVERED", "")


@pytest.mark.parametrize("form", ["<{}>", "{}"])
def test_the_brackets_of_a_message_id_do_not_matter(server: Server, form: str) -> None:
    delivery = sent(server)
    bare = delivery.provider_message_id.strip("<>")
    assert say(delivery, "DELIVERED", provider_message_id=form.format(bare)) is Verdict.TAKEN
    assert facts(delivery)[0] == "DELIVERED"


def test_a_report_faster_than_the_worker_s_note() -> None:
    delivery = letter()
    said = f"<{delivery.reference}@localhost>"
    assert say(delivery, "BOUNCED_HARD", provider_message_id=said) is Verdict.TAKEN
    assert facts(delivery) == ("FAILED", "HARD")


def test_a_mail_provider_says_nothing_about_an_sms() -> None:
    sms = build.delivery()
    said = f"<{sms.reference}@localhost>"
    assert say(sms, "BOUNCED_HARD", provider_message_id=said) is Verdict.UNKNOWN
    assert facts(sms) == ("QUEUED", "")


@pytest.mark.parametrize("status", ["FAILED", "OPENED", "", "bounced_hard"])
def test_words_that_no_mail_provider_may_say(server: Server, status: str) -> None:
    assert say(sent(server), status) is Verdict.UNREADABLE


@pytest.mark.parametrize("secret", ["", "another"])
def test_an_unsigned_report_is_not_believed(server: Server, settings: Any, secret: str) -> None:
    delivery = sent(server)
    body = report(delivery, "BOUNCED_HARD")
    settings.EMAIL_WEBHOOK_SECRET = secret
    given = signature.of(body, "" if secret == "" else SECRET)
    verdict = receipts.take(raw=body, given_signature=given, as_of=NOON, channel=Channel.EMAIL)
    assert (verdict, facts(delivery)) == (Verdict.FORGED, ("SENT", ""))
    assert not DeliveryReceipt.objects.filter(is_verified=True).exists()


def test_over_http(server: Server) -> None:
    delivery = sent(server)
    body = report(delivery, "BOUNCED_HARD")
    browser = Client(enforce_csrf_checks=True)

    def post(given: str) -> int:
        answer = browser.post(
            "/notices/receipts/email/", body, content_type="application/json", headers={"X-Signature": given}
        )
        return answer.status_code

    assert post("0" * 64) == 403
    assert facts(delivery) == ("SENT", "")
    assert post(signature.of(body, SECRET)) == 200
    assert facts(delivery) == ("FAILED", "HARD")
    assert browser.get("/notices/receipts/email/").status_code == 405


def test_soft_failures_in_a_row_are_counted_from_the_newest(server: Server) -> None:
    def count() -> int:
        return selectors.soft_failures_in_a_row(recipient_ref="account:8100000001", channel="EMAIL")

    assert count() == 0
    first, second, third = sent(server), sent(server), sent(server)
    say(first, "BOUNCED_SOFT")
    assert count() == 0  # two have gone out since, and nobody complained
    say(second, "BOUNCED_SOFT")
    say(third, "BOUNCED_SOFT")
    assert count() == 3
    letter()  # waits: says nothing
    assert count() == 3
    say(third, "DELIVERED")
    assert count() == 0
