import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.db import connection, transaction

from core import sequences
from tests.threads import together

NAME = "tests_number"
DAY = date(2026, 11, 21)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def sequence() -> Iterator[None]:
    make = sequences.create(NAME)
    with connection.cursor() as cursor:
        cursor.execute(str(make.sql))
        yield
        cursor.execute(str(make.reverse_sql))


def take(times: int) -> list[str]:
    return [sequences.next_number(NAME, prefix="S", on=DAY) for _ in range(times)]


def test_a_number_tells_kind_and_day() -> None:
    assert take(2) == ["S202611210000000001", "S202611210000000002"]


def test_numbers_taken_at_once_never_repeat() -> None:
    taken = [number for some in together(*[lambda: take(200)] * 4) for number in some]
    assert len(set(taken)) == 800
    assert all(re.fullmatch("S20261121[0-9]{10}", number) for number in taken)


def test_an_open_transaction_keeps_nobody_waiting() -> None:
    with transaction.atomic():
        first = take(1)
        assert together(lambda: take(1), seconds=5) == [["S202611210000000002"]]
        transaction.set_rollback(True)
    assert first + take(1) == ["S202611210000000001", "S202611210000000003"]
