"""Steps of an order and of its lines, on rows that the caller has locked, in his transaction: see `orders`."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.events import OrderEnded
from catalog.orders import rules
from catalog.orders.models import (
    ORDER_LINE_MACHINE,
    ORDER_MACHINE,
    LineState,
    Order,
    OrderHistory,
    OrderLine,
    OrderState,
)
from core import outbox, writes
from core.actor import Actor
from operations.models import SlipState
from operations.services import slips

SUBJECT = "order"  # of the slip that waits for it
_O = OrderState
_OVER = (_O.COMPLETED, _O.PARTIAL, _O.FAILED, _O.CANCELLED)
_SLIP = {
    _O.COMPLETED: SlipState.DONE,
    _O.PARTIAL: SlipState.DONE,
    _O.FAILED: SlipState.FAILED,
    _O.CANCELLED: SlipState.CANCELLED,
}
TEXTS: dict[str, str | Promise] = {
    _O.COMPLETED: _("已办理完成"),
    _O.PARTIAL: _("部分办理完成，没有办成的部分不收费，已付的金额退回账户余额"),
    _O.FAILED: _("没有办成，不收费；已付的金额退回账户余额"),
    _O.CANCELLED: _("订单已取消，不收费；已付的金额退回账户余额"),
    _O.ACCEPTED: _("已受理，请付款，付款后自动开通"),
    _O.IN_PROGRESS: _("已受理，正在开通"),
}


def entry(before: str, to: str, *, actor: Actor, as_of: datetime, reason: str = "") -> OrderHistory:
    """A row of an order's history, not written yet."""
    return OrderHistory(from_state=before, to_state=to, actor=actor.ref, reason=reason[:200], at=as_of)


def record(
    order: Order, before: str, to: str, *, actor: Actor, as_of: datetime, reason: str = ""
) -> OrderHistory:
    made = entry(before, to, actor=actor, as_of=as_of, reason=reason)
    made.order = order
    made.save(force_insert=True)
    return made


def move(
    order: Order, to: OrderState, *, actor: Actor, as_of: datetime, reason: str = "", **changes: Any
) -> None:
    """One step of the machine with its history; an order that is over ends its slip and is told of."""
    before = order.state
    ORDER_MACHINE.check(before, to)
    order.state, order.state_since = to, as_of
    fields = ["state", "state_since", *changes]
    for name, value in changes.items():
        setattr(order, name, value)
    if to in _OVER:
        order.finished_at = as_of
        fields.append("finished_at")
    made = entry(before, to, actor=actor, as_of=as_of, reason=reason)
    made.order = order
    written = writes.Batch()
    written.update(order, fields)
    written.insert(made)
    written.send()
    if to in _OVER:
        # What ends as it is submitted ends its slip by what the operation answers.
        is_open = before != _O.SUBMITTED
        _ended(order, to, actor=actor, as_of=as_of, reason=reason, is_slip_open=is_open)


def _ended(
    order: Order, to: OrderState, *, actor: Actor, as_of: datetime, reason: str, is_slip_open: bool
) -> None:
    if is_slip_open:
        slips.finish(
            subject_kind=SUBJECT,
            subject_id=order.number,
            state=_SLIP[to],
            as_of=as_of,
            actor=actor,
            reason=reason or f"order {to}",
            result={"text": TEXTS[to], "url": url(order)},
        )
    outbox.publish(OrderEnded(order.number, order.account.number, str(to), reason[:200]), as_of=as_of)


def url(order: Order) -> str:
    return reverse("catalog:order_detail", args=[order.number])


def line_to(line: OrderLine, to: LineState, *, error: str = "", **changes: Any) -> None:
    """One step of the line, with what else became known of it."""
    ORDER_LINE_MACHINE.check(line.state, to)
    line.state, line.error = to, error[:60]
    for name, value in changes.items():
        setattr(line, name, value)
    writes.update(line, "state", "error", *changes)


def settle(order: Order, lines: list[OrderLine], *, actor: Actor, as_of: datetime) -> None:
    """The order is what its lines are."""
    target = rules.outcome([line.state for line in lines])
    if target == order.state:
        return
    first_error = next((line.error for line in lines if line.error), "")
    if target == _O.PARTIAL and order.state != _O.IN_PROGRESS:
        move(order, _O.IN_PROGRESS, actor=actor, as_of=as_of)
    move(order, target, actor=actor, as_of=as_of, reason=first_error)
