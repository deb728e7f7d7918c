"""Which published rules lower a price on which days, and by how much per month."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from catalog.pricing.days import add_months, share
from catalog.pricing.held import Held
from catalog.pricing.types import Customer, Holding, PriceException, Rule

EXCEPTION = "EXCEPTION"
Reductions = tuple[
    tuple[str, int], ...
]  # (rule's code, fen per month taken off), in the order they are taken off


class Asked(NamedTuple):
    """A price whose discounts are asked for: of this holding, for this charge and terminal, in fen per month."""

    holding: Holding
    charge: str
    terminal: int
    cents: int


class Run(NamedTuple):
    """Days on which the same discounts hold."""

    begins_on: date
    ends_on: date
    reductions: Reductions


class _Candidate(NamedTuple):
    rule: Rule
    begins_on: date
    ends_on: date


def runs(held: Held, asked: Asked, begins: date, ends: date) -> list[Run]:
    """The discounts on a price from day to day; days without any are left out."""
    if not held.customer.exceptions and asked.charge not in held.offers[asked.holding.offer].rules:
        return []
    candidates = list(_candidates(held, asked, begins, ends))
    exceptions = _exceptions(held.customer, asked, begins, ends)
    if not candidates and not exceptions:
        return []
    found: list[Run] = []
    cuts = _cuts(held, candidates, exceptions, begins, ends)
    for first, end in zip(cuts, cuts[1:], strict=False):
        taken = _on(held, asked.cents, candidates, exceptions, first)
        if found and found[-1].ends_on == first and found[-1].reductions == taken:
            found[-1] = Run(found[-1].begins_on, end, taken)
        elif taken:
            found.append(Run(first, end, taken))
    return found


def on_day(held: Held, asked: Asked, day: date) -> Reductions:
    """The discounts on a price that is due on one day."""
    end = date.fromordinal(day.toordinal() + 1)
    return next((run.reductions for run in runs(held, asked, day, end)), ())


def _candidates(held: Held, asked: Asked, begins: date, ends: date) -> Iterator[_Candidate]:
    """The rules that this customer's holding may have on some day of `[begins, ends)`."""
    for rule in held.offers[asked.holding.offer].rules.get(asked.charge, ()):
        if rule.terminals and asked.terminal not in rule.terminals:
            continue
        if not _is_for(rule, held.customer):
            continue
        first, last = _window(rule, asked.holding)
        if first < ends and begins < last:
            yield _Candidate(rule, max(first, begins), min(last, ends))


def _is_for(rule: Rule, customer: Customer) -> bool:
    return (
        (not rule.kinds or customer.kind in rule.kinds)
        and (not rule.tiers or customer.tier in rule.tiers)
        and (not rule.segments or not rule.segments.isdisjoint(customer.segments))
    )


def _window(rule: Rule, holding: Holding) -> tuple[date, date]:
    """The days on which the rule is there for a holding; for a new one that came in time, also after its own end."""
    begins, ends = rule.begins_on, rule.ends_on or date.max
    if rule.is_for_new:
        if not begins <= holding.begins_on < ends:
            return begins, begins
        ends = date.max
    if rule.months:
        ends = min(ends, add_months(holding.begins_on, rule.months))
    return begins, ends


def _exceptions(customer: Customer, asked: Asked, begins: date, ends: date) -> list[PriceException]:
    return [
        exception
        for exception in customer.exceptions
        if exception.offer == asked.holding.offer
        and exception.charge == asked.charge
        and exception.begins_on < ends
        and begins < exception.ends_on
    ]


def _cuts(
    held: Held, candidates: list[_Candidate], exceptions: list[PriceException], begins: date, ends: date
) -> list[date]:
    days = {begins, ends}
    for candidate in candidates:
        days.add(candidate.begins_on)
        days.add(candidate.ends_on)
        for offer in candidate.rule.with_offers:
            for other in held.of(offer):
                days.add(other.begins_on)
                days.add(other.ends_on or ends)
    for exception in exceptions:
        days.add(exception.begins_on)
        days.add(exception.ends_on)
    return sorted(day for day in days if begins <= day <= ends)


def _on(
    held: Held, cents: int, candidates: list[_Candidate], exceptions: list[PriceException], day: date
) -> Reductions:
    """What is taken off on one day: by the exception alone, or by the rules that come out cheapest."""
    for exception in exceptions:
        if exception.begins_on <= day < exception.ends_on:
            taken = cents - exception.amount_cents  # never dearer than what is published
            return ((EXCEPTION, taken),) if taken > 0 else ()
    rules = [
        candidate.rule
        for candidate in candidates
        if candidate.begins_on <= day < candidate.ends_on
        and all(held.has(offer, day) for offer in candidate.rule.with_offers)
    ]
    return cheapest(cents, rules)


def cheapest(cents: int, rules: list[Rule]) -> Reductions:
    """All rules that go together, or one that goes with no other, whichever leaves less to pay.

    `rules` are in the order in which they are taken off. Of equals the first way named wins.
    """
    best = _taken_off(cents, [rule for rule in rules if not rule.is_exclusive])
    best_cents = sum(taken for _, taken in best)
    for rule in rules:
        if rule.is_exclusive:
            alone = _taken_off(cents, [rule])
            if alone and alone[0][1] > best_cents:
                best, best_cents = alone, alone[0][1]
    return best


def _taken_off(cents: int, rules: list[Rule]) -> Reductions:
    found: list[tuple[str, int]] = []
    for rule in rules:
        left = lowered(cents, rule)
        if left < cents:
            found.append((rule.code, cents - left))
            cents = left
    return tuple(found)


def lowered(cents: int, rule: Rule) -> int:
    """What is left to pay per month: never below the rule's floor or zero, and never more than before."""
    if rule.effect == "PERCENT":
        left = share(cents, rule.value, 100)
    elif rule.effect == "MINUS":
        left = cents - rule.value
    else:
        left = rule.value
    return min(cents, max(left, rule.floor_cents, 0))
