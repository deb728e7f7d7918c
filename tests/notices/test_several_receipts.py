"""A callback that brings several receipts: each is judged by its own signature."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notices.models import Delivery, DeliveryReceipt
from notices.providers import signature
from tests.notices import build
from tests.notices.conftest import SECRET

pytestmark = pytest.mark.django_db
URL = reverse("notices:sms_receipt")


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.SMS_GATEWAY_SECRET = SECRET


@pytest.fixture
def rows() -> list[Delivery]:
    return [build.delivery() for _ in range(3)]


def receipt(row: Delivery, status: str = "DELIVERED", *, secret: str = SECRET) -> dict[str, str]:
    fields = {"provider_message_id": f"S{row.pk}", "message_id": row.reference, "status": status}
    body = json.dumps(fields)
    return {"body": body, "signature": signature.of(body.encode(), secret)}


def call(given: object, *, secret: str = SECRET) -> int:
    raw = json.dumps({"receipts": given}).encode()
    headers = {"X-Signature": signature.of(raw, secret)}
    return Client().post(URL, raw, content_type="application/json", headers=headers).status_code


def states(rows: list[Delivery]) -> list[str]:
    return [Delivery.objects.get(pk=row.pk).state for row in rows]


def test_each_is_taken_and_kept_as_it_was_signed(rows: list[Delivery]) -> None:
    given = [receipt(rows[0]), receipt(rows[1], "FAILED"), receipt(rows[2])]
    assert call(given) == 200
    assert states(rows) == ["DELIVERED", "FAILED", "DELIVERED"]
    kept = DeliveryReceipt.objects.order_by("pk")
    assert [bytes(row.raw).decode() for row in kept] == [each["body"] for each in given]
    assert call(given) == 200
    assert kept.count() == 3


def test_one_forged_among_them_is_not_believed_and_the_others_are(rows: list[Delivery]) -> None:
    assert call([receipt(rows[0]), receipt(rows[1], secret="guessed"), receipt(rows[2])]) == 403
    assert states(rows) == ["DELIVERED", "QUEUED", "DELIVERED"]


def test_a_callback_that_is_not_signed_as_a_whole_is_not_looked_at(rows: list[Delivery]) -> None:
    assert call([receipt(row) for row in rows], secret="guessed") == 403
    assert states(rows) == ["QUEUED"] * 3
    assert list(DeliveryReceipt.objects.values_list("is_verified", flat=True)) == [False]


@pytest.mark.parametrize("given", [7, [7], [{"body": 7}], [{"body": "{}"}], None])
def test_what_cannot_be_read_is_refused(given: object) -> None:
    assert call(given) == 400


def test_none_is_none() -> None:
    assert call([]) == 200


def test_too_much_is_not_read(rows: list[Delivery]) -> None:
    assert call([receipt(rows[0])] * 3_000) == 400
    assert states(rows) == ["QUEUED"] * 3
