"""What a month's bill asks for. Pure: no ORM, no clock, no settings."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from catalog.pricing.types import Customer, Holding, Line, Period, PriceBook


@dataclass(frozen=True, slots=True)
class Place:
    """Whose prices: the region and kind of customer that choose the book."""

    region_id: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the charge of one account for one month depends on."""

    account_id: int
    period: Period
    holdings: tuple[Holding, ...]
    customer: Customer
    place: Place
    book: PriceBook


@dataclass(frozen=True, slots=True)
class Charged:
    """A month as it was charged: the newest revision, or none yet (-1, without lines)."""

    revision: int = -1
    lines: tuple[Line, ...] = ()
    place: Place | None = None  # None: not charged yet


NEVER = Charged()


@dataclass(frozen=True, slots=True)
class Correction:
    """A month computed again. `lines` are the difference: what was charged negated, and what should have been."""

    period: str
    revision: int  # the new one
    place: Place
    whole: tuple[Line, ...]  # the month as it should have been
    lines: tuple[Line, ...]

    @property
    def cents(self) -> int:
        return sum(line.amount_cents for line in self.lines)


@dataclass(frozen=True, slots=True)
class NextBill:
    """What the bill of a month says: the month, corrections of earlier ones, and what is carried to and fro."""

    month: tuple[Line, ...]
    corrections: tuple[Correction, ...] = ()
    taken_cents: int = 0  # carried forward to this bill, to the customer's good
    forward_cents: int = 0  # what this bill cannot give back: carried on

    @property
    def month_cents(self) -> int:
        return sum(line.amount_cents for line in self.month)

    @property
    def total_cents(self) -> int:
        """Never below zero."""
        corrected = sum(correction.cents for correction in self.corrections)
        return self.month_cents + corrected - self.taken_cents + self.forward_cents

    @property
    def has_lines(self) -> bool:
        """Whether there is anything to bill; lines at 0 are not."""
        return any(line.amount_cents for line in self.month) or any(
            line.amount_cents for correction in self.corrections for line in correction.lines
        )


def difference(before: Iterable[Line], now: Iterable[Line]) -> tuple[Line, ...]:
    """What was charged and is wrong, negated; then what is missing. Equal lines, and lines at 0, are left out."""
    old, new = Counter(_charged(before)), Counter(_charged(now))
    back = [replace(line, amount_cents=-line.amount_cents) for line in (old - new).elements()]
    return (*back, *(new - old).elements())


def next_bill(
    month: Sequence[Line], *, corrections: Sequence[Correction] = (), carried_cents: int = 0
) -> NextBill:
    """What was carried forward is taken off; what then is below zero is carried on.

    Where nothing is billed at all, what was carried waits for the next bill.
    """
    found = NextBill(tuple(month), tuple(corrections))
    if not found.has_lines:
        return found
    rest = found.total_cents - carried_cents
    return replace(found, taken_cents=carried_cents, forward_cents=max(0, -rest))


def is_over(period: Period, today: date) -> bool:
    """Whether the month can be billed: its last day has passed."""
    return period.ends_on <= today


def months_between(first: date, today: date) -> list[str]:
    """The months that are over, from that day's on."""
    found, period = [], Period.containing(first)
    while is_over(period, today):
        found.append(period.code)
        period = Period.containing(period.ends_on)
    return found


def before(period: Period) -> Period:
    """The month before."""
    return Period.containing(date.fromordinal(period.begins_on.toordinal() - 1))


def _charged(lines: Iterable[Line]) -> Iterable[Line]:
    return (line for line in lines if line.amount_cents)
