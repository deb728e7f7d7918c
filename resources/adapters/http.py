"""Provisioning over HTTP: one POST per command, both directions signed by one secret.

A request is `{merchant_id, nonce, at, key, action, subject_kind, subject_id, payload}` with
X-Signature = HMAC-SHA256(secret, path LF body). An answer `{code, nonce, reference, message}` is signed over
`status LF body`. Codes: DONE, PENDING; BUSY is worth another try, every other one is a refusal for good.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from billing.gateways import transport
from billing.gateways.base import GatewayError
from core import clock
from resources.adapters.base import AdapterError, Order, Outcome, Status

CODE = "http"
_TEMPORARY = frozenset({"BUSY", "STALE", "BAD_SIGNATURE"})
_LONGEST = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """`url` has no slash at its end."""

    url: str
    name: str  # who we are to the far system
    secret: str


class HttpAdapter:
    """`resources.adapters.base.Adapter`. Holds no state: one instance serves all threads."""

    def __init__(
        self,
        config: HttpConfig,
        *,
        exchange: transport.Exchange = transport.exchange,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._config = config
        self._exchange = exchange
        self._now = now

    @property
    def code(self) -> str:
        return CODE

    def execute(self, order: Order) -> Outcome:
        values = self._ask(order)
        code = values["code"]
        if code in (Status.DONE, Status.PENDING):
            return Outcome(Status(code), _text(values, "reference"))
        raise AdapterError(f"{code} {_text(values, 'message')}".strip(), permanent=code not in _TEMPORARY)

    def _ask(self, order: Order) -> dict[str, Any]:
        if not self._config.url:
            raise AdapterError("no far system is set", permanent=True)
        url, nonce = f"{self._config.url}/commands", secrets.token_hex(16)
        body = json.dumps(self._fields(order, nonce), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": self._signature(urlsplit(url).path, body),
        }
        try:
            answer = self._exchange("POST", url, headers, body)
        except GatewayError as error:
            raise AdapterError(f"away: {error.code}", permanent=False) from None
        given = answer.headers.get("x-signature", "")
        if not hmac.compare_digest(self._signature(str(answer.status), answer.body).encode(), given.encode()):
            raise AdapterError(f"HTTP {answer.status} without its signature", permanent=False)
        return _read(answer.body, nonce)

    def _fields(self, order: Order, nonce: str) -> dict[str, Any]:
        return {
            "merchant_id": self._config.name,
            "nonce": nonce,
            "at": int(self._now().timestamp()),
            "key": order.key,
            "action": order.action,
            "subject_kind": order.subject_kind,
            "subject_id": order.subject_id,
            "payload": dict(order.payload),
        }

    def _signature(self, first: str, body: bytes) -> str:
        message = f"{first}\n".encode() + body
        return hmac.new(self._config.secret.encode(), message, hashlib.sha256).hexdigest()


def _read(body: bytes, nonce: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise AdapterError("the answer is no JSON", permanent=False) from None
    if not isinstance(values, dict) or not isinstance(values.get("code"), str):
        raise AdapterError("the answer has no code", permanent=False)
    if values.get("nonce") != nonce and values["code"] in tuple(Status):
        raise AdapterError("the answer is to another question", permanent=False)
    return values


def _text(values: dict[str, Any], name: str) -> str:
    found = values.get(name, "")
    return found[:_LONGEST] if isinstance(found, str) else ""
