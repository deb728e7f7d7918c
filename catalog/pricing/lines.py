"""Prices turned into lines."""

from collections.abc import Iterator
from datetime import date

from catalog.pricing.ahead import paid_terms
from catalog.pricing.discounts import Asked, on_day, runs
from catalog.pricing.held import Held
from catalog.pricing.stretches import Stretch, stretches
from catalog.pricing.types import Holding, Line, Period


def month_lines(held: Held, holding: Holding, period: Period) -> Iterator[Line]:
    """The lines of one holding in a month: per stretch its price, then what is taken off it."""
    terms = held.offers[holding.offer].terms
    renewals = list(renewal_lines(held, holding, period)) if terms.cycle == "TERM" else []
    if not renewals:
        for stretch in stretches(held, holding, period):
            yield from _stretch_lines(held, holding, stretch, period.days)
    yield from renewals


def _stretch_lines(held: Held, holding: Holding, stretch: Stretch, month_days: int) -> Iterator[Line]:
    """The price of a stretch rounded once, and discounts so that what is left is the exact sum rounded once.

    Each discount is the difference of two rounded remainders: they add up to the fen however often the month is cut.
    """
    begins, ends, charge, cents, terminal = stretch
    rest = cents * (ends - begins).days  # in fen × days ÷ days of the month, exact
    amount = (2 * rest + month_days) // (2 * month_days)
    yield _line(holding, charge, amount, begins, ends, "", terminal)
    if not cents:
        return
    for run in runs(held, Asked(holding, charge, terminal, cents), begins, ends):
        days = (run.ends_on - run.begins_on).days
        for code, taken in run.reductions:
            rest -= taken * days
            left = (2 * rest + month_days) // (2 * month_days)
            if left != amount:
                yield _line(holding, charge, left - amount, run.begins_on, run.ends_on, code, terminal)
            amount = left


def renewal_lines(held: Held, holding: Holding, period: Period) -> Iterator[Line]:
    """The fee of each further term that begins in the period, and of a first one that was not paid with the order."""
    for begins, ends in paid_terms(holding, held.offers[holding.offer].terms):
        if begins >= period.ends_on:
            return
        if begins >= period.begins_on and (begins > holding.begins_on or holding.paid_until is None):
            yield from whole_lines(held, holding, "PERIOD", begins, ends)


def whole_lines(held: Held, holding: Holding, charge: str, day: date, ends: date) -> Iterator[Line]:
    """A fee that is due whole on `day`, a term's or a one-off, and what is taken off it that day. Raises NoPrice."""
    terminal = held.terminal(holding, day)
    cents = held.offers[holding.offer].amount(charge, day, terminal)
    yield _line(holding, charge, cents, day, ends, "", terminal)
    for code, taken in on_day(held, Asked(holding, charge, terminal, cents), day):
        yield _line(holding, charge, -taken, day, ends, code, terminal)


def monthly_cents(held: Held, holding: Holding, day: date) -> int:
    """What the holding costs per month (TERM: per term) on that day, discounts taken off, as if it were on."""
    return sum(line.amount_cents for line in whole_lines(held, holding, "PERIOD", day, day))


def _line(
    holding: Holding, charge: str, cents: int, begins: date, ends: date, rule: str, terminal: int
) -> Line:
    code = f"{holding.offer}/{charge}/{rule}" if rule else f"{holding.offer}/{charge}"
    return Line(code, holding.ref, holding.offer, charge, cents, begins, ends, rule, terminal)
