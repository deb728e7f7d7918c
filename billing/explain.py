"""Why a bill differs from the one before it, and when a bill is unusually large. Pure: no ORM, no clock, no settings.

The explanation is a tree. At every node the changes of its children sum to its own, to the fen; the root is the
difference of what the two bills ask for, after adjustments.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

LARGE_TIMES, MONTHS_COMPARED = 5, 3  # 电信条例 art. 33: more than five times the mean of three months


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill."""

    code: str
    text: str
    cents: int  # negative: a discount


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two bills: its lines, and what was taken off it afterwards."""

    items: Sequence[Item]
    adjusted_cents: int = 0

    @property
    def total_cents(self) -> int:
        return sum(item.cents for item in self.items)

    @property
    def asked_cents(self) -> int:
        return self.total_cents - self.adjusted_cents


class Kind(StrEnum):
    ALL = "ALL"  # the root
    NEW = "NEW"  # items that the bill before did not have
    CHANGED = "CHANGED"  # items with another amount than before
    GONE = "GONE"  # items that are no longer there
    ADJUSTED = "ADJUSTED"  # what was taken off either bill afterwards
    ITEM = "ITEM"  # one item code, or one text of it


@dataclass(frozen=True, slots=True)
class Difference:
    """A node. None for an amount: not on that bill at all."""

    kind: Kind
    before_cents: int | None
    now_cents: int | None
    text: str = ""  # of items: what the bill calls them
    texts: int = 1  # under how many names the item code appears
    children: tuple["Difference", ...] = ()

    @property
    def change_cents(self) -> int:
        """Above zero: more than before."""
        return (self.now_cents or 0) - (self.before_cents or 0)


def compare(before: Side, now: Side) -> Difference:
    """The tree of differences; without children when both bills are made of the same items and amounts.

    Lines are matched by item code, and within a code by their text. What is the same on both bills is left out.
    """
    old, new = _by_code(before.items), _by_code(now.items)
    items = [_of_code(old.get(code, {}), new.get(code, {})) for code in dict.fromkeys([*new, *old])]
    groups = [_group(kind, items) for kind in (Kind.NEW, Kind.CHANGED, Kind.GONE)]
    if before.adjusted_cents or now.adjusted_cents:
        groups.append(Difference(Kind.ADJUSTED, -before.adjusted_cents, -now.adjusted_cents))
    told = tuple(group for group in groups if group.children or group.change_cents)
    return Difference(Kind.ALL, before.asked_cents, now.asked_cents, children=told)


def is_large(total_cents: int, months: Sequence[int]) -> bool:
    """Whether a bill is more than five times the mean of the months before it; never with fewer than three months."""
    return len(months) == MONTHS_COMPARED and total_cents * MONTHS_COMPARED > LARGE_TIMES * sum(months)


def _of_code(old: dict[str, int], new: dict[str, int]) -> Difference:
    """One item code, given as fen by text; its texts are the children where it has several."""
    leaves = [
        Difference(Kind.ITEM, old.get(text), new.get(text), text) for text in dict.fromkeys([*new, *old])
    ]
    if len(leaves) == 1:
        return leaves[0]
    changed = tuple(leaf for leaf in leaves if leaf.before_cents != leaf.now_cents)
    return Difference(Kind.ITEM, _sum(old), _sum(new), leaves[0].text, len(leaves), changed)


def _group(kind: Kind, items: Iterable[Difference]) -> Difference:
    """The items of that kind under one node, the largest change first."""
    mine = [item for item in items if _kind(item) == kind]
    mine.sort(key=lambda item: -abs(item.change_cents))
    before = None if kind == Kind.NEW else sum(item.before_cents or 0 for item in mine)
    now = None if kind == Kind.GONE else sum(item.now_cents or 0 for item in mine)
    return Difference(kind, before, now, children=tuple(mine))


def _kind(item: Difference) -> Kind | None:
    """None: the same on both bills."""
    if item.before_cents is None:
        return Kind.NEW
    if item.now_cents is None:
        return Kind.GONE
    return Kind.CHANGED if item.children or item.change_cents else None


def _by_code(items: Sequence[Item]) -> dict[str, dict[str, int]]:
    """Fen by item code and text."""
    found: dict[str, dict[str, int]] = {}
    for item in items:
        texts = found.setdefault(item.code, {})
        texts[item.text] = texts.get(item.text, 0) + item.cents
    return found


def _sum(amounts: dict[str, int]) -> int | None:
    return sum(amounts.values()) if amounts else None
