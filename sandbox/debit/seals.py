"""The signatures of both directions: hex HMAC-SHA256 over a first line and the raw body."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from sandbox import web

_SECONDS_OFF = 300


class Distrusted(Exception):
    """A request that is not believed; `status` is the HTTP status of the answer."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class Seal:
    """Opens requests and seals answers. An empty secret opens nothing."""

    def __init__(self, secret: str, merchant_id: str) -> None:
        self._secret = secret
        self._merchant_id = merchant_id

    def open(self, request: web.Request) -> dict[str, object]:
        """The verified fields of a request; raises `Distrusted`."""
        given = {name.lower(): value for name, value in request.headers.items()}.get("x-signature", "")
        if not self._secret or not hmac.compare_digest(
            self._of(request.path, request.body).encode(), given.encode()
        ):
            raise Distrusted("BAD_SIGNATURE", 401)
        try:
            values = json.loads(request.body)
        except (ValueError, RecursionError):
            raise Distrusted("BAD_REQUEST", 400) from None
        if not isinstance(values, dict) or not isinstance(values.get("nonce"), str):
            raise Distrusted("BAD_REQUEST", 400)
        if values.get("merchant_id") != self._merchant_id:
            raise Distrusted("WRONG_MERCHANT", 403)
        at = values.get("at")
        if not isinstance(at, int) or abs(time.time() - at) > _SECONDS_OFF:
            raise Distrusted("STALE", 400)
        return values

    def answer(self, values: Mapping[str, object], status: int = 200) -> web.Answer:
        """A signed answer."""
        body = json.dumps(values, ensure_ascii=False).encode()
        headers = {"X-Signature": self._of(str(status), body)}
        return web.Answer(body, "application/json; charset=utf-8", status, headers)

    def _of(self, first: str, body: bytes) -> str:
        return hmac.new(self._secret.encode(), f"{first}\n".encode() + body, hashlib.sha256).hexdigest()
