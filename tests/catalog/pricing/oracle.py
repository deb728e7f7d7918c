"""The month priced the slow way: day by day in fractions, from the words of docs/pricing.md, sharing no code."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby

from catalog.pricing.types import Customer, Holding, Period, PriceBook, Rule

KINDNESS = {"NONE": 0, "FEE": 1, "FULL": 2}


class Oracle:
    def __init__(self, holdings: tuple[Holding, ...], customer: Customer, book: PriceBook) -> None:
        self.holdings = holdings
        self.customer = customer
        self.book = book

    def month_cents(self, period: Period) -> int:
        """Of what is charged by the month; terms and one-offs are left out."""
        return sum(self.holding_cents(holding, period) for holding in self.holdings)

    def holding_cents(self, holding: Holding, period: Period) -> int:
        if self.book.terms[holding.offer].cycle != "MONTHLY":
            return 0
        length = (period.ends_on - period.begins_on).days
        days = [period.begins_on + timedelta(days=number) for number in range(length)]
        priced = [(self.price(holding, day), day) for day in days if self.is_held(holding, day)]
        total = 0
        for (charge, terminal, cents), stretch in groupby(priced, key=lambda pair: pair[0]):
            left = sum(
                (Fraction(self.left(holding, charge, terminal, cents, day), length) for _, day in stretch),
                Fraction(0),
            )
            total += int(left + Fraction(1, 2))
        return total

    @staticmethod
    def is_held(holding: Holding, day: date) -> bool:
        return holding.begins_on <= day and (holding.ends_on is None or day < holding.ends_on)

    def off(self, holding: Holding, day: date) -> str:
        """FULL, NONE or FEE."""
        terms = self.book.terms[holding.offer]
        policies = {"CUSTOMER": terms.while_paused, "ARREARS": terms.while_in_arrears}
        found = ["FULL"]
        for stop in holding.stops:
            if stop.begins_on <= day and (stop.ends_on is None or day < stop.ends_on):
                policy = policies.get(stop.reason, terms.while_checked)
                if policy == "FIRST_30_DAYS":
                    policy = "FULL" if (day - stop.begins_on).days < 30 else "NONE"
                found.append(policy)
        return min(found, key=KINDNESS.__getitem__)

    def is_paid_ahead(self, holding: Holding, day: date) -> bool:
        """Every day that is not free uses up one of those paid for."""
        if holding.paid_until is None:
            return False
        paid = (holding.paid_until - holding.begins_on).days
        since = (day - holding.begins_on).days
        used = sum(
            self.off(holding, holding.begins_on + timedelta(days=number)) != "NONE" for number in range(since)
        )
        return used < paid

    def terminal(self, holding: Holding, day: date) -> int:
        terms = self.book.terms[holding.offer]
        if not terms.is_per_terminal:
            return 1

        def order(one: Holding) -> tuple[date, bool, str, date]:
            first = one.first_ref or one.ref
            return (one.since or one.begins_on, first.startswith("new:"), first, one.begins_on)

        return 1 + len(
            [
                other
                for other in self.holdings
                if self.book.terms[other.offer].type == terms.type
                and other.place == holding.place
                and self.is_held(other, day)
                and order(other) < order(holding)
            ]
        )

    def price(self, holding: Holding, day: date) -> tuple[str, int, int]:
        """(charge, terminal, fen per month)."""
        terminal = self.terminal(holding, day)
        off = self.off(holding, day)
        if off == "NONE" or self.is_paid_ahead(holding, day):
            return "PERIOD", terminal, 0
        if off == "FEE":
            fee = self.listed(holding, "PERIOD", terminal, day)
            return "PAUSE", terminal, min(fee, self.listed(holding, "PAUSE", terminal, day))
        return "PERIOD", terminal, self.listed(holding, "PERIOD", terminal, day)

    def listed(self, holding: Holding, charge: str, terminal: int, day: date) -> int:
        [rate] = [
            one
            for one in self.book.rates[holding.offer, charge]
            if one.begins_on <= day and (one.ends_on is None or day < one.ends_on)
        ]
        amounts = list(rate.amounts_cents)
        while len(amounts) < terminal:
            amounts += list(rate.amounts_cents) if rate.starts_over else [rate.amounts_cents[-1]]
        return amounts[terminal - 1]

    def left(self, holding: Holding, charge: str, terminal: int, cents: int, day: date) -> int:
        """Fen per month after discounts, on a day."""
        for exception in self.customer.exceptions:
            if (exception.offer, exception.charge) == (holding.offer, charge) and (
                exception.begins_on <= day < exception.ends_on
            ):
                return min(cents, exception.amount_cents)
        rules = [rule for rule in self.book.rules if self.applies(rule, holding, charge, terminal, day)]
        rules.sort(key=lambda rule: (-rule.priority, rule.code))
        together = cents
        for rule in rules:
            if not rule.is_exclusive:
                together = self.lowered(together, rule)
        return min([together, *(self.lowered(cents, rule) for rule in rules if rule.is_exclusive)])

    def applies(self, rule: Rule, holding: Holding, charge: str, terminal: int, day: date) -> bool:
        he = self.customer
        reach = holding.begins_on if rule.is_for_new else day
        return (
            rule.charge == charge
            and (holding.offer in rule.offers or self.book.terms[holding.offer].type in rule.types)
            and rule.begins_on <= reach
            and (rule.ends_on is None or reach < rule.ends_on)
            and (not rule.months or day < _months_after(holding.begins_on, rule.months))
            and (not rule.terminals or terminal in rule.terminals)
            and (not rule.kinds or he.kind in rule.kinds)
            and (not rule.tiers or he.tier in rule.tiers)
            and (not rule.segments or bool(rule.segments & he.segments))
            and all(
                any(other.offer == offer and self.is_held(other, day) for other in self.holdings)
                for offer in rule.with_offers
            )
        )

    @staticmethod
    def lowered(cents: int, rule: Rule) -> int:
        if rule.effect == "PERCENT":
            left = int(Fraction(cents * rule.value, 100) + Fraction(1, 2))
        else:
            left = cents - rule.value if rule.effect == "MINUS" else rule.value
        return min(cents, max(0, rule.floor_cents, left))


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in range(day.day, 0, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError
