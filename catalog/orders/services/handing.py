"""Devices that go with an order: the one that was put aside for the account, else the one that staff hand over."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from catalog.holdings.services import equipment
from catalog.orders import errors, locks
from catalog.orders.models import LineState, Order, OrderLine
from core.actor import Actor
from core.errors import HallError
from resources.models import Device, DeviceState

log = logging.getLogger(__name__)


def lines(order: Order) -> "QuerySet[OrderLine]":
    """The order's lines whose device nobody has written down yet, while their subscriptions are held."""
    open_ones = order.lines.filter(state__in=(LineState.WORKING, LineState.DONE)).exclude(goods=[])
    held = open_ones.filter(subscription__state__in=("PENDING", "ACTIVE"), subscription__device=None)
    return held.order_by("position")


@transaction.atomic
def hand_over(
    *, number: str, position: int, serial: str, actor: Actor, as_of: datetime, reason: str
) -> OrderLine:
    """That line's subscription has this device now. Raises NotFound, NothingToHandOver, or as `equipment` does."""
    order = locks.order(number)
    line = next((row for row in locks.lines(order.pk) if row.position == position), None)
    if line is None or line.subscription is None or not line.goods:
        raise errors.NothingToHandOver(number=number)
    equipment.hand_over(
        number=line.subscription.number, serial=serial, actor=actor, as_of=as_of, reason=reason
    )
    return line


def put_aside(line: OrderLine, *, actor: Actor, as_of: datetime, reason: str) -> None:
    """The line is done: where the one device of its goods is put aside for the account already, it is that one."""
    if line.subscription is None or not line.goods or line.subscription.device_id is not None:
        return
    kept = Device.objects.filter(
        account_id=line.subscription.account_id, state=DeviceState.RESERVED, sku__in=line.goods
    )
    serials = list(kept.order_by("pk").values_list("serial", flat=True)[:2])
    if len(serials) != 1:
        return
    try:
        equipment.hand_over(
            number=line.subscription.number, serial=serials[0], actor=actor, as_of=as_of, reason=reason
        )
    except HallError as error:  # the order's page goes on asking staff for it
        log.warning("device not assigned", extra={"order": line.order_id, "code": error.code})
