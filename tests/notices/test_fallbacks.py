"""Another way, when nothing proves in time that a message arrived: once, and not after a receipt."""

import json
from datetime import timedelta
from typing import Any

import pytest

from core.actor import Actor
from notices.models import Channel, Delivery, Message
from notices.providers import signature
from notices.services import bulk_messages, fallbacks, inbox, messages, receipts, sending
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import SECRET, Gateway
from tests.threads import together

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LETTER = messages.Address("LETTER", "王小明\n幸福路 1 号")


@pytest.fixture(autouse=True)
def texts() -> None:
    build.template("信：{{ amount }}", version=90, channel=Channel.LETTER, title="缴费")
    build.template("邮件：{{ amount }}", version=90, channel=Channel.EMAIL, title="缴费")


def tell(*others: messages.Address, after: timedelta | None = HOUR, **more: Any) -> Message:
    return messages.send(
        code="payment_received",
        recipient_ref="account:8100000001",
        addresses=more.pop("addresses", [build.PHONE]),
        context=build.PAID,
        dedupe_key=more.pop("key", "test:fallback"),
        as_of=NOON,
        fallbacks=others,
        fallback_after=after,
        **more,
    )


def ways(message: Message) -> list[tuple[str, str]]:
    return list(message.deliveries.order_by("pk").values_list("channel", "state"))


def report(delivery: Delivery, status: str, *, as_of: Any = NOON, secret: str = SECRET) -> None:
    body = json.dumps(
        {"provider_message_id": f"S{delivery.pk}", "message_id": delivery.reference, "status": status}
    ).encode()
    receipts.take(raw=body, given_signature=signature.of(body, secret), as_of=as_of)


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.SMS_GATEWAY_SECRET = SECRET


def test_nothing_proves_that_it_arrived_so_the_next_way_is_tried_in_its_time() -> None:
    message = tell(build.EMAIL, LETTER)
    assert fallbacks.run(as_of=NOON + HOUR - MINUTE) == 0
    assert ways(message) == [("SMS", "QUEUED")]
    assert fallbacks.run(as_of=NOON + HOUR) == 1
    first, second = message.deliveries.order_by("pk")
    assert (second.channel, second.address, second.body) == ("EMAIL", "wang@example.com", "邮件：¥26.00")
    assert (second.instead_of_id, second.fallback_at) == (first.pk, NOON + 2 * HOUR)
    assert (first.fallback_at, first.state) == (
        None,
        "QUEUED",
    )  # "sent" is not "delivered"; it may still arrive
    assert fallbacks.run(as_of=NOON + 2 * HOUR) == 1
    assert ways(message)[-1] == ("LETTER", "QUEUED")
    assert fallbacks.run(as_of=NOON + 99 * HOUR) == 0
    assert message.deliveries.count() == 3


def test_a_receipt_in_time_stops_it() -> None:
    message = tell(build.EMAIL)
    report(message.deliveries.get(), "DELIVERED")
    assert fallbacks.run(as_of=NOON + HOUR) == 0
    assert ways(message) == [("SMS", "DELIVERED")]


def test_a_forged_receipt_stops_nothing() -> None:
    message = tell(build.EMAIL)
    report(message.deliveries.get(), "DELIVERED", secret="guessed")
    assert fallbacks.run(as_of=NOON + HOUR) == 1


def test_what_failed_for_good_does_not_wait(gateway: Gateway) -> None:
    gateway.status = 400
    message = tell(build.EMAIL)
    sending.work(clock=lambda: NOON)
    assert ways(message) == [("SMS", "FAILED")]
    assert fallbacks.run(as_of=NOON) == 1
    assert ways(message) == [("SMS", "FAILED"), ("EMAIL", "QUEUED")]


def test_a_failing_receipt_does_not_wait_either() -> None:
    message = tell(build.EMAIL)
    report(message.deliveries.get(), "FAILED", as_of=NOON + MINUTE)
    assert fallbacks.run(as_of=NOON + MINUTE) == 1


def test_a_late_receipt_stops_the_way_that_waits() -> None:
    message = tell(build.EMAIL)
    first = message.deliveries.get()
    fallbacks.run(as_of=NOON + HOUR)
    report(first, "DELIVERED", as_of=NOON + HOUR)
    sending.work(clock=lambda: NOON + HOUR)
    assert ways(message) == [("SMS", "DELIVERED"), ("EMAIL", "EXPIRED")]
    assert message.deliveries.get(channel="EMAIL").error == fallbacks.NEEDLESS


