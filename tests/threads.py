"""Real concurrency for tests that commit: threads with connections of their own that start at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def together(*calls: Callable[[], T], seconds: float = 30) -> list[T]:
    """Runs the calls at once and returns their results in order; the first exception is raised here."""
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], T]) -> T:
        try:
            barrier.wait(seconds)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(seconds) for future in [pool.submit(one, call) for call in calls]]
