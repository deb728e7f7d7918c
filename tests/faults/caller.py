"""Alipay's side of a fault: signed notices, posted one by one or in a steady stream whose answers are kept."""

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle

from billing.models import Payment
from tests.faults.house import House
from tests.gateways import keys

_PATH = "/payments/callbacks/alipay/"
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_GIVES_UP_AFTER = 15.0  # seconds, as Alipay


@dataclass(frozen=True)
class Notice:
    reference: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came back for one notice. `text` is empty when nothing came."""

    reference: str
    text: str
    asked_at: float
    seconds: float

    @property
    def accepted(self) -> bool:
        return self.text == "success"


def paid(payment: Payment) -> Notice:
    """The notice that the payment was paid."""
    fields = {"out_trade_no": payment.reference, "trade_no": f"T{payment.reference}"}
    return Notice(payment.reference, keys.signed(keys.notice(**fields)))


def post(house: House, notice: Notice) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=_GIVES_UP_AFTER)
    started = time.monotonic()
    try:
        connection.request("POST", _PATH, body=notice.body, headers=_HEADERS)
        text = connection.getresponse().read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        text = ""
    finally:
        connection.close()
    return Answer(notice.reference, text, started, time.monotonic() - started)


class Stream:
    """Notices in turn, again and again, from several connections."""

    def __init__(self, house: House, notices: Sequence[Notice]) -> None:
        self._house, self._notices = house, cycle(notices)
        self._next, self._stop = threading.Lock(), threading.Event()
        self.answers: list[Answer] = []

    def run(self, pause: float) -> None:
        while not self._stop.wait(pause):
            with self._next:
                notice = next(self._notices)
            self.answers.append(post(self._house, notice))

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def stream(
    house: House, notices: Sequence[Notice], *, connections: int = 4, pause: float = 0.05
) -> Iterator[Stream]:
    """A load that lasts as long as the block; all its answers are there afterwards."""
    made = Stream(house, notices)
    threads = [threading.Thread(target=made.run, args=(pause,)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stop()
        for thread in threads:
            thread.join()
