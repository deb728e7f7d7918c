"""A gateway that takes connections and says nothing must not hold the workers that apply payments."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from billing.gateways import transport
from billing.models import Payment, PaymentState
from billing.services.payments import settling
from tests.billing import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
WAIT = 0.3


class SilentGateway:
    """Takes connections, answers none, counts them."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/gateway.do"
        self.asked: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.asked.append(self._server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._server.close()
        for connection in self.asked:
            connection.close()


@pytest.fixture
def gateway(
    settings: Settings, alipay_keys: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SilentGateway]:
    made = SilentGateway()
    settings.ALIPAY_GATEWAY_URL = made.url
    monkeypatch.setattr(transport, "READ_SECONDS", WAIT)
    yield made
    made.close()


def test_a_gateway_that_is_silent_is_asked_once_a_turn(gateway: SilentGateway) -> None:
    for _ in range(6):
        build.payment(build.account())
    Payment.objects.update(next_query_at=NOON)
    started = time.monotonic()
    assert settling.settle_due(as_of=NOON) == 6
    assert time.monotonic() - started < 2 * WAIT
    assert len(gateway.asked) == 1
    states = sorted(Payment.objects.values_list("state", flat=True))
    assert states == [PaymentState.PENDING] * 5 + [PaymentState.UNKNOWN]
    assert not Payment.objects.exclude(next_query_at__gt=NOON).exists()


def test_the_rest_is_asked_about_when_the_gateway_speaks_again(gateway: SilentGateway) -> None:
    for _ in range(3):
        build.payment(build.account())
    Payment.objects.update(next_query_at=NOON)
    settling.settle_due(as_of=NOON)
    settling.settle_due(as_of=NOON + settling.LEASE)
    assert len(gateway.asked) == 2
    assert settling.settle_due(as_of=NOON + 10 * settling.LEASE) == 3
