"""The SMS gateway: what its codes mean, many messages in one request, and asking for receipts that did not come."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from notices import rules
from notices.models import Delivery, DeliveryReceipt, Failure
from notices.providers import signature, sms_codes
from notices.providers.base import BatchProvider, PolledProvider, ProviderError
from notices.providers.sms_http import SmsGateway, signed_reports
from notices.services import messages, receipt_polls, receipts, sending
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import SECRET, Gateway

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


@pytest.mark.parametrize(
    ("status", "answer", "state", "failure"),
    [
        (200, {"accepted": False, "code": "BAD_PHONE"}, "FAILED", "HARD"),
        (200, {"accepted": False, "code": "NO_SUCH_NUMBER"}, "FAILED", "HARD"),
        (200, {"accepted": False, "code": "BAD_TEXT"}, "FAILED", "OTHER"),
        (200, {"accepted": False, "code": "TOO_LONG"}, "FAILED", "OTHER"),
        (200, {"accepted": False, "code": "BUSY"}, "QUEUED", ""),
        (200, {"accepted": False, "code": "NO_BALANCE"}, "QUEUED", ""),
        (400, {"accepted": False, "code": "BAD_PHONE"}, "FAILED", "HARD"),
        (400, {"accepted": False, "code": "BAD_REQUEST"}, "FAILED", "OTHER"),
        (401, {"accepted": False, "code": "BAD_SIGNATURE"}, "QUEUED", ""),
        (429, {"accepted": False, "code": "BAD_PHONE"}, "QUEUED", ""),
        (200, {"accepted": False, "code": 7}, "FAILED", "OTHER"),
    ],
)
def test_what_a_refusal_means(gateway: Gateway, status: int, answer: Any, state: str, failure: str) -> None:
    gateway.status, gateway.answer = status, json.dumps(answer).encode()
    delivery = build.delivery()
    sending.work(clock=at(NOON))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure) == (state, failure)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("NO_SUCH_NUMBER", "HARD"),
        ("SWITCHED_OFF", "SOFT"),
        ("DENY_LIST", "OTHER"),
        ("MK:0001", "HARD"),  # the operator's own
        ("MI:9999", "SOFT"),  # by what stands before the colon
        ("WHO:KNOWS", "OTHER"),
        ("", "OTHER"),
    ],
)
def test_what_the_code_of_a_receipt_means(settings: Any, code: str, failure: str) -> None:
    settings.SMS_GATEWAY_SECRET, settings.SMS_FAILURE_CODES = SECRET, "MK:0001=HARD, MI=SOFT"
    delivery = build.delivery()
    body = _receipt(delivery, "FAILED", code=code)
    receipts.take(raw=body, given_signature=signature.of(body, SECRET), as_of=NOON)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.failure) == ("FAILED", failure)


@pytest.mark.parametrize("text", ["MK:0001", "=HARD", "MK:0001=BAD"])
def test_codes_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SMS_FAILURE_CODES"):
        sms_codes.parse(text)


def test_a_code_says_nothing_about_what_arrived() -> None:
    assert rules.failure_after_receipt("", "DELIVERED", rules.DELIVERED, Failure.HARD) == ""


class Batch:
    """A gateway that answers many at once; `results` by phone."""

    def __init__(self, gateway: Gateway, settings: Any) -> None:
        self.requests: list[list[str]] = []
        self.results: dict[str, Any] = {}
        self.fixed: bytes | None = None
        settings.SMS_GATEWAY_BATCH_URL = settings.SMS_GATEWAY_URL.replace("send", "batch")
        gateway._ear.reply = lambda count: self._reply(gateway._ear.heard[count].body)

    def _reply(self, body: bytes) -> tuple[int, bytes]:
        phones = [message["phone"] for message in json.loads(body)["messages"]]
        self.requests.append(phones)
        accepted = [{"accepted": True, "provider_message_id": f"B{phone}"} for phone in phones]
        results = [self.results.get(phone, each) for phone, each in zip(phones, accepted, strict=True)]
        return 200, json.dumps({"results": results}).encode() if self.fixed is None else self.fixed


@pytest.fixture
def batch(gateway: Gateway, settings: Any) -> Batch:
    return Batch(gateway, settings)


def test_many_in_one_request_and_an_answer_for_each(batch: Batch) -> None:
    phones = [f"+861380000000{n}" for n in range(1, 5)]
    rows = [build.send(messages.Address("SMS", phone)).deliveries.get() for phone in phones]
    batch.results[phones[1]] = {"accepted": False, "code": "NO_SUCH_NUMBER"}
    batch.results[phones[2]] = {"accepted": False, "code": "BUSY"}
    assert sending.work(clock=at(NOON)) == 4
    assert batch.requests == [phones]
    for row in rows:
        row.refresh_from_db()
    assert [(row.state, row.provider_message_id) for row in rows] == [
        ("SENT", f"B{phones[0]}"),
        ("FAILED", ""),
        ("QUEUED", ""),
        ("SENT", f"B{phones[3]}"),
    ]
    assert [row.tries.get().error for row in rows] == [
        "",
        "gateway refused: NO_SUCH_NUMBER",
        "gateway refused: BUSY",
        "",
    ]


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b'{"results": []}', b'{"results": [1, 2, 3]}', b'{"results": 7}']
)
def test_an_answer_that_cannot_be_read_costs_time_and_nothing_else(batch: Batch, answer: bytes) -> None:
    batch.fixed = answer
    rows = [build.delivery(), build.delivery()]
    sending.work(clock=at(NOON))
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.error) == ("QUEUED", "gateway's answer cannot be read")


def test_one_alone_goes_alone(gateway: Gateway, settings: Any) -> None:
    settings.SMS_GATEWAY_BATCH_URL = "http://127.0.0.1:1/"
    build.delivery()
    sending.work(clock=at(NOON))
    assert len(gateway.messages) == 1


def _receipt(delivery: Delivery, status: str = "DELIVERED", **more: str) -> bytes:
    fields = {"provider_message_id": f"S{delivery.pk}", "message_id": delivery.reference, "status": status}
    return json.dumps(fields | more).encode()


class Asked:
    """A gateway that can be asked; `known` are the receipts that it has, by message id."""

    def __init__(self, gateway: Gateway, settings: Any) -> None:
        self.questions: list[list[str]] = []
        self.known: dict[str, tuple[str, str]] = {}
        settings.SMS_GATEWAY_QUERY_URL = settings.SMS_GATEWAY_URL.replace("send", "receipts")
        accept = gateway._ear.reply
        gateway._ear.reply = lambda count: self._reply(gateway._ear.heard[count], accept, count)

    def _reply(self, heard: Any, accept: Callable[[int], tuple[int, bytes]], count: int) -> tuple[int, bytes]:
        if not heard.path.endswith("receipts"):
            return accept(count)
        ids = json.loads(heard.body)["message_ids"]
        self.questions.append(ids)
        found = [self.known[each] for each in ids if each in self.known]
        return 200, json.dumps({"receipts": [{"body": b, "signature": s} for b, s in found]}).encode()

    def knows(self, delivery: Delivery, *, secret: str = SECRET) -> None:
        body = _receipt(delivery)
        self.known[delivery.reference] = body.decode(), signature.of(body, secret)


@pytest.fixture
def asked(gateway: Gateway, settings: Any) -> Asked:
    return Asked(gateway, settings)


@pytest.fixture
def sent(asked: Asked) -> Delivery:
    delivery = build.delivery()
    sending.work(clock=at(NOON))
    delivery.refresh_from_db()
    return delivery


def test_a_receipt_that_did_not_come_is_asked_for(asked: Asked, sent: Delivery) -> None:
    assert (sent.state, sent.poll_at) == ("SENT", NOON + 10 * MINUTE)
    assert receipt_polls.run(clock=at(NOON + 9 * MINUTE)) == 0
    assert asked.questions == []
    asked.knows(sent)
    assert receipt_polls.run(clock=at(NOON + 10 * MINUTE)) == 1
    assert asked.questions == [[sent.reference]]
    sent.refresh_from_db()
    assert (sent.state, sent.delivered_at, sent.poll_at) == ("DELIVERED", NOON + 10 * MINUTE, None)
    receipt = sent.receipts.get()
    assert (receipt.is_verified, bytes(receipt.raw)) == (True, _receipt(sent))


def test_an_answer_with_a_wrong_signature_proves_nothing(asked: Asked, sent: Delivery) -> None:
    asked.knows(sent, secret="guessed")
    assert receipt_polls.run(clock=at(NOON + 10 * MINUTE)) == 0
    sent.refresh_from_db()
    assert sent.state == "SENT"
    assert list(DeliveryReceipt.objects.values_list("is_verified", flat=True)) == [False]


def test_it_is_asked_ever_more_rarely_and_given_up_after_three_days(asked: Asked, sent: Delivery) -> None:
    when = []
    while sent.poll_at is not None:
        when.append((sent.poll_at - NOON) // MINUTE)
        receipt_polls.run(clock=at(sent.poll_at))
        sent.refresh_from_db()
    assert when == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120]
    assert len(asked.questions) == len(when)
    assert sent.state == "SENT"  # not known to have arrived, and never said to be


def test_a_gateway_that_is_away_is_asked_later(settings: Any, sent: Delivery) -> None:
    settings.SMS_GATEWAY_QUERY_URL = "http://127.0.0.1:1/"
    assert receipt_polls.run(clock=at(NOON + 10 * MINUTE)) == 0
    sent.refresh_from_db()
    assert sent.poll_at == NOON + 20 * MINUTE


def test_who_has_a_receipt_is_not_asked_about(asked: Asked, sent: Delivery) -> None:
    body = _receipt(sent)
    receipts.take(raw=body, given_signature=signature.of(body, SECRET), as_of=NOON)
    assert receipt_polls.run(clock=at(NOON + 10 * MINUTE)) == 0
    assert asked.questions == []


def test_a_gateway_that_cannot_be_asked_is_not(gateway: Gateway) -> None:
    delivery = build.delivery()
    sending.work(clock=at(NOON))
    delivery.refresh_from_db()
    assert delivery.poll_at is None
    assert receipt_polls.run(clock=at(NOON + 10 * MINUTE)) == 0


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"receipts": 7}, {"receipts": [7]}, {"receipts": [{"body": 7, "signature": ""}]}]
)
def test_answers_to_a_question_that_cannot_be_read(answer: Any) -> None:
    with pytest.raises(ProviderError, match="cannot be read"):
        signed_reports(answer)


def test_every_try_is_kept(gateway: Gateway) -> None:
    gateway.status = 503
    delivery = build.delivery()
    sending.work(clock=at(NOON))
    gateway.status = 200
    sending.work(clock=at(NOON + MINUTE))
    tries = delivery.tries.order_by("pk")
    assert [(row.number, row.at, row.provider, row.error) for row in tries] == [
        (1, NOON, "sms", "gateway answered 503"),
        (2, NOON + MINUTE, "sms", ""),
    ]
    assert all(":" in row.worker for row in tries)


def test_the_gateway_s_methods_are_its_protocol() -> None:
    assert isinstance(SmsGateway(), BatchProvider)
    assert isinstance(SmsGateway(), PolledProvider)
