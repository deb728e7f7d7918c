"""Pieces on their way between two places: gone here, in transit there, and then there; what is lost is written down."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import HallError
from resources import locks, rules
from resources.models import (
    TRANSFER_MACHINE,
    MoveKind,
    StockItem,
    Transfer,
    TransferHistory,
    TransferState,
)
from resources.services import stock


class NotTheSame(HallError):
    code = "TRANSFER_NOT_THE_SAME"
    message = _("只能在两个地点之间调拨同一货号")


class TooMany(HallError):
    code = "TRANSFER_TOO_MANY"
    message = _("到货数量不能多于发出的 %(sent)s 件")


def send(
    *,
    key: str,
    source_id: int,
    target_id: int,
    quantity: int,
    actor: Actor,
    as_of: datetime,
    reason: str = "",
) -> Transfer:
    """The pieces leave one place for another. The same key again is the same transfer.

    Raises OutOfStock, NoQuantity, NotTheSame, NotFound; KeyUsed when the key was used for something else.
    """
    stock.check_quantity(quantity)
    with transaction.atomic():
        source, target = _both(locks.items([source_id, target_id]), source_id, target_id)
        known = Transfer.objects.filter(key=key).first()
        if known is not None:
            if (known.source_id, known.target_id, known.quantity) != (source_id, target_id, quantity):
                raise stock.KeyUsed()
            return known
        made = Transfer.objects.create(
            key=key, source=source, target=target, quantity=quantity, sent_at=as_of
        )
        _record(made, "", actor=actor, as_of=as_of, reason=reason)
        stock.move(source, MoveKind.SENT, available=-quantity, transfer=made, actor=actor, as_of=as_of)
        stock.move(target, MoveKind.EXPECTED, in_transit=quantity, transfer=made, actor=actor, as_of=as_of)
    return made


def arrive(*, key: str, quantity: int, actor: Actor, as_of: datetime, reason: str = "") -> Transfer:
    """So many arrived; what is missing is gone from the books, by the reason. Arrived already: nothing happens.

    Raises TooMany, IllegalTransition.
    """
    with transaction.atomic():
        items, transfer = locks.transfer(key)
        if transfer.state == TransferState.ARRIVED and transfer.arrived_quantity == quantity:
            return transfer
        try:
            missing = rules.pieces_missing(transfer.quantity, quantity)
        except ValueError:
            raise TooMany(sent=transfer.quantity) from None
        transfer.arrived_quantity = quantity
        _to(transfer, TransferState.ARRIVED, actor=actor, as_of=as_of, reason=reason)
        stock.move(
            items[transfer.target_id],
            MoveKind.ARRIVED,
            available=quantity,
            in_transit=-transfer.quantity,
            transfer=transfer,
            actor=actor,
            as_of=as_of,
            reason=f"-{missing} {reason}".strip() if missing else reason,
        )
    return transfer


def call_back(*, key: str, actor: Actor, as_of: datetime, reason: str) -> Transfer:
    """It did not leave, or came back whole. Called back already: nothing happens. Raises IllegalTransition."""
    with transaction.atomic():
        items, transfer = locks.transfer(key)
        if transfer.state == TransferState.CANCELLED:
            return transfer
        _to(transfer, TransferState.CANCELLED, actor=actor, as_of=as_of, reason=reason)
        moved = partial(
            stock.move,
            kind=MoveKind.CALLED_BACK,
            transfer=transfer,
            actor=actor,
            as_of=as_of,
            reason=reason,
        )
        moved(items[transfer.target_id], in_transit=-transfer.quantity)
        moved(items[transfer.source_id], available=transfer.quantity)
    return transfer


def _both(items: dict[int, StockItem], source_id: int, target_id: int) -> tuple[StockItem, StockItem]:
    source, target = items.get(source_id), items.get(target_id)
    if source is None or target is None or source.sku != target.sku or source.pk == target.pk:
        raise NotTheSame()
    return source, target


def _to(transfer: Transfer, state: TransferState, *, actor: Actor, as_of: datetime, reason: str) -> None:
    before = transfer.state
    TRANSFER_MACHINE.check(before, state)
    transfer.state = state
    transfer.save(update_fields=["state", "arrived_quantity"])
    _record(transfer, before, actor=actor, as_of=as_of, reason=reason)


def _record(transfer: Transfer, before: str, *, actor: Actor, as_of: datetime, reason: str) -> None:
    TransferHistory.objects.create(
        transfer=transfer,
        from_state=before,
        to_state=transfer.state,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )
