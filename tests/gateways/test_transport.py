"""The one POST, against servers that behave and that do not."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from billing.gateways import transport
from billing.gateways.base import GatewayError
from tests.sandbox.process import listening


def _swallow(connection: socket.socket) -> None:
    """Read the request to its end: closing with unread bytes would reset the connection."""
    connection.settimeout(0.3)  # a TLS greeting has no end that this server knows
    try:
        while (said := connection.recv(65_536)) and not said.endswith(b"a=1"):
            pass
    except TimeoutError:
        pass
    connection.settimeout(None)


@contextmanager
def speaking(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that takes one connection, says `parts` and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            _swallow(connection)
            for part in parts:
                try:
                    connection.sendall(part)
                except OSError:
                    return
                time.sleep(pause)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/gateway.do"
    finally:
        listener.close()
        thread.join(5)


def failed(url: str) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        transport.post(url, b"a=1")
    return caught.value


def test_the_form_arrives_and_the_answer_comes_back() -> None:
    with listening() as ear:
        assert transport.post(f"{ear.url}/gateway.do?method=x", b"biz_content=%7B%7D") == b"success"
        (heard,) = ear.heard
    assert heard.path == "/gateway.do?method=x"
    assert heard.body == b"biz_content=%7B%7D"
    assert heard.headers["Content-Type"] == "application/x-www-form-urlencoded;charset=utf-8"


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 503])
def test_another_status_is_a_passing_error_and_no_redirect_is_followed(status: int) -> None:
    with listening() as ear:
        ear.reply = lambda count: (status, b"")
        error = failed(ear.url)
        assert len(ear.heard) == 1
    assert (error.code, error.permanent) == ("HTTP_STATUS", False)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failed(f"http://127.0.0.1:{port}/")
    assert (error.code, error.permanent) == ("NETWORK", False)


@pytest.mark.parametrize("said", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_no_http_or_half_of_it(said: bytes) -> None:
    with speaking(said) as url:
        assert failed(url).code == "NETWORK"


def test_silence_ends_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    with speaking(b"", pause=1.0) as url:
        started = time.monotonic()
        assert failed(url).code == "NETWORK"
        assert time.monotonic() - started < 0.9


def test_an_answer_drop_by_drop_ends_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    with speaking(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 40, pause=0.05) as url:
        started = time.monotonic()
        assert failed(url).code == "NETWORK"
        assert time.monotonic() - started < 1.5


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAXIMUM_BYTES", 1000)
    with speaking(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 5000) as url:
        assert failed(url).code == "NETWORK"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "gateway.do", "http:///x"])
def test_only_http_addresses(url: str) -> None:
    error = failed(url)
    assert (error.code, error.permanent) == ("BAD_URL", True)


def test_https_is_checked_against_the_machines_authorities() -> None:
    with speaking(b"this is no TLS") as url:
        assert failed(url.replace("http:", "https:")).code == "NETWORK"
