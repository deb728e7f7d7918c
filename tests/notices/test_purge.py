"""The tries of a delivery, and the ways that stood for it, leave with their message."""

from datetime import timedelta

import pytest

from core.actor import Actor
from hall.upkeep import purging
from notices.models import Channel, Delivery, DeliveryAttempt, Message
from notices.services import fallbacks, messages, sending
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import Gateway

pytestmark = pytest.mark.django_db
LONG = timedelta(days=5000)


def test_tries_and_other_ways_leave_with_their_message(gateway: Gateway) -> None:
    build.template(
        "邮件：{{ amount }}", version=90, channel=Channel.EMAIL, title="缴费", active_from=NOON - 2 * LONG
    )
    old = NOON - LONG
    messages.send(
        code="payment_received",
        recipient_ref="account:1",
        addresses=[build.PHONE],
        context=build.PAID,
        dedupe_key="test:old",
        as_of=old,
        fallbacks=[build.EMAIL],
        fallback_after=timedelta(hours=1),
    )
    fallbacks.run(as_of=old + timedelta(hours=1))
    sending.work(clock=lambda: old + timedelta(hours=1))
    recent = build.delivery()
    sending.work(clock=lambda: NOON)
    assert (Delivery.objects.count(), DeliveryAttempt.objects.count()) == (3, 3)
    purging.run(as_of=NOON, actor=Actor("test:purge"))
    assert list(Message.objects.all()) == [recent.message]
    assert list(DeliveryAttempt.objects.values_list("delivery_id", flat=True)) == [recent.pk]
