"""A person tries again what a far system could not do."""

from datetime import datetime

from django.db import transaction

from catalog.holdings.models import SubscriptionState
from catalog.holdings.services import subscriptions, switching
from catalog.orders import errors, locks
from catalog.orders.models import LineState, OrderLine, OrderState
from catalog.orders.services import moves, orders
from core.actor import Actor
from resources.models import Command, CommandState
from resources.services import provisioning


@transaction.atomic
def retry(*, number: str, actor: Actor, as_of: datetime, reason: str) -> int:
    """What failed is asked for once more; how many commands. An order that is paid and waits all the same goes on.

    Raises NotFound, NothingToRetry.
    """
    order = locks.order(number)
    if order.state == OrderState.ACCEPTED and orders.paid(number=number, actor=actor, as_of=as_of):
        return 0
    working = [row for row in locks.lines(order.pk) if row.state == LineState.WORKING]
    touched = [row for row in working if row.error or _is_late(row)]
    if not touched:
        raise errors.NothingToRetry(number=number)
    moves.record(order, order.state, order.state, actor=actor, as_of=as_of, reason=reason)
    return sum(_again(row, actor=actor, as_of=as_of, reason=reason) for row in touched)


def _is_late(row: OrderLine) -> bool:
    """Everything is on, and nobody has told the order."""
    return row.subscription is not None and switching.is_done(row.subscription.number)


def _again(row: OrderLine, *, actor: Actor, as_of: datetime, reason: str) -> int:
    if row.subscription is None:
        return 0
    row.error = ""
    row.save(update_fields=["error"])
    number = row.subscription.number
    failed = Command.objects.filter(
        subject_kind=switching.SUBJECT, subject_id=number, state=CommandState.FAILED
    )
    ids = list(failed.order_by("pk").values_list("pk", flat=True))
    for command_id in ids:
        provisioning.run_again(command_id=command_id, actor=actor, as_of=as_of, reason=reason)
    if not ids and row.subscription.state == SubscriptionState.PENDING and switching.is_done(number):
        subscriptions.activate(number=number, actor=actor, as_of=as_of)
    elif not ids and row.subscription.state == SubscriptionState.ACTIVE:
        orders.subscription_on(number=number, actor=actor, as_of=as_of)
    return len(ids)
