"""Getting the next item ready while the present one is being used."""

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_SECONDS = 0.2  # how soon the thread notices that nobody wants more


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Ahead(Generic[T]):
    """An iterator over `items` that runs them in a thread of its own, `depth` items ahead.

    What they raise is raised here. Close it (or use it as a context manager) to stop the thread. `items` must not
    touch the database: connections belong to the thread that opened them.
    """

    def __init__(self, items: Iterator[T], *, depth: int = 1) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="import-reader", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = self._queue.get()
        if not isinstance(item, _End):
            return item
        self._put(item)  # asked again, the answer is the same
        if item.error is not None:
            raise item.error
        raise StopIteration

    def __enter__(self) -> "Ahead[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Returns when the thread has ended."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as raised:
            error = raised
        self._put(_End(error))

    def _put(self, item: T | _End) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False
