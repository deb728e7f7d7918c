"""A poke tells the workers that a queue table has work. Losing one costs seconds, never work: a sweeper finds the rows.

After commit, at most one message per task waits in the broker: the first poke sets a short-lived mark, the task
takes it away when it begins. A thread of the process carries the pokes, so that whoever commits never waits for the
broker, and pokes of the same moment become one. With the broker away it does not ask again for some seconds.
"""

import atexit
import logging
import os
import threading
import time
from functools import lru_cache

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.pools import producers
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
MARK_MS = 2_000
SILENCE_SECONDS = 5.0
_CONNECT_SECONDS, _ANSWER_SECONDS = 0.2, 0.3
_BREATH_SECONDS = 0.01  # in a busy time, the pokes of this span are carried as one
_silent_until = 0.0


@lru_cache(maxsize=1)
def broker() -> "redis.Redis":
    """A client of the broker with short time-outs; callers must expect `redis.RedisError`."""
    # redis.Redis(…) would try ten times with pauses, from_url does not: said here, since a customer would wait.
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@lru_cache(maxsize=1)
def _letterbox(url: str) -> Connection:
    """Where messages are put in: Celery's own connection would wait for seconds, and try to connect again and again."""
    return current_app.connection_for_write(
        url,
        connect_timeout=_ANSWER_SECONDS,
        transport_options={
            "socket_connect_timeout": _CONNECT_SECONDS,
            "socket_timeout": _ANSWER_SECONDS,
            "max_retries": 0,
        },
    )


def after_commit(task: str, *, queue: str) -> None:
    """Wake `task` on `queue` once the present transaction is committed; nothing happens on a rollback."""
    transaction.on_commit(lambda: _carrier.take(task, queue), robust=True)


def flush(seconds: float) -> bool:
    """Waits until every poke so far was carried (or found the broker away); False when that took longer."""
    return _carrier.wait_idle(seconds)


def arrived(task: str) -> None:
    """Called by the task as it begins: the next poke sends a new message."""
    try:
        broker().delete(f"poke:{task}")
    except redis.RedisError:
        log.warning("poke mark not cleared", extra={"task": task})


def speak_again() -> None:
    """Forget that the broker was away."""
    global _silent_until
    _silent_until = 0.0


def _poke(task: str, queue: str) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        if broker().set(f"poke:{task}", 1, nx=True, px=MARK_MS):
            with producers[_letterbox(settings.REDIS_URL)].acquire(block=True) as producer:
                current_app.send_task(task, queue=queue, producer=producer, retry=False, ignore_result=True)
    except Exception:  # kombu raises its own, redis' and socket errors; none may reach the customer
        _silent_until = time.monotonic() + SILENCE_SECONDS
        log.warning("broker away, poke skipped", extra={"task": task})


class _Carrier:
    """The pokes that wait to be carried, and the thread that does it; a forked child gets a fresh one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted: dict[str, str] = {}  # task → queue
        self._is_busy = False
        self._thread: threading.Thread | None = None

    def take(self, task: str, queue: str) -> None:
        with self._changed:
            self._wanted[task] = queue
            if self._thread is None:
                self._thread = threading.Thread(target=self._carry, name="pokes", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._wanted and not self._is_busy, seconds)

    def _carry(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._wanted))
                wanted, self._wanted, self._is_busy = self._wanted, {}, True
            for task, queue in wanted.items():
                _poke(task, queue)
            time.sleep(_BREATH_SECONDS)


def _fresh_carrier() -> None:
    global _carrier
    _carrier = _Carrier()


_carrier = _Carrier()
os.register_at_fork(after_in_child=_fresh_carrier)
atexit.register(flush, 1.0)  # a command that ends at once still wakes the workers
