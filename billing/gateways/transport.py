"""One POST over HTTP(S), with bounds on time and size. The seam that tests and gateways share is `Post`."""

import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from billing.gateways.base import GatewayError

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
MAXIMUM_BYTES = 1_000_000
_CHUNK = 65_536
_FORM = "application/x-www-form-urlencoded;charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """Any answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Post = Callable[[str, bytes], bytes]
"""(url, form) -> body of a 200 answer; anything else raises `GatewayError(permanent=False)`."""

Exchange = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""(method, url, headers, body) -> the answer, whatever its status."""


def post(url: str, form: bytes) -> bytes:
    """Send `form`, follow no redirect, and give back the whole answer.

    A failure here never says whether the other side acted: every `GatewayError` is `permanent=False`.
    """
    answer = exchange("POST", url, {"Content-Type": _FORM}, form)
    if answer.status != http.client.OK:
        raise GatewayError("HTTP_STATUS", f"HTTP {answer.status}", permanent=False)
    return answer.body


def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Ask once and follow no redirect. `GatewayError(permanent=False)` when no whole answer came."""
    connection = _connection(url)
    try:
        connection.connect()
        connection.sock.settimeout(READ_SECONDS)
        connection.request(
            method, _target(url), body=body or None, headers={**headers, "Connection": "close"}
        )
        response = connection.getresponse()
        names = {name.lower() for name, _value in response.getheaders()}
        joined = {name: response.getheader(name, "") for name in names}
        return Answer(response.status, joined, _read(response))
    except (OSError, http.client.HTTPException) as error:
        raise GatewayError("NETWORK", f"{type(error).__name__}: {error}", permanent=False) from error
    finally:
        connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GatewayError("BAD_URL", "the gateway address is no http(s) URL", permanent=True)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=CONNECT_SECONDS)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=CONNECT_SECONDS, context=context)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _read(response: http.client.HTTPResponse) -> bytes:
    # A socket time-out bounds one recv only; the deadline also ends an answer that comes drop by drop.
    deadline = time.monotonic() + READ_SECONDS
    received = bytearray()
    while chunk := response.read1(_CHUNK):
        received += chunk
        if len(received) > MAXIMUM_BYTES or time.monotonic() > deadline:
            raise GatewayError("NETWORK", "the answer is too long or too slow", permanent=False)
    if response.length:
        raise GatewayError("NETWORK", "the answer broke off", permanent=False)
    return bytes(received)
