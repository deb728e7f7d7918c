"""Terms that are paid ahead: when each begins and ends.

Days off that cost nothing push the end of a paid term by as many days, so that a pause loses nothing that was paid.
"""

from collections.abc import Iterator
from datetime import date

from catalog.pricing.days import add_months
from catalog.pricing.stops import Span, spans
from catalog.pricing.types import Holding, Terms


def paid_until(holding: Holding, terms: Terms) -> date | None:
    """The first day that was not paid with the order, free days off added; None where nothing was paid ahead.

    date.max while the holding is off without an end: nobody knows yet.
    """
    if holding.paid_until is None:
        return None
    return _extended(holding.begins_on, holding.paid_until, spans(holding, terms)[0])


def paid_terms(holding: Holding, terms: Terms) -> Iterator[Span]:
    """Every term of a TERM holding, from its first day on; without end where it is renewed and does not end.

    The first is the one paid with the order (an imported holding without `paid_until` has its terms from its begin).
    """
    free = spans(holding, terms)[0]
    anchor, count = holding.begins_on, 1
    begins, due = anchor, holding.paid_until or add_months(anchor, terms.term_months)
    if holding.paid_until:
        anchor, count = holding.paid_until, 0
    while holding.ends_on is None or begins < holding.ends_on:
        ends = _extended(begins, due, free)
        yield begins, ends
        if ends == date.max or not (terms.is_renewed and terms.term_months):
            return
        if ends != due:
            anchor, count = (
                ends,
                0,
            )  # counted anew from the later day; else 31 January would drift to the 28th
        count += 1
        begins, due = ends, add_months(anchor, count * terms.term_months)


def running_term(holding: Holding, terms: Terms, day: date) -> Span | None:
    """The paid term that has this day; None where none has."""
    for begins, ends in paid_terms(holding, terms):
        if day < ends:
            return (begins, ends) if begins <= day else None
    return None


def _extended(begins: date, ends: date, free: list[Span]) -> date:
    for first, last in free:
        if first > ends:
            break
        if last == date.max:
            return date.max
        days = last - max(first, begins)
        if days.days > 0:
            ends += days
    return ends
