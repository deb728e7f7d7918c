"""What ending before the agreed day costs."""

from datetime import date

from catalog.pricing.days import whole_months
from catalog.pricing.held import Held
from catalog.pricing.lines import monthly_cents
from catalog.pricing.types import Holding, Line, Terms


def penalty_line(held: Held, holding: Holding, ends: date, on: date) -> list[Line]:
    """The penalty for ending on `ends` instead of going on, as the fee is on `on`; empty where nothing is due.

    Where an earlier end was agreed already, its penalty was agreed with it: only what is more is due now.
    """
    cents = penalty_cents(held, holding, ends, on)
    if cents and holding.ends_on is not None:
        cents -= penalty_cents(held, holding, holding.ends_on, on)
    if not cents:
        return []
    return [Line(f"{holding.offer}/PENALTY", holding.ref, holding.offer, "PENALTY", cents, ends, ends)]


def penalty_cents(held: Held, holding: Holding, ends: date, on: date) -> int:
    """Fen for ending on `ends`. Only whole months that are left count; the rest of a month is free."""
    terms = held.offers[holding.offer].terms
    if holding.committed_until is None or ends >= holding.committed_until:
        return 0
    if terms.penalty_kind == "FIXED":
        return terms.penalty_cents
    months = whole_months(ends, holding.committed_until)
    if terms.penalty_kind == "PER_MONTH":
        return months * terms.penalty_cents
    if terms.penalty_kind == "PERCENT":
        return _percent_of_fees(held, holding, terms, months, max(on, holding.begins_on))
    return 0


def _percent_of_fees(held: Held, holding: Holding, terms: Terms, months: int, day: date) -> int:
    """A percentage of what the remaining months would cost, at the fee of that day after discounts; half up."""
    whole = 100 * (terms.term_months if terms.cycle == "TERM" else 1)
    fees = monthly_cents(held, holding, day) * months
    return (2 * fees * terms.penalty_percent + whole) // (2 * whole)
