"""What a month's bill says, in Chinese, which is what bills are written in."""

from django.utils import translation
from django.utils.translation import gettext as _

from billing.services.bills import bills
from billing.texts import month_name
from catalog.charging.rules import NextBill
from catalog.offers import lines as offer_lines
from catalog.offers.lines import Names
from catalog.pricing.types import Line

SUBSCRIPTION = "subscription"  # source kind of the lines of a month; the source id is its number
CORRECTION, CARRIED = "CORRECTION", "CARRIED"  # codes of bill lines
LANGUAGE = "zh-hans"


def names_on_bills() -> Names:
    with translation.override(LANGUAGE):
        return offer_lines.names()


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
