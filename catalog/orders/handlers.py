"""Reactions to news: a paid bill, a subscription in use, a far system that could not; and what customers are told."""

from datetime import datetime

from billing.events import OrderBillPaid
from catalog.events import EndTakenBack, OrderEnded, OrderWaits, SubscriptionBegan, SubscriptionEnded
from catalog.holdings.models import SubscriptionState
from catalog.holdings.services import switching
from catalog.orders.models import Order
from catalog.orders.services import claims, news, orders, refunds
from core import outbox
from core.actor import Actor
from resources.events import CommandFailed

ACTOR = Actor.job("catalog.orders")


@outbox.consumer(OrderBillPaid, name="catalog.carry_out_order")
def carry_out_order(event: OrderBillPaid, *, as_of: datetime) -> None:
    """What waited for this bill begins; other bills of this kind wait for nothing."""
    number = Order.objects.filter(bill__number=event.bill_number).values_list("number", flat=True).first()
    if number is not None:
        orders.paid(number=number, actor=ACTOR, as_of=as_of)


@outbox.consumer(SubscriptionBegan, name="catalog.complete_order")
def complete_order(event: SubscriptionBegan, *, as_of: datetime) -> None:
    orders.subscription_on(number=event.number, actor=ACTOR, as_of=as_of)


@outbox.consumer(SubscriptionEnded, name="catalog.give_back_cancelled")
def give_back_cancelled(event: SubscriptionEnded, *, as_of: datetime) -> None:
    """Staff took a change back, or what it was to follow ended otherwise: the customer does not pay for it."""
    if event.reason == SubscriptionState.CANCELLED:
        refunds.of_cancelled(event.number, reason=event.reason, actor=ACTOR, as_of=as_of)
        claims.drop_of(event.number, reason=event.reason, actor=ACTOR, as_of=as_of)


@outbox.consumer(EndTakenBack, name="catalog.give_back_penalty")
def give_back_penalty(event: EndTakenBack, *, as_of: datetime) -> None:
    """It goes on: a penalty for ending it is not due."""
    refunds.of_end_taken_back(event.number, event.slip_number, reason=event.name, actor=ACTOR, as_of=as_of)


@outbox.consumer(CommandFailed, name="catalog.order_in_trouble")
def order_in_trouble(event: CommandFailed, *, as_of: datetime) -> None:
    """Goes to a person: the line says what happened, and the staff's page of orders shows it first."""
    if event.subject_kind == switching.SUBJECT:
        orders.note_trouble(subscription=event.subject_id, error=event.error, actor=ACTOR, as_of=as_of)


@outbox.consumer(OrderEnded, name="catalog.tell_order_ended")
def tell_order_ended(event: OrderEnded, *, as_of: datetime) -> None:
    news.ended(event.number, as_of=as_of)


@outbox.consumer(OrderWaits, name="catalog.tell_order_waits")
def tell_order_waits(event: OrderWaits, *, as_of: datetime) -> None:
    news.waits(event.number, as_of=as_of)
