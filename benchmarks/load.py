"""A small load generator: keep-alive connections driven by one selector, so that it costs little beside the server."""

import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TypeVar

CONNECTIONS = 16
PATIENCE = 30  # seconds without any answer


def request(
    path: str,
    body: bytes,
    *,
    content_type: str = "application/x-www-form-urlencoded",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The bytes of one POST."""
    everything = {
        "Host": "127.0.0.1",
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "Connection": "keep-alive",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in everything.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def visit(path: str, *, cookie: str = "", encoding: str = "") -> bytes:
    """The bytes of one GET."""
    wanted = {"Host": "127.0.0.1", "Connection": "keep-alive", "Cookie": cookie, "Accept-Encoding": encoding}
    lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items() if value)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


class Answers:
    """What came back: how many, and how many of them said `success`, or 204 as WeChat Pay wants it."""

    def __init__(self) -> None:
        self.count = 0
        self.accepted = 0
        self.waits: list[float] = []  # seconds, of each

    def take(self, raw: bytes, waited: float = 0.0) -> None:
        self.count += 1
        self.accepted += self.is_accepted(raw)
        self.waits.append(waited)

    def is_accepted(self, raw: bytes) -> bool:
        return raw.endswith(b"success") or raw.startswith(b"HTTP/1.1 204 ")


class Pages(Answers):
    """Answers that are whole pages."""

    def is_accepted(self, raw: bytes) -> bool:
        return raw.startswith(b"HTTP/1.1 200 ") and raw.rstrip().endswith(b"</html>")


A = TypeVar("A", bound=Answers)


def closed_loop(port: int, requests: Iterator[bytes], *, count: int) -> Answers:
    """Sends `count` requests as fast as the answers come, over CONNECTIONS connections."""
    return collect(port, requests, Answers(), count=count, connections=CONNECTIONS)


def collect(port: int, requests: Iterator[bytes], answers: A, *, count: int, connections: int) -> A:
    """The same over any number of connections, into any kind of answers."""
    todo = islice(requests, count)
    with selectors.DefaultSelector() as selector:
        for _ in range(min(connections, count)):
            _send_next(_connect(port), todo, selector, fresh=True)
        while answers.count < count:
            ready = selector.select(timeout=PATIENCE)
            if not ready:
                raise TimeoutError(f"{count - answers.count} of {count} answers did not come in {PATIENCE} s")
            for key, _events in ready:
                connection: socket.socket = key.fileobj  # type: ignore[assignment]  # registered as sockets only
                raw = _whole(connection)
                answers.take(raw, time.perf_counter() - key.data)
                _send_next(connection, todo, selector)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # registered as sockets only
    return answers


def paced(port: int, requests: Iterator[bytes], *, per_second: float, seconds: float) -> Answers:
    """Sends at a steady pace over one connection, waiting for each answer; late ones are caught up."""
    answers = Answers()
    connection = _connect(port)
    started = time.perf_counter()
    for number, raw in enumerate(islice(requests, round(per_second * seconds))):
        wait = started + number / per_second - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        connection.sendall(raw)
        answers.take(_whole(connection))
    connection.close()
    return answers


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _send_next(
    connection: socket.socket, todo: Iterator[bytes], selector: selectors.BaseSelector, *, fresh: bool = False
) -> None:
    raw = next(todo, None)
    if raw is None:
        if not fresh:
            selector.unregister(connection)
        connection.close()
        return
    sent_at = time.perf_counter()
    connection.sendall(raw)
    if fresh:
        selector.register(connection, selectors.EVENT_READ, sent_at)
    else:
        selector.modify(connection, selectors.EVENT_READ, sent_at)


def fetch(port: int, raw: bytes) -> bytes:
    """One answer, head and body, over a connection of its own."""
    connection = _connect(port)
    try:
        connection.sendall(raw)
        return _whole(connection)
    finally:
        connection.close()


def body(answer: bytes) -> bytes:
    """An answer without its head."""
    return answer.partition(b"\r\n\r\n")[2]


def _whole(connection: socket.socket) -> bytes:
    """One whole answer: with a Content-Length, or without a body."""
    raw = connection.recv(65_536)
    while b"\r\n\r\n" not in raw:
        raw += _more(connection)
    head, _, body = raw.partition(b"\r\n\r\n")
    lengths = (
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    length = next(lengths, 0)
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(65_536)
    if not piece:
        raise ConnectionError("the server closed the connection")
    return piece
