"""Decisions about orders: no database, no clock, no settings."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from catalog.orders.models import LineAction, LineState, OrderState
from catalog.pricing.types import Change, Charges, Holding, Line

NEW = "new:"  # how the refs of holdings begin that pricing adds
PENALTY = "PENALTY"


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of one thing that is asked for: a line of the order. Amounts in fen."""

    action: LineAction
    offer: str
    replaces: str  # the ref of what it ends; "" where nothing is ended
    effective_on: date
    due: tuple[Line, ...]  # on the order's own bill
    back: tuple[Line, ...]  # given back
    begins: Holding | None  # what is held then; None where nothing begins
    is_undone: bool = False  # what ends is as if it had never been held
    goods: tuple[str, ...] = ()  # skus of which one piece each is handed over with it
    number: str = ""  # the digits that it is given

    @property
    def due_cents(self) -> int:
        return sum(line.amount_cents for line in self.due)

    @property
    def back_cents(self) -> int:
        return -sum(line.amount_cents for line in self.back)


def parts(change: Change, found: Charges) -> tuple[Part, ...]:
    """A change with what pricing says of it, thing by thing: what ends, what turns, what is added."""
    begun = [each for each in found.holdings if each.ref.startswith(NEW)]
    held = {each.ref: each for each in found.holdings}
    made = [_ended(held[ref], found.now) for ref in change.end]
    for ref, offer in change.turn.items():
        new = _take(begun, offer, is_added=False)
        made.append(_turned(held[ref], new, found.now))
    for offer in change.add:
        new = _take(begun, offer, is_added=True)
        due = tuple(line for line in found.now if line.ref == new.ref)
        made.append(Part(LineAction.ADD, offer, "", new.begins_on, due, (), new))
    return tuple(made)


def _take(begun: list[Holding], offer: str, *, is_added: bool) -> Holding:
    """One of the new holdings of that offer; what was added can be given back, what was turned cannot."""
    place = next(n for n, each in enumerate(begun) if each.offer == offer and each.is_returnable == is_added)
    return begun.pop(place)


def _ended(holding: Holding, now: Sequence[Line]) -> Part:
    due, back = _of_ended(holding, now)
    ends = holding.ends_on or holding.begins_on
    undone = ends == holding.begins_on
    return Part(LineAction.CANCEL, holding.offer, holding.ref, ends, due, back, None, undone)


def _turned(old: Holding, new: Holding, now: Sequence[Line]) -> Part:
    due, back = _of_ended(old, now)
    due += tuple(line for line in now if line.ref == new.ref)
    return Part(LineAction.CHANGE, new.offer, old.ref, new.begins_on, due, back, new)


def _of_ended(holding: Holding, now: Sequence[Line]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """A penalty is billed; all else about what ends is given back."""
    of_it = [line for line in now if line.ref == holding.ref]
    penalty = tuple(line for line in of_it if line.charge == PENALTY)
    return penalty, tuple(line for line in of_it if line.charge != PENALTY)


def outcome(states: Collection[str]) -> OrderState:
    """What an order is whose lines are so."""
    if any(state in (LineState.WAITING, LineState.WORKING) for state in states):
        return OrderState.IN_PROGRESS
    failed = sum(state == LineState.FAILED for state in states)
    if not failed:
        return OrderState.COMPLETED
    return OrderState.FAILED if failed == len(states) else OrderState.PARTIAL


def shares(asked: int, left: Iterable[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """(key, fen) that take `asked` fen from what is left of each in turn; None where it does not reach."""
    found: list[tuple[int, int]] = []
    for key, cents in left:
        taken = min(asked, cents)
        if taken > 0:
            found.append((key, taken))
            asked -= taken
    return found if not asked else None
