"""Several connections at work on one chunk: each takes the records of its own accounts, so none waits for another.

The database does most of the work of an import, and one connection keeps one processor busy.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar
from zlib import crc32

from django.db import connection

from core.imports.records import Record

T = TypeVar("T")


class Lanes(Generic[T]):
    """`work` is done for each lane's records; the first lane in the caller's thread and on his connection.

    Inside somebody's transaction there is only one lane: other connections would not see what it wrote.
    `place` is where the values hold what keeps records together; None: they all belong together.
    """

    def __init__(self, count: int, *, place: int | None, prepare: Callable[[], None]) -> None:
        self.count = 1 if connection.in_atomic_block or place is None else count
        self._place = place or 0
        self._others = [ThreadPoolExecutor(1, "import-lane") for _ in range(self.count - 1)]
        prepare()
        for other in self._others:
            other.submit(prepare).result()

    def __enter__(self) -> "Lanes[T]":
        return self

    def __exit__(self, *_: object) -> None:
        for other in self._others:
            other.submit(connection.close)
            other.shutdown()

    def map(self, work: Callable[[Sequence[Record]], T], records: Sequence[Record]) -> list[T]:
        """What came of each lane's share. Returns, or raises the first error, when all lanes are idle again."""
        mine, *others = self._split(records)
        running = [lane.submit(work, share) for lane, share in zip(self._others, others, strict=True)]
        try:
            done = [work(mine)]
        finally:
            for future in running:
                future.exception()  # waits
        return done + [future.result() for future in running]

    def _split(self, records: Sequence[Record]) -> list[Sequence[Record]]:
        if self.count == 1:
            return [records]
        shares: list[list[Record]] = [[] for _ in range(self.count)]
        place, count = self._place, self.count
        for record in records:
            shares[crc32(str(record.values[place]).encode()) % count].append(record)
        return list(shares)
