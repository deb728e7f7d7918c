"""How far the month's bills are, on the status page."""

from datetime import date

import pytest

from hall.upkeep import bill_runs
from hall.upkeep.findings import BAD, OK, WARN
from tests.catalog.charging import build
from tests.catalog.offers import build as offers

pytestmark = pytest.mark.django_db


def tones(on: date) -> list[str]:
    return [each.tone for each in bill_runs.findings(build.noon(on))]


def test_without_holdings_nothing_is_missed() -> None:
    assert tones(date(2026, 11, 29)) == [OK, OK, OK]


@pytest.mark.parametrize(("day", "tone"), [(1, OK), (4, WARN), (11, BAD)])
def test_a_month_without_a_run_is_missed_after_days(day: int, tone: str) -> None:
    build.held(build.account(), build.basic())
    assert tones(date(2026, 11, day))[0] == tone


def test_a_complete_run_is_well() -> None:
    build.held(build.account(), build.basic())
    build.run("2026-10")
    assert tones(date(2026, 11, 18)) == [OK, OK, OK]


def test_a_run_with_failures_is_not() -> None:
    build.held(build.account(), offers.draft("never"))
    build.run("2026-10")
    assert tones(date(2026, 11, 18)) == [BAD, BAD, OK]
