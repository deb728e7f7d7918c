"""Whoever pays has service again at once: news of billing leads to the judgement of that account."""

from datetime import datetime

from arrears.models import ArrearsCase, Promise, PromiseState
from arrears.services import assessing
from billing.events import CounterMoneyReversed, MoneyReceived, PaymentSucceeded, ReceiptMoved
from core import outbox
from core.actor import Actor

ACTOR = Actor.job("arrears.handlers")


@outbox.consumer(PaymentSucceeded, name="arrears.paid")
def paid(event: PaymentSucceeded, *, as_of: datetime) -> None:
    _assess(event.account_id, as_of)


@outbox.consumer(MoneyReceived, name="arrears.money_received")
def money_received(event: MoneyReceived, *, as_of: datetime) -> None:
    _assess(event.account_id, as_of)


@outbox.consumer(ReceiptMoved, name="arrears.receipt_moved")
def receipt_moved(event: ReceiptMoved, *, as_of: datetime) -> None:
    _assess(event.account_id, as_of)


@outbox.consumer(CounterMoneyReversed, name="arrears.money_reversed")
def money_reversed(event: CounterMoneyReversed, *, as_of: datetime) -> None:
    _assess(event.account_id, as_of)


def _assess(account_id: int, as_of: datetime) -> None:
    """Who has neither a case nor a promise waits for the daily pass: most payments are in time."""
    has_case = ArrearsCase.objects.open().filter(account_id=account_id).exists()
    if has_case or Promise.objects.filter(account_id=account_id, state=PromiseState.OPEN).exists():
        assessing.assess_one(account_id, actor=ACTOR, as_of=as_of)
