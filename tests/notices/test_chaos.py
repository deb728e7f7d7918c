"""The whole way with a carrier that loses, delays, repeats, reorders and forges: what counts as arrived has proof."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import clock
from notices.models import Delivery, DeliveryReceipt, DeliveryState
from notices.services import messages, receipt_polls, sending
from tests.notices import build
from tests.sandbox.process import SECRET, SandboxProcess, running, until

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 60


@pytest.fixture
def carrier(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[SandboxProcess]:
    with running(
        "--keys", str(tmp_path), HALL_BASE_URL=live_server.url, SANDBOX_RECEIPT_SECONDS="0.05"
    ) as process:
        settings.SMS_GATEWAY_URL = f"{process.url}/sms/send"
        settings.SMS_GATEWAY_BATCH_URL = f"{process.url}/sms/batch"
        settings.SMS_GATEWAY_QUERY_URL = f"{process.url}/sms/receipts"
        settings.SMS_GATEWAY_SECRET = SECRET
        yield process


def send_to(*phones: str) -> list[Delivery]:
    rows = [build.send(messages.Address("SMS", phone)).deliveries.get() for phone in phones]
    while sending.work(clock=clock.now):
        pass
    return rows


def states(rows: list[Delivery]) -> Counter[str]:
    found = Delivery.objects.filter(pk__in=[row.pk for row in rows])
    return Counter(found.values_list("state", flat=True))


class Polls:
    """Asks when the time to ask has come; whoever has no answer yet is asked again later, as polling does."""

    def __init__(self) -> None:
        self._minutes = 11

    def __call__(self) -> int:
        """The receipts that were found."""
        later = clock.now() + timedelta(minutes=self._minutes)
        self._minutes = min(self._minutes + self._minutes // 2, 72 * 60)  # later nobody is asked any more
        time.sleep(0.2)  # for the carrier to know more
        return receipt_polls.run(clock=lambda: later)


def test_all_wrongs_at_once_end_in_proof_for_each(carrier: SandboxProcess) -> None:
    wrongs = {
        "seed": 11,
        "lose": 0.3,
        "delay": 0.2,
        "repeat": 0.3,
        "reorder": 0.3,
        "forge": 0.2,
        "delay_seconds": 0.5,
    }
    carrier.post("/sms/chaos", json.dumps(wrongs).encode())
    rows = send_to(*(f"+861391234{n:04d}" for n in range(1, ROWS + 1)))
    until(lambda: states(rows)["DELIVERED"] >= ROWS // 2)
    asked_later = Polls()
    until(lambda: asked_later() == 0 and states(rows) == {"DELIVERED": ROWS}, 20)
    proofs = DeliveryReceipt.objects.filter(is_verified=True, status="DELIVERED")
    assert proofs.values("delivery").distinct().count() == ROWS
    assert proofs.count() == ROWS  # the same again is one


def test_a_lost_receipt_is_not_taken_for_an_arrival(carrier: SandboxProcess) -> None:
    (row,) = send_to("+8613912349901")
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT
    asked_later = Polls()
    until(lambda: asked_later() == 1)
    row.refresh_from_db()
    assert row.state == DeliveryState.DELIVERED


def test_a_forged_receipt_changes_nothing(carrier: SandboxProcess) -> None:
    (row,) = send_to("+8613912349905")
    until(lambda: DeliveryReceipt.objects.filter(is_verified=False).exists())
    until(lambda: states([row]) == {"DELIVERED": 1})
    row.refresh_from_db()
    assert (row.failure, row.receipts.get().is_verified) == ("", True)


def test_trouble_that_is_told_after_the_arrival_is_old_news(carrier: SandboxProcess) -> None:
    (row,) = send_to("+8613912349904")
    until(lambda: row.receipts.count() == 2)
    row.refresh_from_db()
    assert (row.state, row.failure) == ("DELIVERED", "")


def test_a_dead_number_is_the_address_s_fault_and_a_switched_off_one_is_not(carrier: SandboxProcess) -> None:
    rows = send_to("+8613912340000", "+8613912349906", "+8613912349908")
    until(lambda: states(rows) == {"FAILED": 3})
    found = Delivery.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    assert [row.failure for row in found] == ["HARD", "SOFT", "OTHER"]


def test_a_busy_gateway_is_tried_again_with_the_same_message(carrier: SandboxProcess) -> None:
    (row,) = send_to("+8613912349907")
    row.refresh_from_db()
    assert (row.state, row.error) == ("QUEUED", "gateway refused: BUSY")
    later = clock.now() + timedelta(seconds=6)
    sending.work(clock=lambda: later)
    until(lambda: states([row]) == {"DELIVERED": 1})
    assert [each.error for each in row.tries.order_by("pk")] == ["gateway refused: BUSY", ""]
