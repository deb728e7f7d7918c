import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from core import pokes
from notices.providers import signature
from tests.sandbox.process import Ear, listening

SECRET = "gateway-secret-of-the-tests"


class Gateway:
    """The carrier's end of the wire: hears messages, answers as it is told."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self.status = 200
        self.answer: bytes | None = None  # None: accepts
        ear.reply = self._reply

    @property
    def messages(self) -> list[dict[str, str]]:
        """What was asked, oldest first; each was signed."""
        for heard in self._ear.heard:
            assert signature.is_valid(heard.body, heard.headers[signature.HEADER], SECRET)
        return [json.loads(heard.body) for heard in self._ear.heard]

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.messages]

    def code(self) -> str:
        """The six digits of the last message."""
        found = re.search(r"\b\d{6}\b", self.texts[-1])
        assert found, self.texts[-1]
        return found[0]

    def _reply(self, count: int) -> tuple[int, bytes]:
        accepted = json.dumps({"provider_message_id": f"SMS{count:06d}", "accepted": True}).encode()
        return self.status, accepted if self.answer is None else self.answer


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    with listening() as ear:
        settings.SMS_GATEWAY_URL = f"{ear.url}/sms/send"
        settings.SMS_GATEWAY_SECRET = SECRET
        yield Gateway(ear)


@pytest.fixture(autouse=True)
def empty_vault() -> None:
    """Every run begins with delivery 1 at the same noon: texts of the last run would seem to be this one's."""
    for key in pokes.broker().scan_iter("notices:secret:*"):
        pokes.broker().delete(key)


@pytest.fixture
def no_broker(settings: Any) -> Iterator[None]:
    """The broker is away: nothing listens there."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    pokes.broker.cache_clear()
    yield
    pokes.broker.cache_clear()
    pokes.speak_again()
