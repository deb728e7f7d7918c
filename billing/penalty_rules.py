"""The late-payment penalty (违约金) of one bill: simple interest per day on the principal that is not paid.

Telecom regulation (2016) art. 34 speaks of a rate per day on what is owed and of no compounding. Days are local dates:
a bill due on the 4th and paid on the 13th is nine days late, and each of the nine counts with what was owed on it.
The sum is exact and rounded once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from core import money

_DAY = timedelta(days=1)
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """What a day of delay costs while the policy is in force: [active_from, active_to)."""

    daily_rate_ppm: int  # parts of a million of the principal
    grace_days: int  # a bill that is late by no more days costs nothing
    cap_percent: int  # of the principal that was late
    active_from: date
    active_to: date | None  # None: open end

    def holds_on(self, day: date) -> bool:
        return self.active_from <= day and (self.active_to is None or day < self.active_to)


@dataclass(frozen=True, slots=True)
class Change:
    """The principal changes by `cents` (below zero: paid) from the end of the day `on`."""

    on: date
    cents: int


@dataclass(frozen=True, slots=True)
class Period:
    """Days on which one principal was late at one rate; both ends included."""

    principal_cents: int
    first: date
    last: date
    rate_ppm: int

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def exact_cents(self) -> Fraction:
        return Fraction(self.principal_cents * self.rate_ppm * self.days, _MILLION)


@dataclass(frozen=True, slots=True)
class Computed:
    """A penalty and how it comes about. `cents` = the periods' sum rounded half up, at most `cap_cents`."""

    periods: tuple[Period, ...]
    cents: int
    cap_cents: int


NOTHING = Computed((), 0, 0)


def compute(
    *, principal_cents: int, due_on: date, changes: Sequence[Change], policies: Sequence[Policy], until: date
) -> Computed:
    """The penalty on a bill of that principal for the days after `due_on` up to and including `until`.

    `policies`: those that matter come first; the first that holds on a day counts for that day.
    """
    late = [change for change in sorted(changes, key=lambda change: change.on) if change.on > due_on]
    at_due = principal_cents + sum(change.cents for change in changes) - sum(change.cents for change in late)
    first_policy = _holding(policies, due_on + _DAY)
    if until <= due_on or (first_policy and (until - due_on).days <= first_policy.grace_days):
        return NOTHING
    periods = tuple(_periods(at_due, due_on + _DAY, until, late, policies))
    if not periods:
        return NOTHING
    last_policy = _holding(policies, periods[-1].last)
    highest = max(period.principal_cents for period in periods)
    cap = money.round_half_up(Fraction(highest * (last_policy.cap_percent if last_policy else 0), 100))
    exact = sum((period.exact_cents for period in periods), Fraction(0))
    return Computed(periods, min(money.round_half_up(exact), cap), cap)


def paid_off(
    *, principal_cents: int, due_on: date, changes: Sequence[Change], policies: Sequence[Policy], on: date
) -> Computed:
    """The penalty on the bill once all that is still owed of it is paid on the day `on`.

    That day may lie before changes that are known already: money counts from when it came, however late we hear of
    it. What was paid later then stays late until its own day.
    """
    rest = principal_cents + sum(change.cents for change in changes)
    known = [*changes, Change(on, -rest)]
    until = max(due_on, _last_owed(principal_cents, known))
    return compute(
        principal_cents=principal_cents, due_on=due_on, changes=known, policies=policies, until=until
    )


def _last_owed(principal: int, changes: Iterable[Change]) -> date:
    """The last day on which something was owed; the earliest possible one when nothing ever was."""
    steps: dict[date, int] = {}
    for change in changes:
        steps[change.on] = steps.get(change.on, 0) + change.cents
    last = date.min
    for day in sorted(steps):
        if principal > 0:
            last = day
        principal += steps[day]
    return last


def _periods(
    principal: int, first: date, until: date, late: Sequence[Change], policies: Sequence[Policy]
) -> Iterator[Period]:
    """The days from `first` to `until`, cut where principal or rate changes; days that cost nothing are left out."""
    steps: dict[date, int] = {}
    for change in late:
        steps[change.on + _DAY] = steps.get(change.on + _DAY, 0) + change.cents
    borders = {first, *steps, *_borders(policies)}
    starts = sorted(day for day in borders if first <= day <= until)
    for start, following in zip(starts, [*starts[1:], until + _DAY], strict=True):
        principal += steps.get(start, 0)
        policy = _holding(policies, start)
        if principal > 0 and policy and policy.daily_rate_ppm:
            yield Period(principal, start, following - _DAY, policy.daily_rate_ppm)


def _borders(policies: Iterable[Policy]) -> Iterator[date]:
    for policy in policies:
        yield policy.active_from
        if policy.active_to:
            yield policy.active_to


def _holding(policies: Sequence[Policy], day: date) -> Policy | None:
    return next((policy for policy in policies if policy.holds_on(day)), None)
