"""The number of what is held: its own from its order on, over to what takes its place, and into its lock at the end."""

from datetime import datetime

from catalog.holdings.models import Subscription, SubscriptionState
from core.actor import Actor
from resources.models import Number, PeriodKind
from resources.selectors import numbers as reads
from resources.services import number_orders, numbers


def owner(subscription: Subscription) -> str:
    """Under which name a subscription owns its number."""
    return f"subscription:{subscription.number}"


def take(subscription: Subscription, kept_for: str, *, actor: Actor, as_of: datetime) -> None:
    """What is kept under that name is the subscription's. Raises NotFound, NotHeld."""
    number_orders.give(
        digits=subscription.service_number,
        order=kept_for,
        owner=owner(subscription),
        actor=actor,
        as_of=as_of,
    )


def end(subscription: Subscription, reason: str, *, actor: Actor, as_of: datetime) -> None:
    """The locked subscription is over: what took its place has the number now, else the number is locked.

    A number that is none of ours, e.g. an imported one, is nothing to us.
    """
    if not subscription.service_number or not _owns(subscription, as_of):
        return
    digits, own = subscription.service_number, owner(subscription)
    after = Subscription.objects.filter(
        follows=subscription, service_number=digits, state=SubscriptionState.ACTIVE
    ).first()
    if after is None:
        numbers.take_back(digits=digits, owner=own, actor=actor, as_of=as_of, cause=reason[:300] or "ended")
    else:
        numbers.pass_on(
            digits=digits, owner=own, to=owner(after), actor=actor, as_of=as_of, cause=reason[:300]
        )


def _owns(subscription: Subscription, as_of: datetime) -> bool:
    number = Number.objects.filter(digits=subscription.service_number).first()
    period = reads.present(number, as_of=as_of) if number is not None else None
    return period is not None and (period.kind, period.holder) == (PeriodKind.OWNER, owner(subscription))