def test_one_address_that_arrived_is_enough_and_the_inbox_is_not() -> None:
    build.template("站内：{{ amount }}", version=90, channel=Channel.INBOX, title="缴费")
    message = tell(build.EMAIL, addresses=[build.PHONE, build.OTHER_PHONE, messages.INBOX])
    inbox.deliver(as_of=NOON)
    assert message.deliveries.get(channel="INBOX").fallback_at is None
    report(message.deliveries.get(address=build.PHONE.value), "DELIVERED")
    assert fallbacks.run(as_of=NOON + HOUR) == 0
    only_inbox = tell(build.EMAIL, addresses=[build.PHONE, messages.INBOX], key="test:inbox")
    inbox.deliver(as_of=NOON)
    assert fallbacks.run(as_of=NOON + HOUR) == 1
    assert only_inbox.deliveries.filter(channel="EMAIL").exists()


def test_two_that_lapse_take_turns() -> None:
    message = tell(build.EMAIL, LETTER, addresses=[build.PHONE, build.OTHER_PHONE])
    assert fallbacks.run(as_of=NOON + HOUR) == 2
    taken = message.deliveries.exclude(instead_of=None).values_list("channel", flat=True)
    assert sorted(taken) == ["EMAIL", "LETTER"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_begin_each_way_once() -> None:
    told = [tell(build.EMAIL, LETTER, key=f"test:{n}") for n in range(20)]
    assert sum(together(*[lambda: fallbacks.run(as_of=NOON + HOUR)] * 4)) == 20
    assert {message.deliveries.count() for message in told} == {2}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_two_addresses_of_one_message_never_take_the_same_way() -> None:
    for n in range(10):
        message = tell(build.EMAIL, LETTER, addresses=[build.PHONE, build.OTHER_PHONE], key=f"test:{n}")
        together(*[lambda: fallbacks.run(as_of=NOON + HOUR)] * 2)
        taken = message.deliveries.exclude(instead_of=None).values_list("channel", flat=True)
        assert sorted(taken) == ["EMAIL", "LETTER"]


def test_a_way_without_a_text_is_refused_at_once() -> None:
    with pytest.raises(LookupError, match="no template for EMAIL"):
        messages.send(
            code="login_alert_nobody_has",
            recipient_ref="user:1",
            addresses=[],
            context={},
            dedupe_key="test:none",
            as_of=NOON,
            fallbacks=[build.EMAIL],
            fallback_after=HOUR,
        )
    assert not Message.objects.exists()


@pytest.mark.parametrize("after", [None, timedelta(0)])
def test_fallbacks_need_a_time(after: timedelta | None) -> None:
    with pytest.raises(ValueError, match="need a time"):
        tell(build.EMAIL, after=after)
    with pytest.raises(ValueError, match="proves nothing"):
        tell(messages.INBOX)


def test_the_bulk_writer_plans_the_same() -> None:
    single = tell(build.EMAIL, LETTER)
    letter = bulk_messages.Letter(
        single.recipient_ref, build.PHONE, build.PAID, "test:bulk", fallbacks=(build.EMAIL, LETTER)
    )
    bulk_messages.send(code="payment_received", letters=[letter], as_of=NOON, fallback_after=HOUR)
    bulk = Message.objects.get(dedupe_key="test:bulk")
    assert bulk.fallbacks == single.fallbacks
    assert bulk.deliveries.get().fallback_at == single.deliveries.get().fallback_at == NOON + HOUR
    assert bulk.deliveries.get().priority == single.deliveries.get().priority


def test_staff_s_retry_leaves_the_way_that_was_begun(gateway: Gateway) -> None:
    message = tell(build.EMAIL)
    report(message.deliveries.get(), "FAILED")
    fallbacks.run(as_of=NOON)
    sending.retry(delivery_id=message.deliveries.earliest("pk").pk, actor=Actor("user:1"), as_of=NOON)
    assert fallbacks.run(as_of=NOON + 9 * HOUR) == 0
    assert ways(message) == [("SMS", "QUEUED"), ("EMAIL", "QUEUED")]
