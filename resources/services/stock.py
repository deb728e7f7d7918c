"""Stock: each change of a level is one move of the ledger, written with it under the item's lock."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import outbox
from core.actor import Actor
from core.errors import Conflict, HallError
from resources import locks
from resources.events import StockLow
from resources.models import LowStock, MoveKind, Reservation, StockItem, StockMove, Transfer


class OutOfStock(Conflict):
    code = "OUT_OF_STOCK"
    message = _("库存不足：%(name)s 只剩 %(available)s 件")


class NoQuantity(HallError):
    code = "STOCK_NO_QUANTITY"
    message = _("数量必须大于零")


class KeyUsed(Conflict):
    code = "STOCK_KEY_USED"
    message = _("这个请求编号已用于另一笔内容不同的请求")


def receive(
    *, item_id: int, quantity: int, key: str, actor: Actor, as_of: datetime, reason: str = ""
) -> StockMove:
    """Pieces came from outside. The same key again is the same move; with other content raises KeyUsed."""
    check_quantity(quantity)
    with transaction.atomic():
        item = locks.item(item_id)
        known = StockMove.objects.filter(key=key).first()
        if known is not None:
            if (known.item_id, known.kind, known.available) != (item_id, MoveKind.RECEIVED, quantity):
                raise KeyUsed()
            return known
        return move(
            item, MoveKind.RECEIVED, available=quantity, key=key, actor=actor, as_of=as_of, reason=reason
        )


def count(*, item_id: int, found: int, actor: Actor, as_of: datetime, reason: str) -> StockMove | None:
    """Somebody counted what lies there and is not reserved: the level follows. None when it was right."""
    if found < 0:
        raise NoQuantity()
    with transaction.atomic():
        item = locks.item(item_id)
        if found == item.available:
            return None
        change = found - item.available
        return move(item, MoveKind.COUNTED, available=change, actor=actor, as_of=as_of, reason=reason)


def move(
    item: StockItem,
    kind: MoveKind,
    *,
    actor: Actor,
    as_of: datetime,
    available: int = 0,
    reserved: int = 0,
    in_transit: int = 0,
    reservation: Reservation | None = None,
    transfer: Transfer | None = None,
    key: str | None = None,
    reason: str = "",
) -> StockMove:
    """Changes the levels of a locked item and writes the ledger. Raises OutOfStock; no level falls below zero."""
    if item.available + available < 0:
        raise OutOfStock(name=item.name, available=item.available)
    item.available += available
    item.reserved += reserved
    item.in_transit += in_transit
    item.save(update_fields=["available", "reserved", "in_transit"])
    written = StockMove.objects.create(
        item=item,
        kind=kind,
        available=available,
        reserved=reserved,
        in_transit=in_transit,
        reservation=reservation,
        transfer=transfer,
        key=key,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )
    watch(item, as_of=as_of)
    return written


def watch(item: StockItem, *, as_of: datetime) -> None:
    """The alarm of a locked item begins or ends as its level asks for."""
    alarm = LowStock.objects.filter(item=item, ended_at=None).first()
    if item.is_low and alarm is None:
        LowStock.objects.create(item=item, available=item.available, raised_at=as_of)
        news = StockLow(item_id=item.pk, sku=item.sku, place_id=item.place_id, available=item.available)
        outbox.publish(news, as_of=as_of)
    elif not item.is_low and alarm is not None:
        alarm.ended_at = as_of
        alarm.save(update_fields=["ended_at"])


def set_line(*, item_id: int, low_at: int | None, as_of: datetime) -> None:
    """The number of pieces at which the alarm begins; None: no alarm."""
    with transaction.atomic():
        item = locks.item(item_id)
        item.low_at = low_at
        item.save(update_fields=["low_at"])
        watch(item, as_of=as_of)


def check_quantity(quantity: int) -> None:
    if quantity <= 0:
        raise NoQuantity()
