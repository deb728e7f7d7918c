"""Pieces put aside: for a while, then for sure, then handed over or given free again."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Conflict
from resources import locks
from resources.models import (
    RESERVATION_MACHINE,
    MoveKind,
    Reservation,
    ReservationHistory,
    ReservationState,
    StockItem,
)
from resources.services import stock

JOB = "resources.free_expired"
_AT_ONCE = 200


class Expired(Conflict):
    code = "RESERVATION_EXPIRED"
    message = _("预留已到期，请重新选择")


def reserve(
    *,
    key: str,
    item_id: int,
    quantity: int,
    holder: str,
    actor: Actor,
    as_of: datetime,
    minutes: int | None = None,
) -> Reservation:
    """Puts pieces aside for some minutes (STOCK_RESERVATION_MINUTES). The same key again is the same reservation.

    Raises NotFound, OutOfStock, NoQuantity; KeyUsed when the key was used for something else.
    """
    stock.check_quantity(quantity)
    with transaction.atomic():
        item = locks.item(item_id)
        known = Reservation.objects.filter(key=key).first()
        if known is not None:
            if (known.item_id, known.quantity, known.holder) != (item_id, quantity, holder):
                raise stock.KeyUsed()
            return known
        made = Reservation.objects.create(
            key=key,
            item=item,
            quantity=quantity,
            holder=holder,
            created_at=as_of,
            expires_at=as_of + timedelta(minutes=minutes or settings.STOCK_RESERVATION_MINUTES),
        )
        _record(made, "", actor=actor, as_of=as_of)
        stock.move(
            item,
            MoveKind.RESERVED,
            available=-quantity,
            reserved=quantity,
            reservation=made,
            actor=actor,
            as_of=as_of,
        )
    return made


def confirm(*, key: str, actor: Actor, as_of: datetime) -> Reservation:
    """It does not expire any more. Confirmed already: nothing happens. Raises Expired when it is too late."""
    with transaction.atomic():
        _item, reservation = locks.reservation(key)
        if reservation.state == ReservationState.CONFIRMED:
            return reservation
        if reservation.state == ReservationState.EXPIRED or _is_over(reservation, as_of):
            raise Expired()
        _to(reservation, ReservationState.CONFIRMED, actor=actor, as_of=as_of)
    return reservation


def consume(*, key: str, actor: Actor, as_of: datetime, reason: str = "") -> Reservation:
    """The pieces left the house. Consumed already: nothing happens. Raises Expired or IllegalTransition."""
    with transaction.atomic():
        item, reservation = locks.reservation(key)
        if reservation.state == ReservationState.CONSUMED:
            return reservation
        if reservation.state == ReservationState.EXPIRED or _is_over(reservation, as_of):
            raise Expired()
        _to(reservation, ReservationState.CONSUMED, actor=actor, as_of=as_of, reason=reason)
        stock.move(
            item,
            MoveKind.CONSUMED,
            reserved=-reservation.quantity,
            reservation=reservation,
            actor=actor,
            as_of=as_of,
            reason=reason,
        )
    return reservation


def release(*, key: str, actor: Actor, as_of: datetime, reason: str = "") -> Reservation:
    """The pieces are free again. Free already: nothing happens. Raises IllegalTransition for what left the house."""
    with transaction.atomic():
        item, reservation = locks.reservation(key)
        if reservation.state in (ReservationState.RELEASED, ReservationState.EXPIRED):
            return reservation
        _give_free(item, reservation, ReservationState.RELEASED, actor=actor, as_of=as_of, reason=reason)
    return reservation


def free_expired(*, as_of: datetime) -> int:
    """Gives free what was not confirmed in time; safe to run twice and side by side. How many."""
    due = Reservation.objects.filter(state=ReservationState.HELD, expires_at__lte=as_of)
    keys = list(due.order_by("expires_at", "id").values_list("key", flat=True)[:_AT_ONCE])
    return sum(_expire(key, as_of=as_of) for key in keys)


def _expire(key: str, *, as_of: datetime) -> bool:
    with transaction.atomic():
        item, reservation = locks.reservation(key)
        if not _is_over(reservation, as_of):
            return False
        _give_free(item, reservation, ReservationState.EXPIRED, actor=Actor.job(JOB), as_of=as_of)
    return True


def _give_free(
    item: StockItem,
    reservation: Reservation,
    state: ReservationState,
    *,
    actor: Actor,
    as_of: datetime,
    reason: str = "",
) -> None:
    _to(reservation, state, actor=actor, as_of=as_of, reason=reason)
    stock.move(
        item,
        MoveKind.RELEASED,
        available=reservation.quantity,
        reserved=-reservation.quantity,
        reservation=reservation,
        actor=actor,
        as_of=as_of,
        reason=reason,
    )


def _is_over(reservation: Reservation, as_of: datetime) -> bool:
    return reservation.state == ReservationState.HELD and reservation.expires_at <= as_of


def _to(
    reservation: Reservation, state: ReservationState, *, actor: Actor, as_of: datetime, reason: str = ""
) -> None:
    before = reservation.state
    RESERVATION_MACHINE.check(before, state)
    reservation.state = state
    reservation.save(update_fields=["state"])
    _record(reservation, before, actor=actor, as_of=as_of, reason=reason)


def _record(
    reservation: Reservation, before: str, *, actor: Actor, as_of: datetime, reason: str = ""
) -> None:
    ReservationHistory.objects.create(
        reservation=reservation,
        from_state=before,
        to_state=reservation.state,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )
