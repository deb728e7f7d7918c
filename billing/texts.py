"""How a bill, and where money came from, is called wherever it is named: pages, quotes, messages."""

from datetime import date

from django.utils import formats
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.gateways import registry
from billing.models import Bill, BillKind

_COUNTER = "counter"  # gateways of that name and "counter:…": money taken at a counter

# The "gateways" of money that staff took (billing.services.counter).
AT_THE_COUNTER = {"cash": gettext_lazy("营业厅柜台 · 现金"), "pos": gettext_lazy("营业厅柜台 · 刷卡")}


def bill_title(bill: Bill) -> str:
    """ "2026年10月账单", or what an order's bill is."""
    if not bill.period:
        return str(BillKind(bill.kind).label)
    if bill.kind == BillKind.PENALTY:
        return _("%(month)s账单的违约金") % {"month": month_name(bill.period)}
    return _("%(month)s账单") % {"month": month_name(bill.period)}


def month_name(period: str) -> str:
    """The month of a period ("2026-10") in the reader's language; the period itself when it is none."""
    try:
        first = date.fromisoformat(f"{period}-01")
    except ValueError:
        return period
    return formats.date_format(first, "YEAR_MONTH_FORMAT")


def channel_name(code: str) -> str:
    """The name for people of a gateway, a counter or an import's source."""
    try:
        return str(registry.name(code))
    except registry.UnknownGateway:
        if code in AT_THE_COUNTER:
            return str(AT_THE_COUNTER[code])
        return _("营业厅柜台") if code.partition(":")[0] == _COUNTER else _("其他渠道")


channel_name_lazy = lazy(channel_name, str)
bill_title_lazy = lazy(bill_title, str)  # for texts that are kept in every language
