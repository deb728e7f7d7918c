"""At night no telephone rings for what can wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from core.clock import SHANGHAI
from notices import kinds, quiet_hours
from notices.services import fallbacks, messages, sending
from tests.notices import build
from tests.notices.conftest import Gateway

EVENING = datetime(2026, 11, 18, 21, 0, tzinfo=SHANGHAI)
MORNING = datetime(2026, 11, 19, 8, 0, tzinfo=SHANGHAI)
SECOND = timedelta(seconds=1)
CODE = "payment_received"


@pytest.fixture(autouse=True)
def night(settings: Any) -> None:
    settings.NOTICES_QUIET_HOURS = "21:00-08:00"


@contextmanager
def kind(*, is_urgent: bool) -> Iterator[None]:
    """The kind of the toy message is another one meanwhile."""
    known = kinds.get(CODE)
    kinds.withdraw(CODE)
    kinds.declare(kinds.Kind(code=CODE, title="toy", purpose=kinds.Purpose.SERVICE, is_urgent=is_urgent))
    yield
    kinds.withdraw(CODE)
    kinds.declare(known)


@pytest.fixture
def urgent() -> Iterator[None]:
    with kind(is_urgent=True):
        yield


@pytest.fixture
def can_wait() -> Iterator[None]:
    with kind(is_urgent=False):
        yield


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (EVENING - SECOND, None),
        (EVENING, MORNING),
        (EVENING + timedelta(hours=3), MORNING),  # the day has changed
        (MORNING - SECOND, MORNING),
        (MORNING, None),
    ],
)
def test_over_midnight(at: datetime, ends: datetime | None) -> None:
    assert quiet_hours.ends_at(at) == ends


def test_within_one_day(settings: Any) -> None:
    settings.NOTICES_QUIET_HOURS = "12:00-14:00"
    noon = EVENING.replace(hour=12)
    assert quiet_hours.ends_at(noon) == noon.replace(hour=14)
    assert quiet_hours.ends_at(noon.replace(hour=14)) is None
    assert quiet_hours.ends_at(EVENING) is None


@pytest.mark.parametrize("text", ["21-8", "21:00-21:00", "25:00-08:00", "21:00 - 08:00", "night"])
def test_what_cannot_be_read_is_said_at_once(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="NOTICES_QUIET_HOURS"):
        quiet_hours.parse(text)


@pytest.mark.django_db
@pytest.mark.usefixtures("can_wait")
def test_what_can_wait_waits_until_the_morning_and_no_attempt_is_counted(gateway: Gateway) -> None:
    delivery = build.delivery(as_of=EVENING)
    assert sending.work(clock=lambda: EVENING) == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == ("QUEUED", 0, MORNING)
    assert gateway.messages == []
    assert sending.work(clock=lambda: MORNING) == 1
    assert len(gateway.messages) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("can_wait")
def test_the_other_way_is_given_as_much_more_time() -> None:
    build.template("邮件：{{ amount }}", version=90, channel="EMAIL", title="缴费")
    message = messages.send(
        code="payment_received",
        recipient_ref="account:1",
        addresses=[build.PHONE],
        context=build.PAID,
        dedupe_key="test:night",
        as_of=EVENING,
        fallbacks=[build.EMAIL],
        fallback_after=timedelta(hours=1),
    )
    sending.work(clock=lambda: EVENING)
    assert fallbacks.run(as_of=EVENING + timedelta(hours=2)) == 0
    assert message.deliveries.get().fallback_at == MORNING + timedelta(hours=1)


@pytest.mark.django_db
@pytest.mark.usefixtures("urgent")
def test_what_is_urgent_passes(gateway: Gateway) -> None:
    build.delivery(as_of=EVENING)
    assert sending.work(clock=lambda: EVENING) == 1
    assert len(gateway.messages) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("can_wait")
def test_codes_and_mails_pass(
    gateway: Gateway, django_capture_on_commit_callbacks: Any, mailoutbox: list[Any]
) -> None:
    build.template("邮件：{{ amount }}", version=90, channel="EMAIL", title="缴费")
    with django_capture_on_commit_callbacks(execute=True):
        build.send_secret("482913", as_of=EVENING)
    build.send(build.EMAIL, as_of=EVENING)
    assert sending.work(clock=lambda: EVENING) == 2
    assert (gateway.code(), len(mailoutbox)) == ("482913", 1)
