"""The arithmetic of penalties: exact, simple interest, rounded once."""

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.penalty_rules import NOTHING, Change, Computed, Period, Policy, compute, paid_off
from core import money

DUE = date(2026, 3, 4)
LAW = Policy(3000, 0, 100, date(2026, 1, 1), None)


def penalty(
    *changes: Change, until: date, principal: int = 2600, policies: tuple[Policy, ...] = (LAW,)
) -> Computed:
    return compute(principal_cents=principal, due_on=DUE, changes=changes, policies=policies, until=until)


def test_the_example_of_the_law() -> None:
    """26.00 due 2026-03-04, paid 2026-04-13: 40 days late, 26.00 × 0.003 × 40 = 3.12."""
    found = penalty(until=date(2026, 4, 13))
    assert found == Computed((Period(2600, date(2026, 3, 5), date(2026, 4, 13), 3000),), 312, 2600)
    assert found.periods[0].days == 40


def test_in_time_costs_nothing() -> None:
    assert penalty(until=DUE) == NOTHING
    assert penalty(Change(DUE, -2600), until=date(2026, 9, 1)) == NOTHING
    assert penalty(until=DUE + timedelta(days=1)).cents == 8  # 7.8 fen


def test_part_payments_split_the_period() -> None:
    found = penalty(Change(date(2026, 3, 14), -1600), until=date(2026, 3, 24))
    assert [(one.principal_cents, one.days) for one in found.periods] == [(2600, 10), (1000, 10)]
    assert found.cents == 108  # 78 + 30


def test_the_sum_is_rounded_once() -> None:
    """Each day alone would be 0.6 fen, rounded up to 1: ten days are 6 fen, not 10."""
    assert penalty(principal=200, until=DUE + timedelta(days=10)).cents == 6
    assert (
        penalty(Change(DUE + timedelta(days=1), -83), principal=250, until=DUE + timedelta(days=2)).cents == 1
    )


def test_a_half_is_rounded_up() -> None:
    assert penalty(principal=500, until=DUE + timedelta(days=1)).cents == 2  # 1.5


def test_a_bill_opened_again_costs_from_then_on() -> None:
    paid, reopened = date(2026, 3, 10), date(2026, 5, 1)
    found = penalty(Change(paid, -2600), Change(reopened, 2600), until=date(2026, 5, 11))
    assert [(one.first, one.last) for one in found.periods] == [
        (date(2026, 3, 5), paid),
        (date(2026, 5, 2), date(2026, 5, 11)),
    ]
    assert found.cents == money.round_half_up(Fraction(2600 * 3 * 16, 1000))


def test_paid_before_the_due_date_and_opened_again_later() -> None:
    found = penalty(Change(DUE, -2600), Change(date(2026, 4, 1), 2600), until=date(2026, 4, 2))
    assert [(one.principal_cents, one.first, one.days) for one in found.periods] == [
        (2600, date(2026, 4, 2), 1)
    ]


def test_the_cap() -> None:
    found = penalty(until=DUE + timedelta(days=3650))
    assert (found.cents, found.cap_cents) == (2600, 2600)
    half = Policy(3000, 0, 50, date(2026, 1, 1), None)
    assert penalty(until=DUE + timedelta(days=3650), policies=(half,)).cents == 1300


def test_another_policy_from_a_day_on() -> None:
    newer = Policy(1000, 0, 100, date(2026, 3, 15), date(2026, 3, 20))
    found = penalty(until=date(2026, 3, 24), policies=(newer, LAW))
    assert [(one.days, one.rate_ppm) for one in found.periods] == [(10, 3000), (5, 1000), (5, 3000)]
    assert found.cents == money.round_half_up(Fraction(2600 * (30 + 5 + 15), 1000))


