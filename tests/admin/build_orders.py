"""An order under way for everybody, as staff look at it."""

from datetime import date, timedelta

from accounts.models import BillingAccount
from catalog.models import LineAction, LineState, Offer, Order, OrderLine, OrderState, ProductType
from catalog.orders.services import moves
from core.actor import Actor
from operations.models import Channel
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def everything(i: int, account: BillingAccount) -> None:
    """A far system has refused part of it."""
    kind, _is_new = ProductType.objects.get_or_create(code="ordered", defaults={"name": "订购产品"})
    offer, _is_new = Offer.objects.get_or_create(
        code="ordered", defaults={"name": "订购产品", "type": kind, "active_from": date(2020, 1, 1)}
    )
    order = Order.objects.create(
        number=f"O{i:017d}",
        account=account,
        slip_number=f"SO{i:016d}",
        channel=Channel.WEB,
        flow="DIRECT",
        promised_at=NOON + timedelta(hours=24),
        submitted_at=NOON,
        state_since=NOON,
    )
    line = OrderLine.objects.create(
        order=order, position=1, action=LineAction.ADD, offer=offer, effective_on=date(2026, 11, 18)
    )
    moves.line_to(line, LineState.WORKING, error="NO_SUCH_CARD")
    moves.move(order, OrderState.IN_PROGRESS, actor=ACTOR, as_of=NOON)
