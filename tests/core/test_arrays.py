from datetime import UTC, date, datetime

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from core import arrays


def back(literal: str, kind: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [literal])
        return list(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [[], [""], ["NULL", "null", None], ["{", "}", ",", " a b ", '"', "\\", "\\'", "\n\t", "%s", "号"]],
)
def test_texts_come_back_as_they_were(values: list[str | None]) -> None:
    assert back(arrays.texts(values), "text") == values


@pytest.mark.django_db
def test_numbers_and_days_come_back_as_they_were() -> None:
    assert back(arrays.ints([3, None, -1, 2**62]), "bigint") == [3, None, -1, 2**62]
    assert back(arrays.ints([]), "bigint") == []
    assert back(arrays.dates([date(2024, 2, 29), None]), "date") == [date(2024, 2, 29), None]
    at = datetime(2026, 1, 1, 3, 4, 5, 678901, tzinfo=UTC)
    assert back(arrays.dates([at]), "timestamptz") == [at]


class AnyText(TestCase):
    @given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
    def test_any_text_comes_back(self, values: list[str | None]) -> None:
        assert back(arrays.texts(values), "text") == values
