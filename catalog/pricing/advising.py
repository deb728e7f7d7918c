"""The adviser: which offer would have been cheapest for the months that were (资费推荐).

Each month is replayed with the one pricing function at the prices of today. Discounts that a holding has for some
months only, or only as a new one, are left out on both sides: they would flatter. What changing costs once, the
penalty above all, is set against what it saves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from catalog.pricing.days import share
from catalog.pricing.errors import PricingError
from catalog.pricing.quoting import charges
from catalog.pricing.types import (
    Change,
    Customer,
    Holding,
    Line,
    Period,
    PriceBook,
    PriceException,
    Rate,
    Rule,
    Terms,
)


@dataclass(frozen=True, slots=True)
class Month:
    """A month that was: what was held in it, with its pauses and terminals."""

    period: Period
    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """What the months would have cost on another offer, and what it takes to get there."""

    offer: str
    total_cents: int
    saving_cents: int  # over all the months; below zero: it would have been dearer
    setup_cents: int
    penalty_cents: int
    ahead_cents: (
        int  # paid at once for a term that lies ahead: no cost of changing, its months are in `total_cents`
    )
    effective_on: date  # the day on which a change asked for now would hold

    @property
    def net_cents(self) -> int:
        """What is left of the saving after what changing costs once."""
        return self.saving_cents - self.setup_cents - self.penalty_cents


@dataclass(frozen=True, slots=True)
class Advice:
    """`options` are the best first. `left_out`: candidates that cannot be priced or changed to, with the code why."""

    present_cents: int
    options: tuple[Option, ...]
    left_out: Mapping[str, str]

    @property
    def best(self) -> Option | None:
        """The option that saves most after all costs; None where the present one is best."""
        return next((option for option in self.options if option.net_cents > 0), None)


def advise(
    *,
    months: Sequence[Month],
    holdings: Sequence[Holding],
    ref: str,
    candidates: Sequence[str],
    customer: Customer,
    book: PriceBook,
    on: date,
) -> Advice:
    """The holding `ref` (of `holdings`, those of today) compared with each candidate over the months given.

    In each month, it and what stood in its place (of its group, at its place) are priced as if they were the candidate.
    """
    present = next(holding for holding in holdings if holding.ref == ref)
    today, he = frozen(book, on), frozen_customer(customer, book.terms, on)
    total = _replayed(months, None, present, he, today)
    options: list[Option] = []
    left_out: dict[str, str] = {}
    for code in dict.fromkeys(candidates):
        if code == present.offer:
            continue
        try:
            would_be = _replayed(months, code, present, he, today)
            change = Change(on=on, turn={ref: code})
            order = charges(
                holdings=holdings, change=change, customer=customer, book=book, period=Period.containing(on)
            )
        except PricingError as error:
            left_out[code] = error.code
            continue
        begins = next(holding.begins_on for holding in order.holdings if holding.ref == f"new:{code}")
        options.append(
            Option(
                offer=code,
                total_cents=would_be,
                saving_cents=total - would_be,
                setup_cents=_sum(order.now, "ONCE"),
                penalty_cents=_sum(order.now, "PENALTY"),
                ahead_cents=sum(
                    line.amount_cents
                    for line in order.now
                    if line.offer == code and line.charge not in ("ONCE", "PENALTY")
                ),
                effective_on=begins,
            )
        )
    options.sort(key=lambda option: (-option.net_cents, option.offer))
    return Advice(total, tuple(options), left_out)


def _sum(lines: Sequence[Line], charge: str) -> int:
    return sum(line.amount_cents for line in lines if line.charge == charge)


def _replayed(
    months: Sequence[Month], code: str | None, present: Holding, customer: Customer, book: PriceBook
) -> int:
    group = book.terms[present.offer].group if present.offer in book.terms else ""
    total = 0
    for month in months:
        held = [_as_if(holding, code, present, group, book.terms) for holding in month.holdings]
        total += charges(
            holdings=held, change=None, customer=customer, book=book, period=month.period
        ).month_cents
    return total


def _as_if(
    holding: Holding, code: str | None, present: Holding, group: str, terms: Mapping[str, Terms]
) -> Holding:
    """The holding with nothing paid ahead (a term counts month by month), and of the candidate where it is the one."""
    replaced = holding.place == present.place and (
        holding.ref == present.ref
        or (group != "" and holding.offer in terms and terms[holding.offer].group == group)
    )
    offer = code if code is not None and replaced else holding.offer
    return replace(holding, offer=offer, paid_until=None)


def frozen(book: PriceBook, on: date) -> PriceBook:
    """The book as it is on a day, for all time, with terms that are paid ahead spread over their months."""
    rates = {
        (offer, charge): tuple(
            _for_ever(rate, _months(book.terms, offer, charge)) for rate in versions if _holds(rate, on)
        )
        for (offer, charge), versions in book.rates.items()
    }
    terms = {
        code: replace(item, cycle="MONTHLY") if item.cycle == "TERM" else item
        for code, item in book.terms.items()
    }
    rules = tuple(
        spread
        for rule in book.rules
        if _holds(rule, on) and not rule.is_for_new and not rule.months
        for spread in _rules_for_ever(rule, book.terms)
    )
    return PriceBook(terms, rates, rules)


def frozen_customer(customer: Customer, terms: Mapping[str, Terms], on: date) -> Customer:
    """The customer with the exceptions that he has on a day, for all time, as `frozen` does with prices."""
    kept = tuple(
        replace(
            exception,
            amount_cents=share(exception.amount_cents, 1, _months(terms, exception.offer, exception.charge)),
            begins_on=date.min,
            ends_on=date.max,
        )
        for exception in customer.exceptions
        if _holds(exception, on)
    )
    return replace(customer, exceptions=kept)


def _months(terms: Mapping[str, Terms], offer: str, charge: str) -> int:
    """For how many months an amount is."""
    item = terms.get(offer)
    return max(1, item.term_months) if item and item.cycle == "TERM" and charge == "PERIOD" else 1


def _holds(version: Rate | Rule | PriceException, on: date) -> bool:
    return version.begins_on <= on and (version.ends_on is None or on < version.ends_on)


def _for_ever(rate: Rate, months: int) -> Rate:
    amounts = tuple(share(cents, 1, months) for cents in rate.amounts_cents)
    return replace(rate, amounts_cents=amounts, begins_on=date.min, ends_on=None)


def _rules_for_ever(rule: Rule, terms: Mapping[str, Terms]) -> Iterator[Rule]:
    """The rule without dates; one for the offers paid by the month, and one for each length of a term."""
    offers: dict[int, list[str]] = {}
    for code, item in terms.items():
        if code in rule.offers or item.type in rule.types:
            offers.setdefault(_months(terms, code, rule.charge), []).append(code)
    for months, codes in sorted(offers.items()):
        yield replace(
            rule,
            begins_on=date.min,
            ends_on=None,
            offers=frozenset(codes),
            types=frozenset(),
            value=rule.value if rule.effect == "PERCENT" else share(rule.value, 1, months),
            floor_cents=share(rule.floor_cents, 1, months),
        )
