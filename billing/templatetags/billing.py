"""How bills, payments and receipts read on a page."""

from django import template
from django.utils.translation import gettext as _

from billing.models import Bill, LedgerEntry, Payment, PaymentState
from billing.texts import bill_title, channel_name, month_name
from core import clock

register = template.Library()
register.filter(bill_title)
register.filter(month_name)
register.filter("gateway_name", channel_name)

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
def entry_title(entry: LedgerEntry) -> str:
    """What a movement of money was: the bill, the receipt, the refund, the adjustment or the transfer behind it."""
    if entry.bill:
        return f"{bill_title(entry.bill)} {entry.bill.number}"
    if entry.receipt:
        return _("到账 %(number)s") % {"number": entry.receipt.number}
    if entry.refund:
        return _("退款 %(number)s") % {"number": entry.refund.receipt.number}
    if entry.adjustment:
        return _("账单 %(number)s 减免") % {"number": entry.adjustment.bill.number}
    return _("款项转出") if entry.amount_cents < 0 else _("款项转入")
