from datetime import UTC, date, datetime, timedelta

import pytest

from core import clock


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_clock_stands_still_inside_the_block_only(as_of: datetime) -> None:
    with clock.stopped(as_of):
        assert clock.now() == as_of
        with clock.stopped(as_of + timedelta(days=1)):
            assert clock.now() == as_of + timedelta(days=1)
        assert clock.now() == as_of
    assert clock.now() != as_of


def test_a_clock_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"), clock.stopped(datetime(2026, 1, 1)):  # noqa: DTZ001
        pass


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 18, 15, 59, 59, tzinfo=UTC), date(2026, 11, 18)),
        (datetime(2026, 11, 18, 16, 0, tzinfo=UTC), date(2026, 11, 19)),
    ],
)
def test_the_day_changes_at_midnight_in_shanghai(at: datetime, day: date) -> None:
    assert clock.local_date(at) == day
