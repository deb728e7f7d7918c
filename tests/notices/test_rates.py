"""No provider is given more in a second than it takes, by all processes together."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from notices import rates
from notices.services import sending
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import Gateway
from tests.threads import together


@pytest.fixture(autouse=True)
def anew(settings: Any) -> Iterator[None]:
    settings.NOTICES_RATES = "sms=5"
    rates.forget("sms")
    yield
    rates._alone.full.clear()


@pytest.mark.parametrize("text", ["sms", "sms=", "sms=0", "=5", "sms=many", "sms=-1", "sms=nan"])
def test_what_cannot_be_read_is_said_at_once(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="NOTICES_RATES"):
        rates.parse(text)


def test_a_second_s_worth_at_once_and_then_one_each_fifth() -> None:
    assert rates.take("sms", 20).count == 5
    refused = rates.take("sms", 20)
    assert refused.count == 0
    assert 0 < refused.wait <= 0.2
    time.sleep(refused.wait + 0.01)
    assert rates.take("sms", 20).count == 1


def test_a_provider_without_a_rate_takes_all() -> None:
    assert rates.take("email", 500) == rates.Grant(500)


def test_what_is_not_used_goes_back() -> None:
    assert rates.take("sms", 5).count == 5
    rates.give_back("sms", 3)
    assert rates.take("sms", 20).count == 3


def test_many_takers_share_one_rate() -> None:
    began = time.monotonic()
    taken = sum(together(*[lambda: sum(rates.take("sms", 2).count for _ in range(10))] * 4))
    assert 5 <= taken <= 5 + 5 * (time.monotonic() - began) + 1


@pytest.mark.usefixtures("no_broker")
def test_with_the_broker_away_each_process_keeps_to_a_part() -> None:
    rates._alone.full.clear()
    assert rates.take("sms", 20).count == 1  # 5 a second among 4 processes
    refused = rates.take("sms", 20)
    assert (refused.count, 0 < refused.wait <= 0.8) == (0, True)


@pytest.mark.django_db
def test_the_rest_waits_and_counts_no_attempt(gateway: Gateway, settings: Any) -> None:
    settings.NOTICES_RATES = "sms=0.01"  # one, and the next after a hundred seconds
    rows = [build.delivery() for _ in range(3)]
    assert sending.turn(clock=lambda: NOON).taken == 1
    held = sending.turn(clock=lambda: NOON)
    assert (held.taken, 60 < held.wait <= 100) == (0, True)
    for row in rows:
        row.refresh_from_db()
    assert [(row.state, row.attempts) for row in rows] == [("SENT", 1), ("QUEUED", 0), ("QUEUED", 0)]
    assert len(gateway.messages) == 1
    rates.forget("sms")


@pytest.mark.django_db
@pytest.mark.usefixtures("gateway")
def test_an_empty_queue_uses_nothing_up() -> None:
    for _ in range(3):
        sending.work(clock=lambda: NOON)
    assert rates.take("sms", 20).count == 5
