"""What is done about a bill under a debit agreement, day by day."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from billing import debit_rules
from billing.debit_rules import Facts, Step

DUE = date(2026, 11, 30)
NEW = Facts(due_on=DUE, open_cents=2600, max_cents=50_000, is_disputed=False)
TOLD = replace(NEW, announced_cents=2600, debit_on=DUE)
TRIED = replace(TOLD, tries=1, last_tried_on=DUE)


def on(facts: Facts, days: int) -> Step:
    return debit_rules.step(facts, today=DUE + timedelta(days=days), notice_days=3)


@pytest.mark.parametrize(
    ("facts", "days", "step"),
    [
        (NEW, -4, Step.NOTHING),
        (NEW, -3, Step.ANNOUNCE),
        (NEW, 10, Step.ANNOUNCE),
        (TOLD, -1, Step.NOTHING),
        (TOLD, 0, Step.DEBIT),
        (TOLD, 5, Step.DEBIT),
        (TRIED, 1, Step.NOTHING),
        (TRIED, 2, Step.DEBIT),
        (replace(TRIED, tries=2), 2, Step.DEBIT),
        (replace(TRIED, tries=3), 9, Step.NOTHING),
        (replace(TRIED, is_undecided=True), 9, Step.NOTHING),
        (replace(TOLD, announced_cents=50_001), 9, Step.NOTHING),
        (replace(TOLD, announced_cents=50_000), 9, Step.DEBIT),
    ],
)
def test_step(facts: Facts, days: int, step: Step) -> None:
    assert on(facts, days) == step


@pytest.mark.parametrize("facts", [NEW, TOLD, TRIED])
@pytest.mark.parametrize("changes", [{"is_disputed": True}, {"open_cents": 0}, {"open_cents": -1}])
def test_what_is_disputed_or_paid_is_left_alone(facts: Facts, changes: dict[str, Any]) -> None:
    assert [on(replace(facts, **changes), days) for days in range(-5, 10)] == [Step.NOTHING] * 15


@pytest.mark.parametrize(
    ("open_cents", "announced", "maximum", "cents"),
    [
        (2600, 2600, 50_000, 2600),
        (600, 2600, 50_000, 600),
        (9900, 2600, 50_000, 2600),
        (2600, 2600, 100, 100),
    ],
)
def test_never_more_than_owed_announced_or_allowed(
    open_cents: int, announced: int, maximum: int, cents: int
) -> None:
    facts = replace(TOLD, open_cents=open_cents, announced_cents=announced, max_cents=maximum)
    assert debit_rules.amount(facts) == cents


def test_the_day_is_never_sooner_than_promised() -> None:
    assert debit_rules.debit_on(DUE, today=DUE - timedelta(days=3), notice_days=3) == DUE
    assert debit_rules.debit_on(DUE, today=DUE, notice_days=3) == date(2026, 12, 3)


def test_two_more_tries() -> None:
    days = [debit_rules.retry_on(DUE, number=number) for number in (1, 2, 3)]
    assert days == [date(2026, 12, 2), date(2026, 12, 2), None]
