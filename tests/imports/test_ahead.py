import threading
import time
from collections.abc import Iterator

import pytest

from core.imports.ahead import Ahead


def readers() -> int:
    return sum(thread.name == "import-reader" for thread in threading.enumerate())


def test_items_come_in_order_and_then_end_for_good() -> None:
    with Ahead(iter(range(100))) as ahead:
        assert list(ahead) == list(range(100))
        assert list(ahead) == []
    assert readers() == 0


def test_what_the_items_raise_is_raised_where_they_are_used() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with Ahead(items()) as ahead:
        assert next(ahead) == 1
        with pytest.raises(ZeroDivisionError):
            next(ahead)


def test_no_more_is_made_than_is_asked_for() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    with Ahead(items(), depth=2) as ahead:
        next(ahead)
        time.sleep(0.05)
        assert len(made) <= 5
    assert readers() == 0
