"""Messages from a stand-in to the hall: sent, and sent again on a schedule until the hall takes them."""

import http.client
import ipaddress
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.store import Store

_SENDERS = 8
_SEND_SECONDS = 10.0
_TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Letter:
    """One HTTP request, ready to go."""

    content_type: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Channel:
    """How one kind of message is written each time it is sent, and which answer ends it."""

    write: Callable[[Mapping[str, str]], Letter]
    accepted: Callable[[int, bytes], bool]


class Courier:
    """Carries deliveries from the store to the hall, on this machine only, and follows no redirect."""

    def __init__(self, store: Store, channels: Mapping[str, Channel], sweep: Callable[[], None]) -> None:
        self._store = store
        self._channels = channels
        self._sweep = sweep
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(_SENDERS, thread_name_prefix="courier")
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin; what was under way when the last process ended is sent again."""
        self._store.run("UPDATE deliveries SET state = 'WAITING' WHERE state = 'SENDING'")
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent now and leave the rest in the store."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(_SEND_SECONDS)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def poke(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            self._sweep()
            for row in self._claim():
                self._pool.submit(self._deliver, row)
            self._wake.wait(self._pause())

    def _claim(self) -> list[sqlite3.Row]:
        return self._store.all(
            "UPDATE deliveries SET state = 'SENDING', attempts = attempts + 1 WHERE state = 'WAITING' AND due_at <= ?"
            " RETURNING *",
            time.time(),
        )

    def _pause(self) -> float:
        row = self._store.one("SELECT min(due_at) AS due FROM deliveries WHERE state = 'WAITING'")
        if row is None or row["due"] is None:
            return _TICK_SECONDS
        return min(_TICK_SECONDS, max(0.0, float(row["due"]) - time.time()))

    def _deliver(self, row: sqlite3.Row) -> None:
        channel = self._channels[row["kind"]]
        accepted = False
        try:
            status, body = self._send(row, channel)
            accepted = channel.accepted(status, body)
            answer = f"{status} {body[:60].decode('utf-8', 'replace')}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer = f"{type(error).__name__}: {error}"[:200]
        self._record(row, accepted, answer)

    def _send(self, row: sqlite3.Row, channel: Channel) -> tuple[int, bytes]:
        if row["attempts"] <= row["losses"]:
            raise ConnectionError("lost on purpose, never sent")
        return _post(row["url"], channel.write(json.loads(row["payload"])))

    def _record(self, row: sqlite3.Row, accepted: bool, answer: str) -> None:
        delays = json.loads(row["delays"])
        attempts = row["attempts"]
        if accepted or attempts > len(delays):
            state, due = "DONE" if accepted else "GIVEN_UP", time.time()
        else:
            state, due = "WAITING", time.time() + delays[attempts - 1]
        self._store.run(
            "UPDATE deliveries SET state = ?, due_at = ?, last_answer = ? WHERE id = ?",
            state,
            due,
            answer,
            row["id"],
        )
        self.poke()


def enqueue(
    store: Store,
    kind: str,
    *,
    subject: str,
    url: str,
    payload: Mapping[str, str],
    delays: Sequence[float],
    wait: float = 0.0,
    losses: int = 0,
) -> None:
    """Add one message: first after `wait` seconds, then after each of `delays`; the first `losses` are not sent."""
    store.run(
        "INSERT INTO deliveries (kind, subject, url, payload, delays, losses, due_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        kind,
        subject,
        url,
        json.dumps(payload, ensure_ascii=False),
        json.dumps(list(delays)),
        losses,
        time.time() + wait,
    )


def _post(url: str, letter: Letter) -> tuple[int, bytes]:
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_here(parts.hostname):
        raise ValueError("only http addresses of this machine are told anything")
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SEND_SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": letter.content_type, "Connection": "close", **letter.headers}
        connection.request("POST", target, body=letter.body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(4096)
    finally:
        connection.close()


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
