"""What keeps an account from being closed: it would be billed for what it holds, and its orders would go on."""

from datetime import datetime

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.account_obstacles import obstacle
from accounts.models import BillingAccount
from accounts.personal_data import Obstacle
from catalog.holdings.models import Subscription
from catalog.orders.models import Order
from core import joined


@obstacle
def still_held(account: BillingAccount, *, as_of: datetime) -> list[Obstacle]:
    """What is in use or about to be, by name; also what is to end on a later day."""
    rows = Subscription.objects.filter(account=account).held().select_related("offer").order_by("pk")
    names = list(dict.fromkeys(str(row.offer) for row in rows))
    if not names:
        return []
    return [Obstacle("HOLDS", format_lazy(_("还有在用的业务：{names}"), names=joined.words(names)))]


@obstacle
def orders_under_way(account: BillingAccount, *, as_of: datetime) -> list[Obstacle]:
    """What is ordered would begin on an account that is closed."""
    numbers = Order.objects.filter(account=account, finished_at=None).order_by("pk")
    text = _("订单 {number} 还没有办结")
    return [
        Obstacle("ORDER", format_lazy(text, number=number))
        for number in numbers.values_list("number", flat=True)
    ]
