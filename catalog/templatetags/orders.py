"""How orders and their quotes read on a page."""

from django import template
from django.utils import formats
from django.utils.translation import gettext as _

from catalog.offers.models import Offer
from catalog.orders import words
from catalog.orders.models import LineAction, LineState, Order, OrderHistory, OrderLine, OrderState
from catalog.orders.rules import Part
from catalog.orders.selectors.orders import TONES
from catalog.orders.selectors.quoting import Plan
from catalog.pricing.types import Line
from core import money

register = template.Library()
_LINE_TONES = {
    LineState.WAITING: "wait",
    LineState.WORKING: "wait",
    LineState.DONE: "ok",
    LineState.FAILED: "bad",
    LineState.CANCELLED: "muted",
}


@register.filter
def offer_of(plan: Plan, part: Part) -> Offer:
    return plan.offers[part.offer]


@register.filter
def offer_named(plan: Plan, code: str) -> Offer:
    return plan.offers[code]


@register.filter
def due_label(line: Line, plan: Plan) -> str:
    return words.bill_line(line, plan.offers)


@register.filter
def order_tone(state: str) -> str:
    return TONES[OrderState(state)]


@register.filter
def order_what(order: Order) -> str:
    """In a line: what it does."""
    return _("、").join(line_title(line) for line in order.lines.all())


@register.filter
def line_title(line: OrderLine) -> str:
    return f"{LineAction(line.action).label} {line.offer}"


@register.filter
def line_sub(line: OrderLine) -> str:
    if line.state in (LineState.FAILED, LineState.CANCELLED):
        return _("不收费")
    return _("%(day)s 起生效") % {"day": formats.date_format(line.effective_on)}


@register.filter
def line_amount(line: OrderLine) -> str:
    return money.display(line.amount_cents) if line.amount_cents else ""


@register.filter
def line_tone(state: str) -> str:
    return _LINE_TONES[LineState(state)]


@register.filter
def step_title(step: OrderHistory) -> str:
    if step.from_state == step.to_state:
        return _("开通遇到问题，已交工作人员处理")
    return str(OrderState(step.to_state).label)
