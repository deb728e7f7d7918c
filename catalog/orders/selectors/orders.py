"""Orders as customers read them: the list, one with its steps, and what comes next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from catalog.orders.models import LineState, Order, OrderHistory, OrderLine, OrderQuerySet, OrderState
from core.errors import NotFound

_O = OrderState
TONES = {
    _O.SUBMITTED: "wait",
    _O.ACCEPTED: "warn",
    _O.IN_PROGRESS: "wait",
    _O.COMPLETED: "ok",
    _O.PARTIAL: "warn",
    _O.FAILED: "bad",
    _O.CANCELLED: "muted",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An order with its lines, its steps (the latest first), what comes next and by when."""

    order: Order
    lines: list[OrderLine]
    steps: list[OrderHistory]
    next_step: str
    next_at: datetime | None  # by when; None: nothing is to come

    @property
    def tone(self) -> str:
        return TONES[OrderState(self.order.state)]

    @property
    def must_pay(self) -> bool:
        return self.order.state == _O.ACCEPTED and bool(self.order.bill and self.order.bill.open_cents)

    @property
    def is_over(self) -> bool:
        return self.order.finished_at is not None


def of_user(user: Any) -> OrderQuerySet:
    """The orders of the user's accounts, newest first."""
    lines = Prefetch("lines", OrderLine.objects.select_related("offer").order_by("position"))
    rows = Order.objects.for_user(user).select_related("account", "bill").prefetch_related(lines)
    return rows.order_by("-submitted_at", "-pk")


def waiting_for_payment(user: Any) -> OrderQuerySet:
    """Those that wait for their payment, the most urgent first."""
    return of_user(user).filter(state=_O.ACCEPTED, bill__open_cents__gt=0).order_by("due_at", "pk")


def one(user: Any, number: str) -> Shown:
    """Raises NotFound, also for a stranger's."""
    found = of_user(user).filter(number=number).first()
    if found is None:
        raise NotFound()
    lines = list(found.lines.all())
    history = list(found.history.order_by("-pk"))
    next_step, next_at = _next(found, lines)
    return Shown(found, lines, history, next_step, next_at)


def _next(order: Order, lines: list[OrderLine]) -> tuple[str, datetime | None]:
    if order.state == _O.ACCEPTED:
        return _("等您付款，付款后自动开通；过时自动取消，不收费"), order.due_at
    if order.state in (_O.SUBMITTED, _O.IN_PROGRESS):
        if any(line.error for line in lines if line.state == LineState.WORKING):
            return _(
                "开通遇到问题，工作人员正在处理；届时仍未开通的部分不收费，已付的退回"
            ), order.promised_at
        return _("正在开通，完成后短信告知"), order.promised_at
    return "", None
