import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notices.models import Delivery, DeliveryReceipt, DeliveryState
from notices.providers import signature
from notices.services import receipts
from notices.services.receipts import Verdict
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import SECRET
from tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("secret")]


@pytest.fixture
def secret(settings: Any) -> None:
    settings.SMS_GATEWAY_SECRET = SECRET


@pytest.fixture
def sent() -> Delivery:
    delivery = build.delivery()
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.SENT, provider="sms", provider_message_id="SMS1", sent_at=NOON
    )
    return delivery


def raw(message_id: str, status: object, **changes: Any) -> bytes:
    fields = {
        "provider_message_id": "SMS1",
        "message_id": message_id,
        "status": status,
        "at": "2026-11-18T04:00:01+00:00",
        "error": "空号" if status == "FAILED" else "",
    }
    return json.dumps(fields | changes).encode()


def take(body: bytes, *, as_of: datetime = NOON) -> Verdict:
    return receipts.take(raw=body, given_signature=signature.of(body, SECRET), as_of=as_of)


def say(message_id: str, status: str) -> Verdict:
    return take(raw(message_id, status))


def test_delivered(sent: Delivery) -> None:
    assert say(sent.reference, "DELIVERED") is Verdict.TAKEN
    sent.refresh_from_db()
    assert (sent.state, sent.delivered_at) == ("DELIVERED", NOON)
    receipt = sent.receipts.get()
    assert (receipt.is_verified, receipt.status) == (True, "DELIVERED")
    assert receipt.reported_at == datetime(2026, 11, 18, 4, 0, 1, tzinfo=UTC)


def test_not_delivered(sent: Delivery) -> None:
    say(sent.reference, "FAILED")
    sent.refresh_from_db()
    assert (sent.state, sent.delivered_at, sent.error) == ("FAILED", None, "not delivered: 空号")


def test_the_same_receipt_again_changes_nothing(sent: Delivery) -> None:
    say(sent.reference, "DELIVERED")
    body = raw(sent.reference, "DELIVERED")
    assert take(body, as_of=NOON + timedelta(hours=1)) is Verdict.TAKEN
    sent.refresh_from_db()
    assert sent.delivered_at == NOON
    assert sent.receipts.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_receipt_at_the_same_moment_is_one(sent: Delivery) -> None:
    assert together(*[lambda: say(sent.reference, "DELIVERED")] * 4) == [Verdict.TAKEN] * 4
    assert sent.receipts.count() == 1


def test_delivered_is_never_taken_back(sent: Delivery) -> None:
    say(sent.reference, "DELIVERED")
    say(sent.reference, "FAILED")
    sent.refresh_from_db()
    assert (sent.state, sent.delivered_at, sent.error) == ("DELIVERED", NOON, "")
    assert sent.receipts.count() == 2


def test_a_message_that_arrived_after_all(sent: Delivery) -> None:
    say(sent.reference, "FAILED")
    say(sent.reference, "DELIVERED")
    sent.refresh_from_db()
    assert (sent.state, sent.error) == ("DELIVERED", "")


def test_a_receipt_before_the_worker_noted_the_number() -> None:
    waiting = build.delivery()
    say(waiting.reference, "DELIVERED")
    waiting.refresh_from_db()
    assert waiting.state == "DELIVERED"


@pytest.mark.parametrize("message_id", ["", "x", "0-1", "٣-1", "9" * 40 + "-1"])
def test_known_by_the_provider_s_number_alone(sent: Delivery, message_id: str) -> None:
    assert say(message_id, "DELIVERED") is Verdict.TAKEN
    sent.refresh_from_db()
    assert sent.state == "DELIVERED"


def test_our_reference_of_another_database_is_not_ours(sent: Delivery) -> None:
    other = build.delivery()
    body = raw(f"{other.pk}-20200101000000000000", "DELIVERED", provider_message_id="SMS9")
    assert take(body) is Verdict.UNKNOWN
    other.refresh_from_db()
    assert other.state == "QUEUED"


def test_an_unknown_message_is_kept() -> None:
    assert say("7-1", "DELIVERED") is Verdict.UNKNOWN
    assert say("7-1", "DELIVERED") is Verdict.UNKNOWN
    receipt = DeliveryReceipt.objects.get()
    assert (receipt.delivery, receipt.provider_message_id) == (None, "SMS1")


@pytest.mark.parametrize("given", ["", "0" * 64, "ü"])
def test_a_forged_receipt_is_kept_and_not_believed(sent: Delivery, given: str) -> None:
    body = raw(sent.reference, "DELIVERED")
    assert receipts.take(raw=body, given_signature=given, as_of=NOON) is Verdict.FORGED
    sent.refresh_from_db()
    receipt = DeliveryReceipt.objects.get()
    assert (sent.state, receipt.is_verified, receipt.delivery) == ("SENT", False, None)
    assert bytes(receipt.raw) == body


def test_no_secret_no_belief(sent: Delivery, settings: Any) -> None:
    settings.SMS_GATEWAY_SECRET = ""
    body = raw(sent.reference, "DELIVERED")
    assert receipts.take(raw=body, given_signature=signature.of(body, ""), as_of=NOON) is Verdict.FORGED


def test_forgeries_do_not_fill_the_table() -> None:
    for _ in range(105):
        receipts.take(raw=b"x", given_signature="", as_of=NOON)
    assert DeliveryReceipt.objects.count() == 100
    receipts.take(raw=b"x", given_signature="", as_of=NOON + timedelta(hours=2))
    assert DeliveryReceipt.objects.count() == 101


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 9_000,
        raw("1-1", "LOST"),
        raw("1-1", "DELIVERED", provider_message_id=""),
        raw("1-1", "DELIVERED", provider_message_id=7),
        raw("1-1", "DELIVERED", provider_message_id="x" * 81),
        raw("\0", "DELIVERED"),
        raw("1-1", ["DELIVERED"]),
        raw("1-1", "DELIVERED", error={"a": 1}),
        raw("1-1", "DELIVERED", error="x" * 10_000),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    assert take(body) is Verdict.UNREADABLE
    assert not DeliveryReceipt.objects.exists()


@pytest.mark.parametrize("at", ["", "yesterday", "2026-13-45T00:00:00Z", "2026-11-18T04:00:00", None])
def test_a_time_that_cannot_be_read_is_no_time(sent: Delivery, at: str | None) -> None:
    assert take(raw(sent.reference, "DELIVERED", at=at)) is Verdict.TAKEN
    assert sent.receipts.get().reported_at is None


@pytest.mark.parametrize(
    ("body", "given", "status"),
    [
        (raw("7-1", "DELIVERED"), None, 200),
        (raw("7-1", "DELIVERED"), "wrong", 403),
        (b"{}", None, 400),
        (b"x" * (receipts.LONGEST + 1), None, 400),
    ],
)
def test_over_http(body: bytes, given: str | None, status: int) -> None:
    response = Client(enforce_csrf_checks=True).post(
        "/notices/receipts/sms/",
        body,
        content_type="application/json",
        headers={"X-Signature": signature.of(body, SECRET) if given is None else given},
    )
    assert response.status_code == status


def test_only_post(client: Client) -> None:
    assert client.get(reverse("notices:sms_receipt")).status_code == 405
