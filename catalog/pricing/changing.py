"""A change applied to what is held: when each part takes effect, what is held then, and what it costs at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from catalog.pricing.ahead import paid_until, running_term
from catalog.pricing.days import add_months, by_months, next_month, share
from catalog.pricing.errors import AlreadyEnds, Contradiction, NotHeld
from catalog.pricing.held import NEW, Held
from catalog.pricing.lines import monthly_cents, whole_lines
from catalog.pricing.penalties import penalty_line
from catalog.pricing.types import Change, Customer, Holding, Line, PriceBook, Terms


class Applied(NamedTuple):
    held: Held  # after the change
    now: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A holding that the change brings, and what it follows."""

    holding: Holding
    pays_setup: bool


def apply(holdings: Sequence[Holding], change: Change, customer: Customer, book: PriceBook) -> Applied:
    """What is held after the change, and the lines of the order's own bill.

    Raises NotHeld, AlreadyEnds or Contradiction where the change cannot be carried out on these holdings, NoOffer or
    NoPrice where the book does not have what it needs.
    """
    _check(holdings, change)
    before = Held(holdings, customer, book)
    kept: list[Holding] = []
    begun = _Numbering(before)
    now: list[Line] = []
    for holding in before.holdings:
        if holding.ref in change.end:
            now += _end(before, holding, change, kept)
        elif holding.ref in change.turn:
            now += _turn(before, holding, change, kept, begun)
        else:
            kept.append(holding)
    for code in change.add:
        begun.add(_added(before.offers[code].terms, change), pays_setup=True)
    after = Held([*kept, *(item.holding for item in begun.items)], customer, book)
    for item in begun.items:
        now += _opening_lines(after, item.holding, pays_setup=item.pays_setup)
    return Applied(after, tuple(now))


class _Numbering:
    """The new holdings, with refs that no two share: "new:vod", "new:vod:2"; also beside those of an earlier quote."""

    def __init__(self, before: Held) -> None:
        self.items: list[_Begun] = []
        self._taken = {holding.ref for holding in before.holdings}

    def add(self, holding: Holding, *, pays_setup: bool) -> None:
        ref, nth = f"{NEW}{holding.offer}", 1
        while ref in self._taken:
            nth += 1
            ref = f"{NEW}{holding.offer}:{nth}"
        self._taken.add(ref)
        self.items.append(_Begun(holding if ref == holding.ref else replace(holding, ref=ref), pays_setup))


def _check(holdings: Sequence[Holding], change: Change) -> None:
    refs = {holding.ref for holding in holdings}
    for ref, times in Counter([*change.end, *change.turn]).items():
        if ref not in refs:
            raise NotHeld(ref, change.on)
        if times > 1:
            raise Contradiction(ref, change.on)


# Ending


def _end(held: Held, holding: Holding, change: Change, kept: list[Holding]) -> list[Line]:
    """Ends a holding: returned, taken back before it began, or by the offer's rule, with a penalty where one is due."""
    offer = held.offers[holding.offer]
    if is_undone(holding, offer.terms, change.on):
        kept.append(replace(holding, ends_on=holding.begins_on))
        return list(_given_back_whole(held, holding))
    ends = takes_effect(offer.terms.cancel_effect, holding, offer.terms, change.on)
    _still_held(holding, ends, change.on)
    kept.append(replace(holding, ends_on=ends))
    back = _given_back(held, holding, ends, change.on) if offer.terms.gives_back_rest else []
    return [*penalty_line(held, holding, ends, change.on), *back]


def _still_held(holding: Holding, ends: date, on: date) -> None:
    if holding.ends_on is None:
        return
    if holding.ends_on <= max(on, holding.begins_on):
        raise NotHeld(holding.ref, on)
    if holding.ends_on <= ends:
        raise AlreadyEnds(holding.ref, holding.ends_on)


def is_undone(holding: Holding, terms: Terms, on: date) -> bool:
    """Whether ending it now means that it never was: not begun yet, or returned in time (and not over already)."""
    if holding.ends_on is not None and holding.ends_on <= max(on, holding.begins_on):
        return False
    if on < holding.begins_on:
        return True
    first_day = holding.since or holding.begins_on
    return holding.is_returnable and on < first_day + timedelta(days=terms.return_days)


def takes_effect(effect: str, holding: Holding, terms: Terms, on: date) -> date:
    """The first day on which an end or a change asked for on `on` holds.

    MONTH_END: the first of next month, or the end of what is paid ahead. Never before the holding begins.
    """
    if effect == "MONTH_END":
        on = _paid_end(holding, terms, on) or next_month(on)
    return max(on, holding.begins_on)


def _paid_end(holding: Holding, terms: Terms, on: date) -> date | None:
    """The end of the term that runs on that day, or of the months paid ahead where it is later than this month's."""
    if terms.cycle == "TERM":
        term = running_term(holding, terms, on)
        return term[1] if term and term[1] != date.max else None
    until = paid_until(holding, terms)
    return until if until is not None and next_month(on) < until < date.max else None


# Turning into another offer


