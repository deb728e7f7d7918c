"""The stand-ins as tests use them: a real process, and an ear that hears what it sends."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode, urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "sms-secret-of-the-tests"


@dataclass(frozen=True)
class Response:
    """One HTTP answer, redirects not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    def json(self) -> dict[str, object]:
        values: dict[str, object] = json.loads(self.body)
        return values


def request(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
    """One request over a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body or None, headers=dict(headers or {}))
        response = connection.getresponse()
        return Response(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def environment(**changes: str) -> dict[str, str]:
    """The environment of a stand-in process: this one's, without what configures a hall."""
    gateways = ("ALIPAY_", "WECHATPAY_", "DEBIT_", "PROVISIONING_", "SMS_", "EMAIL_")
    ours = ("HALL_", "SANDBOX_", "DJANGO_", "PYTEST_", *gateways)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    names = ("SMS_GATEWAY_SECRET", "EMAIL_WEBHOOK_SECRET", "DEBIT_SECRET", "PROVISIONING_SECRET")
    secrets = dict.fromkeys(names, SECRET)
    return {**kept, **secrets, **changes}


class SandboxProcess:
    """`python -m sandbox serve` on a free port."""

    def __init__(self, *options: str, **changes: str) -> None:
        command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", *options]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment(**changes), stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "listening on " in line, f"the stand-in did not start: {line!r}"
        self.url = line.split("listening on ")[1].strip()

    @property
    def gateway_url(self) -> str:
        return f"{self.url}/alipay/gateway.do"

    def get(self, path: str, **params: str) -> Response:
        return request("GET", f"{self.url}{path}" + (f"?{urlencode(params)}" if params else ""))

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        return request("POST", f"{self.url}{path}", body, headers)

    def arrive(self, url: str) -> str:
        """Open a cashier address as a browser does and return the path of the cashier page."""
        response = request("GET", url)
        assert response.status == 303, response.text
        return response.headers["Location"]

    def press(self, page: str, action: str, **knobs: str) -> Response:
        """Press a button of a cashier page."""
        form = urlencode({"action": action, **knobs}).encode()
        return self.post(page, form, {"Content-Type": "application/x-www-form-urlencoded"})

    def trade(self, reference: str) -> dict[str, object]:
        return self.get("/alipay/api/trades", out_trade_no=reference).json()

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """Ask it to end, as a supervisor does, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(15)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@dataclass
class Heard:
    """One request that reached the ear."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class Ear:
    """A small server that hears POSTs and answers what `reply` says: (status, body) for the n-th, from 0."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.reply: Callable[[int], tuple[int, bytes]] = lambda count: (200, b"success")
        self._changed = threading.Condition()
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = ear._hear(Heard(self.path, dict(self.headers), body))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere/")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _hear(self, heard: Heard) -> tuple[int, bytes]:
        with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()
            return self.reply(len(self.heard) - 1)

    def wait(self, count: int, seconds: float = 10.0) -> list[Heard]:
        """What was heard, once it is `count` requests. Fails when they do not come."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.heard) >= count, seconds)
            assert enough, f"heard {len(self.heard)} of {count}"
            return list(self.heard)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def listening() -> Iterator[Ear]:
    """An ear for one block."""
    ear = Ear()
    try:
        yield ear
    finally:
        ear.close()


@contextmanager
def running(*options: str, **changes: str) -> Iterator[SandboxProcess]:
    """The stand-ins for one block."""
    process = SandboxProcess(*options, **changes)
    try:
        yield process
    finally:
        process.stop()


def until(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until `check` holds; fails when it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "this did not come to hold"
        time.sleep(0.02)
