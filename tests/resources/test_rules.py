"""What is decided without asking anybody: when a lock ends, what a number looks like."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import rules

DIGITS = st.text("0123456789", min_size=3, max_size=11)


@pytest.mark.parametrize(
    ("taken_back", "months", "free_on"),
    [
        (date(2026, 5, 18), 6, date(2026, 11, 19)),
        (date(2026, 8, 31), 6, date(2027, 3, 1)),  # there is no 31 February: its last day is the 28th
        (date(2027, 8, 31), 6, date(2028, 3, 1)),  # 29 February 2028 is the last day
        (date(2028, 2, 29), 6, date(2028, 8, 30)),
        (date(2028, 2, 29), 12, date(2029, 3, 1)),
        (date(2026, 12, 31), 6, date(2027, 7, 1)),
        (date(2026, 11, 30), 3, date(2027, 3, 1)),
        (date(2026, 5, 18), 0, date(2026, 5, 19)),
    ],
)
def test_a_number_is_free_the_day_after_so_many_calendar_months(
    taken_back: date, months: int, free_on: date
) -> None:
    assert rules.free_again_on(taken_back, months) == free_on


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(0, rules.MOST_MONTHS))
def test_a_lock_is_as_long_as_its_months_and_never_skips_one(day: date, months: int) -> None:
    last = rules.free_again_on(day, months) - timedelta(days=1)
    assert (last.year - day.year) * 12 + last.month - day.month == months
    assert last.day == day.day or (last + timedelta(days=1)).day == 1


@given(st.dates(date(2000, 1, 1), date(2099, 12, 30)), st.integers(0, 24))
def test_who_is_taken_back_later_is_never_free_earlier(day: date, months: int) -> None:
    assert rules.free_again_on(day, months) <= rules.free_again_on(day + timedelta(days=1), months)


@pytest.mark.parametrize(
    ("digits", "has"),
    [
        ("13856708888", {"AA", "AAA", "AAAA", "NO4"}),
        ("13845671122", {"AA", "AABB"}),
        ("13856706868", {"ABAB", "NO4"}),
        ("13856706789", {"ABC", "ABCD", "NO4"}),
        ("13856709876", {"ABC", "ABCD", "NO4"}),
        ("13856700345", {"ABC"}),
        ("13856701111", {"AA", "AAA", "AAAA", "NO4"}),
        ("13856702580", {"NO4"}),
        ("120", {"NO4"}),
    ],
)
def test_the_patterns_of_a_number(digits: str, has: set[str]) -> None:
    assert set(rules.patterns(digits)) == has


@given(DIGITS, DIGITS)
def test_a_number_has_the_marks_of_every_part_of_it(digits: str, part: str) -> None:
    found = set(rules.marks_of_part(part)) <= set(rules.marks(digits))
    if part in digits:
        assert found
    elif len(part) in rules.PARTS:
        assert not found


def test_more_than_was_sent_cannot_arrive() -> None:
    assert rules.pieces_missing(5, 3) == 2
    assert rules.pieces_missing(5, 5) == 0
    for arrived in (6, -1):
        with pytest.raises(ValueError, match="more arrived"):
            rules.pieces_missing(5, arrived)
