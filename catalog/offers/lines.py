"""How the lines of a month are called, and two months beside each other, as the next bill and quotes show them.

Names are in one language. A line that is for a whole calendar month says nothing of days: whatever shows it has its
month.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.utils import formats
from django.utils.translation import gettext as _

from catalog.offers.models import Offer
from catalog.offers.prices import PriceRule
from catalog.offers.words import chosen
from catalog.pricing.types import Line

EXCEPTION = "EXCEPTION"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of offers and rules by code, in one language; what has none is called by its code."""

    offers: Mapping[str, str]
    rules: Mapping[str, str]
    _known: dict[tuple[object, ...], str] = field(default_factory=dict)

    def of(self, line: Line) -> str:
        """The line's text. The same words come back without being put together again: a run has few of them."""
        key = (line.code, line.begins_on, line.ends_on, line.terminal)
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = _text(line, self)
        return text

    def item(self, line: Line) -> str:
        """What the line is for, without its days."""
        return _item(line, self)


@dataclass(frozen=True, slots=True)
class Row:
    """One item of two months beside each other. None: not in that month at all."""

    text: str
    before_cents: int | None
    now_cents: int | None

    @property
    def change_cents(self) -> int:
        return (self.now_cents or 0) - (self.before_cents or 0)


@dataclass(frozen=True, slots=True)
class Beside:
    """Two months item by item, with their totals."""

    rows: tuple[Row, ...]

    @property
    def before_cents(self) -> int:
        return sum(row.before_cents or 0 for row in self.rows)

    @property
    def now_cents(self) -> int:
        return sum(row.now_cents or 0 for row in self.rows)

    @property
    def change_cents(self) -> int:
        return self.now_cents - self.before_cents


def names() -> Names:
    """In the language of the moment."""
    offers = Offer.objects.values_list("code", "name", "name_en")
    rules = PriceRule.objects.values_list("code", "name", "name_en")
    return Names(
        {code: chosen(name, english) for code, name, english in offers},
        {code: chosen(name, english) for code, name, english in rules},
    )


def compare(before: Iterable[Line], now: Iterable[Line], known: Names) -> Beside:
    """Item by item, those of now first: one offer's fee, discount or pause is one item, however it is cut into days.

    `before` and `now` are two months, or one month without a change and with it.
    """
    old, new = _by_item(before), _by_item(now)
    here = [Row(known.item(line), _cents(old.get(key)), cents) for key, (line, cents) in new.items()]
    gone = [Row(known.item(line), cents, None) for key, (line, cents) in old.items() if key not in new]
    return Beside((*here, *gone))


def _by_item(lines: Iterable[Line]) -> dict[tuple[str, int], tuple[Line, int]]:
    found: dict[tuple[str, int], tuple[Line, int]] = {}
    for line in lines:
        key = (line.code, line.terminal)
        first, cents = found.get(key, (line, 0))
        found[key] = (first, cents + line.amount_cents)
    return found


def _cents(item: tuple[Line, int] | None) -> int | None:
    return None if item is None else item[1]


def _item(line: Line, known: Names) -> str:
    name = known.offers.get(line.offer, line.offer)
    if line.charge == "PAUSE":
        name = _("%(offer)s停机保号费") % {"offer": name}
    elif line.charge == "ONCE":
        name = _("%(offer)s一次性费用") % {"offer": name}
    if line.terminal > 1:
        name = _("%(offer)s（第 %(number)s 终端）") % {"offer": name, "number": line.terminal}
    if line.rule == EXCEPTION:
        name = _("%(offer)s协议优惠") % {"offer": name}
    elif line.rule:
        name = _("优惠“%(rule)s”：%(offer)s") % {"rule": known.rules.get(line.rule, line.rule), "offer": name}
    return name


def _text(line: Line, known: Names) -> str:
    name = _item(line, known)
    days = (line.ends_on - line.begins_on).days
    if days <= 0 or _is_whole_month(line.begins_on, line.ends_on):
        return name
    last = date.fromordinal(line.ends_on.toordinal() - 1)
    return _("%(item)s，%(first)s至%(last)s，%(days)s 天") % {
        "item": name,
        "first": formats.date_format(line.begins_on, "DATE_FORMAT"),
        "last": formats.date_format(last, "DATE_FORMAT"),
        "days": days,
    }


def _is_whole_month(begins: date, ends: date) -> bool:
    return begins.day == ends.day == 1 and 28 <= (ends - begins).days <= 31
