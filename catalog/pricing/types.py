"""The plain values that the pricing function reads and writes. No rows, no clock: the same facts give the same lines.

Days are local dates, intervals half-open `[begins_on, ends_on)` with None for an open end, money whole fen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

Key = tuple[str, str]  # (offer code, charge)


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month: `begins_on` is its first day, `ends_on` the first day of the next."""

    begins_on: date
    ends_on: date

    @classmethod
    def of(cls, code: str) -> Self:
        """The month that "2026-11" names. ValueError for anything else."""
        return cls.containing(date.fromisoformat(f"{code}-01"))

    @classmethod
    def containing(cls, day: date) -> Self:
        first = day.replace(day=1)
        turns = first.month == 12
        return cls(first, date(first.year + turns, 1 if turns else first.month + 1, 1))

    @property
    def code(self) -> str:
        return self.begins_on.isoformat()[:7]

    @property
    def days(self) -> int:
        return (self.ends_on - self.begins_on).days

    def __post_init__(self) -> None:
        if self.begins_on.day != 1 or not 28 <= self.days <= 31 or self.ends_on.day != 1:
            raise ValueError(f"{self.begins_on} to {self.ends_on} is not a month")


@dataclass(frozen=True, slots=True)
class Stop:
    """A holding is off from day to day, for one reason (a value of SuspensionReason)."""

    reason: str
    begins_on: date
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account pays for. `ref` is the subscription's number; a change's new ones have the ref "new:<offer>"."""

    ref: str
    offer: str
    begins_on: date
    ends_on: date | None = None
    committed_until: date | None = None  # first day on which ending costs nothing; None: no lock-in
    paid_until: date | None = (
        None  # end of what was paid with the order; None: nothing was. Renewals do not move it
    )
    place: str = ""  # terminals at one place are counted together: the installation address's account
    stops: tuple[
        Stop, ...
    ] = ()  # where a term is paid ahead all since its begin, else those of the month are enough
    since: date | None = None  # begin of the first holding that it follows; None: it follows none
    first_ref: str = ""  # the ref of that first holding; empty: it follows none
    is_returnable: bool = False  # ordered anew, or turned from what was; never in a month's bill
    first_term_cents: int | None = None  # what its order's bill said for the first term; None: not known
    run_term_cents: int | None = (
        None  # what a month's bill said for the term that runs now; None: none did yet
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """The conditions of an offer that decide what it costs; values as in catalog.choices."""

    offer: str
    type: str
    cycle: str = "MONTHLY"
    term_months: int = 0
    is_renewed: bool = False  # TERM: a further term begins where one ends
    penalty_kind: str = "NONE"
    penalty_percent: int = 0
    penalty_cents: int = 0
    is_per_terminal: bool = False
    group: str = ""
    change_effect: str = "MONTH_END"
    cancel_effect: str = "MONTH_END"
    return_days: int = 0
    gives_back_rest: bool = True  # what was paid ahead and is not used, when it is ended before its time
    while_paused: str = "NONE"
    while_in_arrears: str = "NONE"
    while_checked: str = "NONE"
    upgrades_to: frozenset[str] = frozenset()
    downgrades_to: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()  # all of them; of those in one group, one
    must_buy: frozenset[str] = frozenset()  # likewise, but offered to be ordered together
    excludes: frozenset[str] = frozenset()  # whichever of the two names the other
    most_per_account: int = 1


@dataclass(frozen=True, slots=True)
class Rate:
    """A version of a price, for the 1st, 2nd, 3rd … terminal; those beyond stay at the last or start over."""

    amounts_cents: tuple[int, ...]
    begins_on: date
    ends_on: date | None = None
    starts_over: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A published discount. Empty conditions hold for everybody; `value` is the percent to pay, or fen."""

    code: str
    charge: str
    effect: str  # PERCENT | MINUS | FIXED
    value: int
    begins_on: date
    ends_on: date | None = None
    floor_cents: int = 0
    offers: frozenset[str] = frozenset()  # with `types`: either is enough
    types: frozenset[str] = frozenset()
    with_offers: frozenset[str] = frozenset()
    terminals: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    is_for_new: bool = False
    months: int = 0
    priority: int = 0
    is_exclusive: bool = False


@dataclass(frozen=True, slots=True)
class PriceException:
    """This account pays `amount_cents` instead of the price; no rule applies to it."""

    offer: str
    charge: str
    amount_cents: int
    begins_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Customer:
    """The facts about who pays that prices depend on, as of the last day of what is priced."""

    kind: str = "PERSONAL"
    tier: str = ""
    segments: frozenset[str] = frozenset()
    exceptions: tuple[PriceException, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Everything that is published for one region and kind of customer: the nearest price won already.

    `rates` are in order of time and do not overlap. `rules` are all of the region's.
    """

    terms: Mapping[str, Terms]
    rates: Mapping[Key, tuple[Rate, ...]]
    rules: tuple[Rule, ...] = ()
    # What catalog.pricing.prepared computes once from the rest, on first use. A book is never changed: make another.
    prepared: list[object] = field(default_factory=list, init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What the customer asks for on a day: offers to add, holdings to end, holdings to turn into another offer."""

    on: date
    add: tuple[str, ...] = ()
    end: tuple[str, ...] = ()  # refs
    turn: Mapping[str, str] = field(default_factory=dict)  # ref → offer code
    place: str = ""  # of what is added


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill or a quote. `code` is "<offer>/<charge>" or "<offer>/<charge>/<rule>" (then negative),

    "<offer>/PENALTY" for ending early. `begins_on`, `ends_on`: the days that it is for; equal for a one-off.
    """

    code: str
    ref: str  # the holding's
    offer: str
    charge: str  # PERIOD | ONCE | PAUSE | PENALTY
    amount_cents: int
    begins_on: date
    ends_on: date
    rule: str = ""  # the discount's code, or "EXCEPTION"; empty: the price itself
    terminal: int = 1


@dataclass(frozen=True, slots=True)
class Charges:
    """What a change (or none) costs: `now` with the order, `month` on the month's bill; and what is held then."""

    now: tuple[Line, ...]
    month: tuple[Line, ...]
    holdings: tuple[Holding, ...]

    @property
    def now_cents(self) -> int:
        return sum(line.amount_cents for line in self.now)

    @property
    def month_cents(self) -> int:
        return sum(line.amount_cents for line in self.month)