def _turn(held: Held, holding: Holding, change: Change, kept: list[Holding], begun: _Numbering) -> list[Line]:
    """Ends a holding and begins the other offer on that day. An upgrade keeps the lock-in instead of a penalty."""
    code = change.turn[holding.ref]
    old, new = held.offers[holding.offer].terms, held.offers[code].terms
    if code == holding.offer:
        raise Contradiction(holding.ref, change.on)
    upgrade = code in old.upgrades_to
    begins = takes_effect(turn_effect(old, code), holding, old, change.on)
    if not (old.cycle == "TERM" and holding.ends_on == begins):  # a term that ends then may be followed then
        _still_held(holding, begins, change.on)
    kept.append(replace(holding, ends_on=begins))
    begun.add(_following(holding, new, begins, keeps_lock=upgrade), pays_setup=old.type != new.type)
    penalty = [] if upgrade else penalty_line(held, holding, begins, change.on)
    return [*penalty, *_given_back(held, holding, begins, change.on)]


def turn_effect(old: Terms, code: str) -> str:
    """An upgrade along a relation holds at once, a downgrade from next month, anything else as the old offer says."""
    if code in old.upgrades_to:
        return "AT_ONCE"
    return "MONTH_END" if code in old.downgrades_to else old.change_effect


def _following(holding: Holding, new: Terms, begins: date, *, keeps_lock: bool) -> Holding:
    """The holding that takes another's place: at its place, in its order, off for the reasons that it is off for."""
    begun = _begun(new, begins, holding.place)
    committed = begun.committed_until
    if keeps_lock and holding.committed_until and holding.committed_until > begins:
        committed = max(committed or begins, holding.committed_until)
    return replace(
        begun,
        committed_until=committed,
        stops=tuple(stop for stop in holding.stops if stop.ends_on is None or stop.ends_on > begins),
        since=holding.since or holding.begins_on,
        first_ref=holding.first_ref or holding.ref,
    )


# Beginning


def _added(terms: Terms, change: Change) -> Holding:
    return _begun(terms, change.on, change.place, is_returnable=True)


def _begun(terms: Terms, begins: date, place: str, *, is_returnable: bool = False) -> Holding:
    until = add_months(begins, terms.term_months) if terms.term_months else None
    is_term = terms.cycle == "TERM"
    return Holding(
        ref=f"{NEW}{terms.offer}",
        offer=terms.offer,
        begins_on=begins,
        ends_on=until if is_term and not terms.is_renewed else None,
        committed_until=until,
        paid_until=until if is_term else None,
        place=place,
        is_returnable=is_returnable,
    )


def _opening_lines(held: Held, holding: Holding, *, pays_setup: bool) -> Iterator[Line]:
    """What is due with the order: the one-off, where there is one, and the first term."""
    offer = held.offers[holding.offer]
    day = holding.begins_on
    if offer.terms.cycle == "ONCE" or (pays_setup and offer.has_rate("ONCE", day)):
        yield from whole_lines(held, holding, "ONCE", day, day)
    if offer.terms.cycle == "TERM":
        yield from whole_lines(held, holding, "PERIOD", day, holding.paid_until or day)
    elif offer.terms.cycle == "MONTHLY":
        offer.rate("PERIOD", day)  # what has no fee on its first day is not begun


# Giving back


def _given_back_whole(held: Held, holding: Holding) -> Iterator[Line]:
    """What was due with the order, the other way round; nothing for what came of a turn, where no order paid for it."""
    if holding.is_returnable and holding.since is None:
        for line in _opening_lines(held, holding, pays_setup=True):
            yield replace(line, amount_cents=-line.amount_cents)


def _given_back(held: Held, holding: Holding, ends: date, on: date) -> list[Line]:
    """The unused days of the term that runs on `on`, by days, at what that term cost after discounts.

    Of a term that begins on the day of the end nothing was charged, but where it was paid with the order.
    """
    offer = held.offers[holding.offer]
    if offer.terms.cycle == "MONTHLY":
        return _months_given_back(held, holding, ends, on)
    term = running_term(holding, offer.terms, on) if offer.terms.cycle == "TERM" else None
    if term is None or not term[0] <= ends < term[1] < date.max:
        return []
    begins, until = term
    with_order = holding.paid_until is not None and begins == holding.begins_on
    if ends == begins and not with_order:
        return []
    paid = holding.first_term_cents if with_order else holding.run_term_cents
    if paid is None:
        paid = sum(line.amount_cents for line in whole_lines(held, holding, "PERIOD", begins, until))
    back = share(paid, (until - ends).days, (until - begins).days)
    line = Line(f"{holding.offer}/PERIOD", holding.ref, holding.offer, "PERIOD", -back, ends, until)
    return [line] if back else []


def _months_given_back(held: Held, holding: Holding, ends: date, on: date) -> list[Line]:
    """The unused days of months paid ahead: by days of what was paid; where nobody knows what that was, by months.

    Each month then counts as many of its days as are left, at the fee on the day of the order, after discounts.
    """
    until = paid_until(holding, held.offers[holding.offer].terms)
    if until is None or holding.paid_until is None or not holding.begins_on <= ends < until < date.max:
        return []
    if holding.first_term_cents is not None:
        paid_days = (holding.paid_until - holding.begins_on).days
        back = share(holding.first_term_cents, (until - ends).days, paid_days)
    else:
        fee = monthly_cents(held, holding, max(on, holding.begins_on))
        back = sum(share(fee, (last - first).days, days) for first, last, days in by_months(ends, until))
    line = Line(f"{holding.offer}/PERIOD", holding.ref, holding.offer, "PERIOD", -back, ends, until)
    return [line] if back else []
