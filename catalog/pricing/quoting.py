"""The one pricing function."""

from collections.abc import Sequence

from catalog.pricing.changing import apply
from catalog.pricing.held import Held
from catalog.pricing.lines import month_lines
from catalog.pricing.types import Change, Charges, Customer, Holding, Line, Period, PriceBook


def charges(
    *, holdings: Sequence[Holding], change: Change | None, customer: Customer, book: PriceBook, period: Period
) -> Charges:
    """What the order of `change` costs at once, what `period` costs after it, and what is held then.

    Preview, order and bill run call this and nothing else: the month of a change is the month of the holdings that it
    leaves, `charges(change) == charges(its holdings)`. The order of `holdings` does not matter. Lines at 0 are kept, so
    that everything held is seen; a bill leaves them out. Neither a holding nor the month is ever below 0.
    Raises a PricingError for what cannot be priced.
    """
    if change is None:
        held = Held(holdings, customer, book)
        return Charges((), _month(held, period), held.holdings)
    applied = apply(holdings, change, customer, book)
    return Charges(applied.now, _month(applied.held, period), applied.held.holdings)


def _month(held: Held, period: Period) -> tuple[Line, ...]:
    return tuple(line for holding in held.holdings for line in month_lines(held, holding, period))
