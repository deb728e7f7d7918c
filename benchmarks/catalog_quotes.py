"""How many quotes a second one core gives: `python -m benchmarks.catalog_quotes`. No database, no Django.

Three holdings, a change, and a book of 200 rows: 60 offers with two versions of their fee and a set-up fee each, and
20 rules. The clock counts the processor's time, so that a busy machine does not change the figure.
"""

from collections.abc import Sequence
from datetime import date
from statistics import median
from time import process_time

from catalog.pricing import charges
from catalog.pricing.types import Change, Customer, Holding, Key, Period, PriceBook, Rate, Rule, Terms

ROUNDS = 5
QUOTES = 2000
ALWAYS, THIS_YEAR = date(2020, 1, 1), date(2026, 1, 1)
NOVEMBER = Period.of("2026-11")
CUSTOMER = Customer(tier="GOLD")
HOLDINGS = (
    Holding("S1", "offer-1", date(2024, 1, 1)),  # a terminal
    Holding("S2", "offer-3", date(2024, 5, 1), committed_until=date(2027, 5, 1)),
    Holding("S3", "offer-4", date(2025, 1, 9)),  # the second terminal
)
CHANGES: dict[str, Change | None] = {
    "add": Change(on=date(2026, 11, 13), add=("offer-9",)),
    "upgrade": Change(on=date(2026, 11, 13), turn={"S2": "offer-6"}),
    "month": None,
}


def book() -> PriceBook:
    """60 offers × 3 prices + 20 rules = 200 rows."""
    codes = [f"offer-{number}" for number in range(60)]
    rates: dict[Key, tuple[Rate, ...]] = {}
    for code in codes:
        rates[code, "PERIOD"] = (Rate((2600, 500), ALWAYS, THIS_YEAR), Rate((2800, 500), THIS_YEAR))
        rates[code, "ONCE"] = (Rate((10000,), ALWAYS),)
    rules = tuple(
        Rule(
            code=f"rule-{number}",
            charge="PERIOD",
            effect="PERCENT",
            value=80,
            begins_on=THIS_YEAR,
            offers=frozenset({codes[number], codes[number + 3]}),
            with_offers=frozenset({"offer-3"} if number % 2 else ()),
            tiers=frozenset({"GOLD"} if number % 3 else ()),
        )
        for number in range(20)
    )
    return PriceBook({code: _terms(number, code) for number, code in enumerate(codes)}, rates, rules)


def _terms(number: int, code: str) -> Terms:
    return Terms(
        offer=code,
        type="net" if number % 3 == 0 else "tv",
        is_per_terminal=number % 3 == 1,
        upgrades_to=frozenset({f"offer-{number + 3}"}),
    )


def per_second(
    prices: PriceBook,
    change: Change | None,
    holdings: Sequence[Holding] = HOLDINGS,
    *,
    count: int = QUOTES,
) -> float:
    """Quotes a second, the median of the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begun = process_time()
        for _ in range(count):
            charges(holdings=holdings, change=change, customer=CUSTOMER, book=prices, period=NOVEMBER)
        rounds.append(count / (process_time() - begun))
    return median(rounds)


def main() -> None:
    prices = book()
    for name, change in CHANGES.items():
        print(f"{name:10} {per_second(prices, change):10,.0f} quotes/s   (goal 5,000)")


if __name__ == "__main__":
    main()