def test_days_before_any_policy_cost_nothing() -> None:
    late = Policy(3000, 0, 100, date(2026, 3, 10), None)
    assert penalty(until=date(2026, 3, 9), policies=(late,)) == NOTHING
    assert penalty(until=date(2026, 3, 10), policies=(late,)).periods[0].days == 1
    assert penalty(until=date(2026, 3, 10), policies=()) == NOTHING


def test_grace_is_all_or_nothing() -> None:
    graceful = Policy(3000, 5, 100, date(2026, 1, 1), None)
    assert penalty(until=DUE + timedelta(days=5), policies=(graceful,)) == NOTHING
    assert penalty(until=DUE + timedelta(days=6), policies=(graceful,)).periods[0].days == 6


days = st.integers(min_value=-40, max_value=400)


@given(
    principal=st.integers(0, 10**8),
    parts=st.lists(st.tuples(days, st.integers(1, 100)), max_size=6),
    until=days,
)
def test_it_is_the_sum_over_the_days(principal: int, parts: list[tuple[int, int]], until: int) -> None:
    """Cut into periods or counted day by day, the exact sum is the same."""
    left, changes = principal, []
    for day, percent in parts:
        paid = left * percent // 100
        changes.append(Change(DUE + timedelta(days=day), -paid))
        left -= paid
    found = penalty(*changes, principal=principal, until=DUE + timedelta(days=until))
    exact = Fraction(0)
    for n in range(1, until + 1):
        counted = DUE + timedelta(days=n)
        owed = principal + sum(change.cents for change in changes if change.on < counted)
        exact += Fraction(owed * 3, 1000)
    assert sum((one.exact_cents for one in found.periods), Fraction(0)) == exact
    assert found.cents == min(money.round_half_up(exact), found.cap_cents)
    assert sum(one.days for one in found.periods) <= max(0, until)


@given(until=st.integers(0, 300), more=st.integers(0, 50))
def test_it_never_falls_with_time(until: int, more: int) -> None:
    early, late = (penalty(until=DUE + timedelta(days=n)).cents for n in (until, until + more))
    assert early <= late


def closed(
    *changes: Change, on: date, principal: int = 2600, policies: tuple[Policy, ...] = (LAW,)
) -> Computed:
    return paid_off(principal_cents=principal, due_on=DUE, changes=changes, policies=policies, on=on)


def test_paying_the_rest_from_an_earlier_day_leaves_the_part_that_came_later_late() -> None:
    found = closed(Change(date(2026, 4, 13), -1000), on=date(2026, 3, 14))
    assert [(one.principal_cents, one.days) for one in found.periods] == [(2600, 10), (1000, 30)]
    assert found.cents == 168  # 78 + 90
    assert closed(Change(date(2026, 4, 13), -1000), on=DUE).cents == 120  # 1000 for 40 days


def test_what_was_paid_off_in_the_days_of_grace_costs_nothing_however_late_it_is_asked() -> None:
    graceful = Policy(3000, 5, 100, date(2026, 1, 1), None)
    in_time = Change(DUE + timedelta(days=4), -2600)
    assert closed(in_time, on=date(2026, 9, 1), policies=(graceful,)) == NOTHING
    again = Change(date(2026, 9, 1), 2600), Change(date(2026, 9, 1), -2600)  # opened and paid on one day
    assert closed(in_time, *again, on=date(2026, 9, 2), policies=(graceful,)) == NOTHING


@given(parts=st.lists(st.tuples(days, st.integers(1, 10**6)), min_size=1, max_size=6), data=st.data())
def test_in_which_order_we_hear_of_payments_changes_nothing(
    parts: list[tuple[int, int]], data: st.DataObject
) -> None:
    changes = [Change(DUE + timedelta(days=day), -cents) for day, cents in parts]
    principal = sum(cents for _day, cents in parts)
    heard_last = data.draw(st.integers(0, len(parts) - 1))
    others = [change for n, change in enumerate(changes) if n != heard_last]
    found = closed(*others, on=changes[heard_last].on, principal=principal)
    assert found == penalty(*changes, principal=principal, until=max(change.on for change in changes))
