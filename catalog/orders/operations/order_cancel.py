"""取消订单: what waits for its payment does not come."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from catalog.orders import errors, locks
from catalog.orders.models import Order, OrderState
from catalog.orders.operations.base import orderable
from catalog.orders.services import moves, orders
from core import clock
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register


class OrderCancelForm(OperationForm):
    order = forms.ModelChoiceField(
        label=_("订单"), queryset=Order.objects.none(), to_field_name="number", empty_label=None
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = self.fields["order"]
        assert isinstance(order, forms.ModelChoiceField)
        order.queryset = _own(self.ctx)
        order.widget.choices = [(row.number, row.number) for row in _waiting(self.ctx)]


def _own(ctx: Context) -> Any:
    return Order.objects.filter(account__in=orderable(ctx.served)).select_related("account", "bill")


def _waiting(ctx: Context) -> Any:
    return _own(ctx).filter(state=OrderState.ACCEPTED).order_by("-pk")


@register
class OrderCancel(Operation):
    code = "order.cancel"
    title = _("取消订单")
    summary = _("还没有付款的订单可以取消，不收费")
    icon = "tv"
    order = 93
    form_class = OrderCancelForm

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated) and _own(ctx).exists()

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        account: BillingAccount = data["order"].account
        return account

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        data["order"] = locks.order(data["order"].number)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        order: Order = data["order"]
        if order.state != OrderState.ACCEPTED:
            raise errors.NotWaiting(number=order.number)
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("订单"), value=order.number),
                QuoteLine(_("户号"), value=order.account.number),
                QuoteLine(_("不用再付"), order.bill.open_cents if order.bill else 0),
            ),
            outcome=_("马上取消，账单作废；已付的部分存入账户余额。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        order = orders.cancel(
            number=data["order"].number, why=orders.BY_CUSTOMER, actor=ctx.actor, as_of=ctx.as_of
        )
        return Done(text=moves.TEXTS[OrderState.CANCELLED], url=moves.url(order))
