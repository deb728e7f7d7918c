"""A user at the pages of any operation: quote, code, confirmation."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from core.errors import HallError
from operations.context import Context
from operations.models import Channel, Slip
from operations.services import slips
from tests.accounts.sms import code_to
from tests.conftest import NOON

Committed = Callable[..., AbstractContextManager[list[Any]]]
_keys = itertools.count(1)


class Desk:
    def __init__(self, user: User, committed: Committed) -> None:
        self.ctx = Context(user=user, channel=Channel.WEB, as_of=NOON, address="192.0.2.7")
        self._committed = committed

    def later(self, **time: int) -> "Desk":
        self.ctx = replace(self.ctx, as_of=self.ctx.as_of + timedelta(**time))
        return self

    def quote(self, operation: str, **raw: Any) -> slips.Quoted:
        return slips.quote(operation=operation, ctx=self.ctx, raw=raw)

    def send_code(self, operation: str, **raw: Any) -> str:
        with self._committed(execute=True):
            return slips.send_code(operation=operation, ctx=self.ctx, raw=raw)

    def submit(self, operation: str, code: str = "", **raw: Any) -> Slip:
        confirmation: Mapping[str, str] = {"agreed": "yes", "code": code}
        digest = self.quote(operation, **raw).digest
        with self._committed(execute=True):
            return slips.submit(
                operation=operation,
                ctx=self.ctx,
                raw=raw,
                quote_digest=digest,
                confirmation=confirmation,
                idempotency_key=f"desk-key-{next(_keys)}",
            )

    def confirmed(self, operation: str, *, by: str, **raw: Any) -> Slip:
        """Submitted with the code that goes to this phone or mailbox."""
        self.send_code(operation, **raw)
        return self.submit(operation, code_to(by), **raw)

    def refusal(self, operation: str, **raw: Any) -> str:
        """The code with which the quote is refused."""
        with pytest.raises(HallError) as caught:
            self.quote(operation, **raw)
        return caught.value.code
