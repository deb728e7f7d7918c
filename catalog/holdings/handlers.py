"""Reactions to news from below, and to this flat's own."""

from datetime import date, datetime

from catalog.events import SubscriptionEnded
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.services import families, subscriptions, switching
from core import outbox
from core.actor import Actor
from resources.events import CommandDone

ACTOR = Actor.job("catalog.holdings")


@outbox.consumer(CommandDone, name="catalog.activate_subscription")
def activate_subscription(event: CommandDone, *, as_of: datetime) -> None:
    """What everything was switched on for is in use; what was cancelled or is over meanwhile stays so."""
    if event.subject_kind != switching.SUBJECT:
        return
    waits = Subscription.objects.filter(number=event.subject_id, state=SubscriptionState.PENDING)
    if waits.exists() and switching.is_done(event.subject_id):
        subscriptions.activate(number=event.subject_id, actor=ACTOR, as_of=as_of)


@outbox.consumer(SubscriptionEnded, name="catalog.end_family")
def end_family(event: SubscriptionEnded, *, as_of: datetime) -> None:
    """A family whose offer is over has no members any more."""
    families.subscription_ended(
        number=event.number, on=date.fromisoformat(event.on), actor=ACTOR, as_of=as_of
    )
