"""What waits for hands or receipts is told at /metrics and on the status page."""

from datetime import timedelta
from typing import Any

import pytest

from core.metrics import exposition
from hall.upkeep import machine
from hall.upkeep.findings import BAD, OK, WARN
from notices import figures
from notices.models import Channel, Delivery, DeliveryState
from notices.services import fallbacks, messages
from tests.conftest import NOON
from tests.notices import build

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def letter() -> Delivery:
    build.template("信：{{ amount }}", version=90, channel=Channel.LETTER, title="缴费")
    return build.send(messages.Address("LETTER", "王小明\n幸福路 1 号")).deliveries.get()


def tones(as_of: Any) -> list[tuple[str, str]]:
    return [(found.tone, str(found.figure)) for found in machine.letters_and_receipts(as_of)]


def test_nothing_waits() -> None:
    assert tones(NOON) == [(OK, "0"), (OK, "0"), (OK, "0 / 0")]


@pytest.mark.usefixtures("letter")
def test_a_letter_that_waits_is_told_of_after_a_day_and_is_bad_after_three() -> None:
    assert [tones(NOON + days * DAY + HOUR)[0] for days in (0, 1, 3)] == [(OK, "1"), (WARN, "1"), (BAD, "1")]
    read = figures.read(NOON)
    assert (read.letters_waiting, read.letter_since) == (1, NOON)


def test_messages_without_a_receipt_are_counted_after_an_hour() -> None:
    rows = [build.delivery() for _ in range(25)]
    Delivery.objects.update(state=DeliveryState.SENT, sent_at=NOON)
    assert tones(NOON + HOUR / 2)[2] == (OK, "0 / 25")
    assert tones(NOON + HOUR)[2] == (BAD, "25 / 25")
    Delivery.objects.exclude(pk=rows[0].pk).update(state=DeliveryState.DELIVERED, delivered_at=NOON)
    assert tones(NOON + HOUR)[2] == (WARN, "1 / 25")


def test_other_ways_are_counted() -> None:
    build.template("邮件：{{ amount }}", version=90, channel=Channel.EMAIL, title="缴费")
    messages.send(
        code="payment_received",
        recipient_ref="account:1",
        addresses=[build.PHONE],
        context=build.PAID,
        dedupe_key="test:ways",
        as_of=NOON,
        fallbacks=[build.EMAIL],
        fallback_after=HOUR,
    )
    assert (figures.read(NOON).ways_waiting, figures.read(NOON).ways_begun) == (1, 0)
    fallbacks.run(as_of=NOON + HOUR)
    assert (figures.read(NOON + HOUR).ways_waiting, figures.read(NOON + HOUR).ways_begun) == (0, 1)


@pytest.mark.usefixtures("letter")
def test_they_stand_at_metrics() -> None:
    told = exposition().decode()
    assert "hall_letters_waiting 1.0" in told
    assert "hall_receipts_missing 0.0" in told
    assert "hall_fallbacks_waiting 0.0" in told
