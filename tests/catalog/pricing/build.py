"""Price books and holdings for the tests of pricing, in few words."""

from dataclasses import replace
from datetime import date

from catalog.pricing import charges
from catalog.pricing.types import (
    Change,
    Charges,
    Customer,
    Holding,
    Line,
    Period,
    PriceBook,
    Rate,
    Rule,
    Terms,
)

ALWAYS = date(2020, 1, 1)
LONG_AGO = date(2026, 1, 1)
NOBODY = Customer()
NOVEMBER = Period.of("2026-11")

Priced = tuple[Terms, dict[str, tuple[Rate, ...]]]


def nov(day: int) -> date:
    return date(2026, 11, day)


def rate(*amounts: int, begins: date = ALWAYS, ends: date | None = None, again: bool = False) -> Rate:
    return Rate(amounts, begins, ends, again)


def offer(
    terms: Terms, *, period: Rate | None = None, once: Rate | None = None, pause: Rate | None = None
) -> Priced:
    """An offer with one version of each price that it has."""
    named = {"PERIOD": period, "ONCE": once, "PAUSE": pause}
    return terms, {charge: (version,) for charge, version in named.items() if version is not None}


def plain(code: str, cents: int) -> Priced:
    """An offer at one price for ever, of a type of its own."""
    return offer(Terms(code, code), period=rate(cents))


def book(*offers: Priced, rules: tuple[Rule, ...] = ()) -> PriceBook:
    return PriceBook(
        terms={terms.offer: terms for terms, _ in offers},
        rates={
            (terms.offer, charge): versions for terms, rates in offers for charge, versions in rates.items()
        },
        rules=rules,
    )


def with_rules(prices: PriceBook, *rules: Rule) -> PriceBook:
    return PriceBook(prices.terms, prices.rates, rules)


def with_terms(priced: Priced, terms: Terms) -> Priced:
    return terms, priced[1]


def held(ref: str, code: str, begins: date = LONG_AGO, ends: date | None = None) -> Holding:
    return Holding(ref, code, begins, ends)


def named(holdings: tuple[Holding, ...]) -> tuple[Holding, ...]:
    """The holdings with numbers in place of "new:…", given in their order, as an order does."""
    return tuple(
        replace(holding, ref=f"T{index:03}") if holding.ref.startswith("new:") else holding
        for index, holding in enumerate(holdings)
    )


def quote(
    prices: PriceBook,
    *holdings: Holding,
    change: Change | None = None,
    customer: Customer = NOBODY,
    period: Period = NOVEMBER,
) -> Charges:
    return charges(holdings=holdings, change=change, customer=customer, book=prices, period=period)


def amounts(lines: tuple[Line, ...]) -> list[int]:
    return [line.amount_cents for line in lines]


def codes(lines: tuple[Line, ...]) -> list[tuple[str, int]]:
    return [(line.code, line.amount_cents) for line in lines]
