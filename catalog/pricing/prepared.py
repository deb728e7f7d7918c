"""A price book turned about once, so that a quote finds what it needs without a search."""

from dataclasses import dataclass
from datetime import date
from typing import cast

from catalog.pricing.errors import NoOffer, NoPrice
from catalog.pricing.types import PriceBook, Rate, Rule, Terms


@dataclass(frozen=True, slots=True)
class PreparedOffer:
    """All that the book says of an offer. `rules` are in the order in which they are taken off."""

    terms: Terms
    rates: dict[str, tuple[Rate, ...]]  # by charge
    rules: dict[str, tuple[Rule, ...]]  # by charge; a charge without any is absent

    def rate(self, charge: str, day: date) -> Rate:
        """The version that holds on `day`, or NoPrice."""
        for rate in self.rates.get(charge, ()):
            if rate.begins_on <= day and (rate.ends_on is None or day < rate.ends_on):
                return rate
        raise NoPrice(f"{self.terms.offer}/{charge}", day)

    def has_rate(self, charge: str, day: date) -> bool:
        return any(
            rate.begins_on <= day and (rate.ends_on is None or day < rate.ends_on)
            for rate in self.rates.get(charge, ())
        )

    def amount(self, charge: str, day: date, terminal: int) -> int:
        """Fen for the n-th terminal on `day`, before discounts; or NoPrice."""
        rate = self.rate(charge, day)
        amounts = rate.amounts_cents
        if terminal <= len(amounts):
            return amounts[terminal - 1]
        return amounts[(terminal - 1) % len(amounts)] if rate.starts_over else amounts[-1]


class Offers(dict[str, PreparedOffer]):
    """The prepared offers by code; asking for one that is not in the book raises NoOffer."""

    def __missing__(self, code: str) -> PreparedOffer:
        raise NoOffer(code)


def prepare(book: PriceBook) -> Offers:
    """The book's offers, prepared; computed once per book."""
    if not book.prepared:
        book.prepared.append(_prepare(book))
    return cast(Offers, book.prepared[0])


def _prepare(book: PriceBook) -> Offers:
    rates: dict[str, dict[str, tuple[Rate, ...]]] = {}
    for (offer, charge), versions in book.rates.items():
        rates.setdefault(offer, {})[charge] = versions
    in_order = sorted(book.rules, key=lambda rule: (-rule.priority, rule.code))
    return Offers(
        {
            code: PreparedOffer(terms=terms, rates=rates.get(code, {}), rules=_rules(terms, in_order))
            for code, terms in book.terms.items()
        }
    )


def _rules(terms: Terms, in_order: list[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in in_order:
        if terms.offer in rule.offers or terms.type in rule.types:
            found.setdefault(rule.charge, []).append(rule)
    return {charge: tuple(rules) for charge, rules in found.items()}
