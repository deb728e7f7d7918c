"""A broker that takes the mark of a poke and then falls silent, before the message itself."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from tests.sandbox import process

_POKES = """
import json, time
import django
django.setup()
from core import pokes
pokes.broker().delete("poke:tests.hanging")
seconds = []
for _ in range(3):
    started = time.monotonic()
    pokes.after_commit("tests.hanging", queue="tests-hanging")
    committed = time.monotonic() - started
    assert pokes.flush(30)
    seconds.append([committed, time.monotonic() - started])
print(json.dumps(seconds))
"""


class SilentAt:
    """A way to the broker that lets everything through until a command is seen; from then on nothing at all."""

    def __init__(self, broker: tuple[str, int], command: bytes) -> None:
        self._broker, self._command = broker, command
        self.silent = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            upstream = socket.create_connection(self._broker)
            for source, target in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if self._command in data:
                    self.silent.set()
                if not self.silent.is_set():
                    target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()


@contextmanager
def silent_at(command: bytes) -> Iterator[SilentAt]:
    parts = urlsplit(settings.REDIS_URL)
    made = SilentAt((parts.hostname or "", parts.port or 6379), command)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    "command", [b"PING", b"LPUSH"], ids=["as Celery connects", "as the message goes out"]
)
def test_a_broker_that_hangs_after_the_mark_costs_less_than_a_second(command: bytes) -> None:
    with silent_at(command) as way:
        parts = urlsplit(settings.REDIS_URL)
        address = parts.netloc.rpartition(":")[0] + f":{way.port}"
        url = parts._replace(netloc=address).geturl()
        done = subprocess.run(
            [sys.executable, "-c", _POKES],
            cwd=process.REPOSITORY,
            env=os.environ | {"REDIS_URL": url, "DJANGO_SETTINGS_MODULE": "hall.settings.test"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert way.silent.is_set()
    for committed, carried in json.loads(done.stdout):
        assert committed < 0.5  # whoever commits waits for nobody
        assert carried < 1.0  # and the carrier is soon free for the next poke
