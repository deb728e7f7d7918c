"""Every FOR UPDATE of this flat. Order everywhere: billing accounts by id, then the order."""

from collections.abc import Collection
from datetime import datetime

from accounts import locks as account_locks
from accounts.models import BillingAccount
from catalog.holdings.models import Subscription
from catalog.orders.models import Order, OrderLine, OrderState
from core.errors import NotFound


def accounts(payer_id: int, account_id: int) -> BillingAccount:
    """Whoever pays, then whoever orders, as it is now: two orders of one home wait for each other. Raises NotFound."""
    if account_id != payer_id:
        for each in sorted((payer_id, account_id)):
            account_locks.hold(each)
    return account_locks.account(account_id)


def subscriptions(numbers: Collection[str]) -> None:
    """These subscriptions, in the order of their ids; their accounts are locked before."""
    rows = Subscription.objects.select_for_update(of=("self",)).filter(number__in=numbers)
    list(rows.order_by("pk").values_list("pk", flat=True))


def order(number: str) -> Order:
    """The order as it is now, behind its account; raises NotFound."""
    found = Order.objects.filter(number=number).values_list("account_id", flat=True).first()
    if found is None:
        raise NotFound()
    account_locks.hold(found)
    rows = Order.objects.select_for_update(of=("self",)).select_related("account", "bill", "user")
    return rows.get(number=number)


def lines(order_id: int) -> list[OrderLine]:
    """The order's lines; the order is locked before."""
    rows = OrderLine.objects.select_for_update(of=("self",))
    return list(
        rows.select_related("offer", "subscription", "replaces")
        .filter(order_id=order_id)
        .order_by("position")
    )


def overdue(*, as_of: datetime, beyond: int, most: int) -> list[tuple[int, str]]:
    """(id, number) of orders whose time to pay is over, by id; whoever works on one locks it."""
    rows = Order.objects.filter(state=OrderState.ACCEPTED, due_at__lte=as_of, pk__gt=beyond)
    return list(rows.order_by("pk").values_list("pk", "number")[:most])
