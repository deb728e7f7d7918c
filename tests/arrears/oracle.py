"""Arrears told a second time, from docs/arrears.md alone: plain Python over plain values, one account, day by day.

Nothing of the room is imported: what this says and what the daily pass writes must agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)
# Days since the due date; after SUSPENDED since the suspension.
DAYS = {"REMINDED": -3, "OVERDUE": 1, "SUSPEND_WARNED": 23, "SUSPENDED": 31, "DISCONNECT_WARNED": 50}
ORDER = ("NONE", *DAYS)
LEAST_STAY = {"SUSPENDED": 8}  # days in the stage before; one where nothing is said
NOTICES = {
    "REMINDED": (("bill_due_soon", -3),),
    "OVERDUE": (("bill_overdue", 1),),
    "SUSPEND_WARNED": (("suspension_ahead", 23), ("suspension_tomorrow", 30)),
    "SUSPENDED": (("suspended", 31),),
    "DISCONNECT_WARNED": (("disconnection_ahead", 50), ("disconnection_tomorrow", 60)),
}
STOPPED_BY_A_DISPUTE = ("SUSPEND_WARNED", "SUSPENDED", "DISCONNECT_WARNED")
FLOOR = {"REMINDED": -3, "OVERDUE": 1, "SUSPEND_WARNED": 1, "SUSPENDED": 31, "DISCONNECT_WARNED": 31}
OFF = ("SUSPENDED", "DISCONNECT_WARNED")


class Debt(NamedTuple):
    """What is open of a bill on a day."""

    due_on: date
    cents: int
    is_disputed: bool = False


class Step(NamedTuple):
    on: date
    before: str
    after: str


@dataclass
class Account:
    """What must be so. Every notice goes out, and is proven sent, on the day on which it is due."""

    stage: str = "NONE"
    since: date = date.min
    suspended_on: date = date.max
    anchor: date = date.max  # the earliest unpaid due date when it came into its stage
    told: dict[str, date] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    notices: list[tuple[date, str]] = field(default_factory=list)
    ended_for: list[str] = field(default_factory=list)
    offs: list[list[date | None]] = field(default_factory=list)

    @property
    def is_off(self) -> bool:
        return self.stage in OFF

    def live(self, today: date, debts: Sequence[Debt], *, credit: int = 0) -> None:
        """One day goes by with these open bills."""
        counting = sorted(each for each in debts if not each.is_disputed)
        owed = sum(each.cents for each in counting) - credit
        due_on = _earliest(counting, credit)
        is_held = any(each.is_disputed for each in debts)
        if self.stage != "NONE" and self._is_over(today, owed, due_on):
            self._end(today, "DISPUTED" if owed <= 0 and is_held else "PAID")
        if owed <= 0:
            return
        self._step(today, due_on, is_held=is_held)
        self._tell(today, due_on, is_held=is_held)

    def _is_over(self, today: date, owed: int, due_on: date) -> bool:
        if owed <= 0:
            return True
        return due_on > self.anchor and today < due_on + FLOOR[self.stage] * DAY

    def _end(self, today: date, why: str) -> None:
        if self.is_off:
            self.offs[-1][1] = today
        self.steps.append(Step(today, self.stage, "NONE"))
        self.ended_for.append(why)
        self.stage, self.told = "NONE", {}

    def _step(self, today: date, due_on: date, *, is_held: bool) -> None:
        place = ORDER.index(self.stage) + 1
        if place == len(ORDER):
            return
        after = ORDER[place]
        counted_from = self.suspended_on if after == "DISCONNECT_WARNED" else due_on
        if today < counted_from + DAYS[after] * DAY or (is_held and after in STOPPED_BY_A_DISPUTE):
            return
        if self.stage != "NONE" and today < self.since + LEAST_STAY.get(after, 1) * DAY:
            return
        if after == "SUSPENDED" and not self._is_warned(today):
            return
        self.steps.append(Step(today, self.stage, after))
        self.stage, self.since, self.anchor = after, today, due_on
        if after == "SUSPENDED":
            self.suspended_on = today
            self.offs.append([today, None])

    def _is_warned(self, today: date) -> bool:
        """Seven days before, and again on an earlier day."""
        ahead, tomorrow = self.told.get("suspension_ahead"), self.told.get("suspension_tomorrow")
        return ahead is not None and tomorrow is not None and ahead + 7 * DAY <= today and tomorrow < today

    def _tell(self, today: date, due_on: date, *, is_held: bool) -> None:
        if is_held and self.stage in ("SUSPEND_WARNED", "DISCONNECT_WARNED"):
            return  # it would announce what does not come
        counted_from = self.suspended_on if self.stage == "DISCONNECT_WARNED" else due_on
        for code, days in NOTICES.get(self.stage, ()):
            late = self.since + (days - DAYS[self.stage]) * DAY
            if code not in self.told and today >= max(late, counted_from + days * DAY):
                self.told[code] = today
                self.notices.append((today, code))


def _earliest(counting: Sequence[Debt], credit: int) -> date:
    """Credit covers the oldest first."""
    for each in counting:
        credit -= each.cents
        if credit < 0:
            return each.due_on
    return date.max
