"""How lines of a month are called: on bills in Chinese, which is what bills are written in, on pages in the reader's.

A line that is for a whole calendar month says nothing of days: the bill has its month.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.utils import formats, translation
from django.utils.translation import gettext as _

from billing.services.bills import bills
from billing.texts import month_name
from catalog.charging.rules import NextBill
from catalog.offers.models import Offer
from catalog.offers.prices import PriceRule
from catalog.offers.words import chosen
from catalog.pricing.types import Line

SUBSCRIPTION = "subscription"  # source kind of the lines of a month; the source id is its number
CORRECTION, CARRIED = "CORRECTION", "CARRIED"  # codes of bill lines
EXCEPTION = "EXCEPTION"
LANGUAGE = "zh-hans"


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


def names() -> Names:
    """In the language of the moment."""
    offers = Offer.objects.values_list("code", "name", "name_en")
    rules = PriceRule.objects.values_list("code", "name", "name_en")
    return Names(
        {code: chosen(name, english) for code, name, english in offers},
        {code: chosen(name, english) for code, name, english in rules},
    )


def names_on_bills() -> Names:
    with translation.override(LANGUAGE):
        return names()


def bill_lines(bill: NextBill, known: Names) -> list[bills.Line]:
    """The lines of the bill, those at 0 left out. Called with LANGUAGE on."""
    lines = [
        _bill_line(line, known.of(line), line.rule or line.offer) for line in bill.month if line.amount_cents
    ]
    for correction in bill.corrections:
        for line in correction.lines:
            text = correction_text(correction.period, known.of(line))
            lines.append(_bill_line(line, text, CORRECTION))
    if bill.taken_cents:
        lines.append(bills.Line(CARRIED, taken_text(), -bill.taken_cents))
    if bill.forward_cents:
        lines.append(bills.Line(CARRIED, forward_text(), bill.forward_cents))
    return lines


def correction_text(period: str, text: str) -> str:
    return _("更正%(month)s：%(item)s") % {"month": month_name(period), "item": text}


def taken_text() -> str:
    return _("上期结转抵扣")


def forward_text() -> str:
    return _("结转下期抵扣")


def _bill_line(line: Line, text: str, code: str) -> bills.Line:
    return bills.Line(code[:40], text[:200], line.amount_cents, SUBSCRIPTION, line.ref)


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
