"""What an order lays claim to: pieces of the stock and a number, kept while it waits, gone when it is carried out.

A piece is reserved when the order is accepted, for sure when it is paid, out of the house when its line is done. What
does not come is given back at once; the jobs that end reservations and holds stand behind that, a little later.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from catalog.orders import errors
from catalog.orders.models import Order, OrderLine
from catalog.orders.selectors import takes
from catalog.orders.selectors.quoting import Plan
from core.actor import Actor
from resources import locks
from resources.models import Reservation, ReservationState
from resources.selectors import stock as stores
from resources.services import number_orders, reservations, stock

AFTER_DUE = timedelta(hours=1)  # who pays in the last minute finds all still there
_R = ReservationState


def ref(order: Order) -> str:
    """Under which name an order holds things."""
    return f"order:{order.number}"


def lay(order: Order, lines: list[OrderLine], plan: Plan, *, actor: Actor, as_of: datetime) -> None:
    """Everything that the new order takes is kept for it. Raises OutOfStock, NotHeld or NotLocked."""
    until = (order.due_at or order.promised_at) + AFTER_DUE
    for line in lines:
        if line.service_number and plan.wish.number is not None:
            _keep(order, plan.wish.number, until, actor=actor, as_of=as_of)
    wanted = [(sku, line) for line in lines for sku in line.goods]
    _reserve(order, wanted, until, actor=actor, as_of=as_of)


def _keep(order: Order, number: takes.Taken, until: datetime, *, actor: Actor, as_of: datetime) -> None:
    how: dict[str, Any] = {"order": ref(order), "until": until, "actor": actor, "as_of": as_of}
    if isinstance(number, takes.LockedNumber):
        number_orders.keep_locked(digits=number.digits, former=number.former, **how)
        return
    number_orders.keep(digits=number.digits, holder=number.holder, account_number=order.account.number, **how)


def _reserve(
    order: Order,
    wanted: list[tuple[str, OrderLine]],
    until: datetime,
    *,
    actor: Actor,
    as_of: datetime,
) -> None:
    """One piece for each, of the nearest store that has one; all stores are locked first, in their order."""
    if not wanted:
        return
    near = stores.for_place({sku for sku, _line in wanted}, takes.place_of(order.account))
    locked = locks.items(store.pk for each in near.values() for store in each)
    for sku, line in wanted:
        store = next((locked[each.pk] for each in near[sku] if locked[each.pk].available > 0), None)
        if store is None:
            raise errors.OutOfStock(offer=str(line.offer))
        count = Reservation.objects.filter(holder=ref(order)).count()
        reservations.reserve(
            key=f"{order.number}:{line.position}:{count}",
            item_id=store.pk,
            quantity=1,
            holder=ref(order),
            actor=actor,
            as_of=as_of,
            minutes=int((until - as_of) / timedelta(minutes=1)),
        )
        store.available -= 1


def hold(order: Order, lines: Collection[OrderLine]) -> None:
    """Locks all that the order has laid claim to, numbers first: before its lines are worked on one by one."""
    for digits in sorted(line.service_number for line in lines if line.service_number):
        locks.number(digits)
    if any(line.goods for line in lines):
        locks.items(Reservation.objects.filter(holder=ref(order)).values_list("item_id", flat=True))


def secure(order: Order, line: OrderLine, *, actor: Actor, as_of: datetime) -> None:
    """Paid for: the line's pieces stay until they are handed over; what ran out is put aside anew; OutOfStock."""
    if not line.goods:
        return
    kept = [row for row in _of(order, line, (_R.HELD, _R.CONFIRMED)) if _confirmed(row, actor, as_of)]
    lost = sorted(set(line.goods) - {row.item.sku for row in kept})
    until = as_of + AFTER_DUE
    _reserve(order, [(sku, line) for sku in lost], until, actor=actor, as_of=as_of)
    for row in _of(order, line, (_R.HELD,)):
        reservations.confirm(key=row.key, actor=actor, as_of=as_of)


def _confirmed(row: Reservation, actor: Actor, as_of: datetime) -> bool:
    """False: it ran out before the job came that says so."""
    try:
        reservations.confirm(key=row.key, actor=actor, as_of=as_of)
    except reservations.Expired:
        reservations.release(key=row.key, actor=actor, as_of=as_of)
        return False
    return True


def hand_out(order: Order, line: OrderLine, *, actor: Actor, as_of: datetime) -> None:
    """The line is done: its pieces have left the house."""
    for row in _of(order, line, (_R.HELD, _R.CONFIRMED)):
        reservations.consume(key=row.key, actor=actor, as_of=as_of, reason=order.number)


def drop(order: Order, line: OrderLine, *, actor: Actor, as_of: datetime, reason: str) -> None:
    """The line does not come, or was given back: its pieces and its number are there for others. Again: nothing."""
    for row in _of(order, line, (_R.HELD, _R.CONFIRMED)):
        reservations.release(key=row.key, actor=actor, as_of=as_of, reason=reason)
    for row in _of(order, line, (_R.CONSUMED,)):
        stock.receive(
            item_id=row.item_id,
            quantity=row.quantity,
            key=f"{row.key}:back",
            actor=actor,
            as_of=as_of,
            reason=reason,
        )
    if line.service_number:
        number_orders.drop(
            digits=line.service_number, order=ref(order), actor=actor, as_of=as_of, reason=reason
        )


def drop_of(number: str, *, actor: Actor, as_of: datetime, reason: str) -> None:
    """The same for the line that brought a subscription."""
    lines = OrderLine.objects.filter(subscription__number=number)
    for line in lines.select_related("order").order_by("pk"):
        drop(line.order, line, actor=actor, as_of=as_of, reason=reason)


def _of(order: Order, line: OrderLine, states: tuple[ReservationState, ...]) -> list[Reservation]:
    if not line.goods:
        return []
    rows = Reservation.objects.filter(
        holder=ref(order), key__startswith=f"{order.number}:{line.position}:", state__in=states
    )
    return list(rows.select_related("item").order_by("item_id", "pk"))
