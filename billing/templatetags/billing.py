"""How bills, payments and receipts read on a page."""

from django import template
from django.utils.translation import gettext as _

from billing.gateways import registry
from billing.models import Bill, Payment, PaymentState
from billing.texts import AT_THE_COUNTER, bill_title, month_name
from core import clock

register = template.Library()
register.filter(bill_title)
register.filter(month_name)

_COUNTER = "counter"  # gateways of that name and "counter:…": money taken at a counter, as imports name it
_PAYMENT_BADGES = {PaymentState.SUCCEEDED: "ok", PaymentState.UNKNOWN: "wait", PaymentState.FAILED: "muted"}


@register.filter
def bill_month(bill: Bill) -> str:
    """The same where everything is a bill: "2026年10月"."""
    return month_name(bill.period) or bill_title(bill)


@register.filter
def bill_state(bill: Bill) -> str:
    """The word on the bill's badge."""
    if not bill.open_cents:
        return _("已缴清")
    if is_overdue(bill):
        return _("已逾期")
    return _("部分已缴") if bill.paid_cents else _("待缴费")


@register.filter
def bill_badge(bill: Bill) -> str:
    """The kind of badge: ok, warn or bad."""
    if not bill.open_cents:
        return "ok"
    return "bad" if is_overdue(bill) else "warn"


@register.filter
def is_overdue(bill: Bill) -> bool:
    return bool(bill.open_cents) and bill.due_on < clock.local_date(clock.now())


@register.filter
def payment_badge(payment: Payment) -> str:
    """The kind of badge: ok, wait, warn or muted."""
    if payment.state in (PaymentState.CREATED, PaymentState.PENDING):
        return "warn"
    return _PAYMENT_BADGES.get(PaymentState(payment.state), "muted")


@register.filter
def payment_state(payment: Payment) -> str:
    """The word on the payment's badge; a customer never reads that an undecided payment failed."""
    if payment.state in (PaymentState.CREATED, PaymentState.PENDING):
        return _("待支付")
    if payment.state == PaymentState.FAILED:
        return str(PaymentState.EXPIRED.label)
    return str(PaymentState(payment.state).label)


@register.filter
def gateway_name(code: str) -> str:
    """The name for people of a gateway, a counter or an import's source."""
    try:
        return str(registry.name(code))
    except registry.UnknownGateway:
        if code in AT_THE_COUNTER:
            return str(AT_THE_COUNTER[code])
        return _("营业厅柜台") if code.partition(":")[0] == _COUNTER else _("其他渠道")
