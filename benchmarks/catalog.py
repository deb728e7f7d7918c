"""`script/bench catalog`: ordering, quoting, and the bill run of a month, against their yardsticks."""

from collections.abc import Callable
from functools import partial

from benchmarks import catalog_quotes, state
from benchmarks.bill_runs import bill_run
from benchmarks.harness import Sheet
from benchmarks.orders import order

TINY = "tiny"  # everything with a few orders and accounts; the figures mean nothing
Part = Callable[[Sheet], None]


def quotes(sheet: Sheet, *, count: int = catalog_quotes.QUOTES) -> None:
    """The pricing function alone: three holdings, a change, a book of 200 rows."""
    book = catalog_quotes.book()
    rates = {
        name: catalog_quotes.per_second(book, change, count=count)
        for name, change in catalog_quotes.CHANGES.items()
    }
    told = ", ".join(f"{name} {found:,.0f}" for name, found in rates.items())
    sheet.at_least("quotes_per_s", min(rates.values()), 5_000, f"the slowest of: {told}")


PARTS: dict[str, Part] = {"order": order, "quotes": quotes, "run": bill_run}
SMALL: dict[str, Part] = {
    "order": partial(order, ours=3, theirs=2),
    "quotes": partial(quotes, count=50),
    "run": partial(bill_run, few=20, many=60),
}


def run(arguments: list[str]) -> bool:
    """All parts, or those named: order, quotes, run; `tiny` tries them out. False: a figure is missing."""
    is_tiny = TINY in arguments
    sheet = Sheet("catalog-tiny" if is_tiny else "catalog")
    known = SMALL if is_tiny else PARTS
    parts = [known[name] for name in [each for each in arguments if each != TINY] or known]
    for part in parts:
        state.settle()
        part(sheet)
    return sheet.show()
