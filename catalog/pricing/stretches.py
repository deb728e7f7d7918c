"""A month of a holding cut into stretches of one price, before discounts."""

from datetime import date
from typing import NamedTuple

from catalog.pricing.ahead import paid_until
from catalog.pricing.held import Held
from catalog.pricing.prepared import PreparedOffer
from catalog.pricing.stops import Span, covers, spans
from catalog.pricing.types import Holding, Period


class Stretch(NamedTuple):
    """Days on which a holding has one price per month (or, for a TERM, none)."""

    begins_on: date
    ends_on: date
    charge: str
    cents: int  # per month
    terminal: int


def stretches(held: Held, holding: Holding, period: Period) -> list[Stretch]:
    """What the holding costs per month, from day to day of the period; nothing where it is not held in it.

    Days that cost nothing (off, or paid ahead) are a stretch at 0: everything held is seen. Raises NoPrice.
    """
    begins = max(holding.begins_on, period.begins_on)
    ends = period.ends_on if holding.ends_on is None else min(holding.ends_on, period.ends_on)
    offer = held.offers[holding.offer]
    if begins >= ends or offer.terms.cycle == "ONCE":
        return []
    if plain := _plain(held, holding, offer, begins, ends):
        return [plain]
    free, fee = _spans(holding, offer)
    found: list[Stretch] = []
    cuts = _cuts(held, holding, offer, (begins, ends), free + fee)
    for first, end in zip(cuts, cuts[1:], strict=False):
        charge, cents = "PERIOD", 0
        terminal = held.terminal(holding, first) if offer.terms.is_per_terminal else 1
        if offer.terms.cycle != "TERM" and not covers(free, first):
            charge = "PAUSE" if covers(fee, first) else "PERIOD"
            cents = _amount(offer, charge, first, terminal)
        _append(found, Stretch(first, end, charge, cents, terminal))
    return found


def _amount(offer: PreparedOffer, charge: str, day: date, terminal: int) -> int:
    """Fen per month; a pause never costs more than the fee would."""
    cents = offer.amount(charge, day, terminal)
    if charge == "PAUSE" and offer.has_rate("PERIOD", day):
        return min(cents, offer.amount("PERIOD", day, terminal))
    return cents


def _plain(held: Held, holding: Holding, offer: PreparedOffer, begins: date, ends: date) -> Stretch | None:
    """What most holdings are in most months: on, at one price, with no terminal before it. None for any other."""
    if holding.stops or holding.paid_until is not None or offer.terms.cycle != "MONTHLY":
        return None
    if offer.terms.is_per_terminal and held.earlier(holding):
        return None
    rate = offer.rate("PERIOD", begins)
    if rate.ends_on is not None and rate.ends_on < ends:
        return None
    return Stretch(begins, ends, "PERIOD", rate.amounts_cents[0], 1)


def _spans(holding: Holding, offer: PreparedOffer) -> tuple[list[Span], list[Span]]:
    """Free days (off or paid ahead) and days at the pause fee."""
    free: list[Span] = []
    fee: list[Span] = []
    if holding.stops:
        free, fee = spans(holding, offer.terms)
    ahead = paid_until(holding, offer.terms)
    if ahead is not None:
        free = [(holding.begins_on, ahead), *free]
    return free, fee


def _cuts(held: Held, holding: Holding, offer: PreparedOffer, within: Span, off: list[Span]) -> list[date]:
    """The first days of all that may differ, and the end."""
    begins, ends = within
    days = {begins, ends}
    for first, last in off:
        days.add(first)
        days.add(last)
    for versions in offer.rates.values():
        for rate in versions:
            days.add(rate.begins_on)
            if rate.ends_on is not None:
                days.add(rate.ends_on)
    if offer.terms.is_per_terminal:
        for other in held.earlier(holding):
            days.add(other.begins_on)
            days.add(other.ends_on or ends)
    return sorted(day for day in days if begins <= day <= ends)


def _append(found: list[Stretch], stretch: Stretch) -> None:
    """Neighbours at one price are one stretch: it is rounded once."""
    if found and found[-1][2:] == stretch[2:]:
        stretch = stretch._replace(begins_on=found.pop().begins_on)
    found.append(stretch)
