"""News of rooms below leads to the judgement of that account at once: whoever pays has service again in seconds.

News takes no step that takes something away: see `assessing.assess_one`.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import BillingAccount
from arrears.models import ArrearsCase, Promise, PromiseState
from arrears.services import assessing, restored
from billing.events import (
    BillAdjusted,
    CounterMoneyReversed,
    DisputeClosed,
    DisputeOpened,
    MoneyReceived,
    MoneyRefunded,
    MoneyUnderReview,
    PaymentSucceeded,
    ReceiptMoved,
    ReceiptsImported,
)
from catalog.events import OrderEnded
from catalog.models import OrderState, Subscription, SubscriptionState
from core import outbox
from core.actor import Actor
from notices.events import DeliveryFailed
from notices.models import Failure

log = logging.getLogger(__name__)
ACTOR = Actor.job("arrears.handlers")
_REF = "account:"  # how this room names an account as the recipient of a message


@outbox.consumer(PaymentSucceeded, name="arrears.paid")
def paid(event: PaymentSucceeded, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(MoneyReceived, name="arrears.money_received")
def money_received(event: MoneyReceived, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(ReceiptsImported, name="arrears.receipts_imported")
def receipts_imported(event: ReceiptsImported, *, as_of: datetime) -> None:
    """One that fails does not keep the others waiting: `restore_services` and the daily pass come to it."""
    for account_id in _concerned(event.account_ids):
        try:
            with transaction.atomic():
                assessing.assess_one(account_id, actor=ACTOR, as_of=as_of, is_news=True)
        except Exception:
            log.exception("account not assessed after an import", extra={"account": account_id})


@outbox.consumer(MoneyUnderReview, name="arrears.money_under_review")
def money_under_review(event: MoneyUnderReview, *, as_of: datetime) -> None:
    """What is there is credit, whatever becomes of it."""
    _assess([event.account_id], as_of)


@outbox.consumer(MoneyRefunded, name="arrears.money_refunded")
def money_refunded(event: MoneyRefunded, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(ReceiptMoved, name="arrears.receipt_moved")
def receipt_moved(event: ReceiptMoved, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(CounterMoneyReversed, name="arrears.money_reversed")
def money_reversed(event: CounterMoneyReversed, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(DisputeOpened, name="arrears.dispute_opened")
def dispute_opened(event: DisputeOpened, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(DisputeClosed, name="arrears.dispute_closed")
def dispute_closed(event: DisputeClosed, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(BillAdjusted, name="arrears.bill_adjusted")
def bill_adjusted(event: BillAdjusted, *, as_of: datetime) -> None:
    _assess([event.account_id], as_of)


@outbox.consumer(DeliveryFailed, name="arrears.delivery_failed")
def delivery_failed(event: DeliveryFailed, *, as_of: datetime) -> None:
    """An address that takes no messages is replaced by a letter, where something waits for that notice."""
    if event.failure != Failure.HARD or not event.recipient_ref.startswith(_REF):
        return
    told = BillingAccount.objects.filter(number=event.recipient_ref.removeprefix(_REF))
    payers = Subscription.objects.filter(account__in=told, state=SubscriptionState.ACTIVE)
    _assess([*told.values_list("pk", flat=True), *payers.values_list("payer_id", flat=True)], as_of)


def _assess(account_ids: Sequence[int], as_of: datetime) -> None:
    for concerned in _concerned(account_ids):
        assessing.assess_one(concerned, actor=ACTOR, as_of=as_of, is_news=True)


def _concerned(account_ids: Sequence[int]) -> list[int]:
    """Who has neither a case nor a promise waits for the daily pass: most payments are in time."""
    cases = ArrearsCase.objects.open().filter(account_id__in=account_ids).values("account_id")
    promises = Promise.objects.filter(account_id__in=account_ids, state=PromiseState.OPEN)
    return sorted(cases.union(promises.values("account_id")).values_list("account_id", flat=True))


@outbox.consumer(OrderEnded, name="arrears.number_restored")
def number_restored(event: OrderEnded, *, as_of: datetime) -> None:
    """Who has his number back reads it on every contact that he left."""
    if event.state == OrderState.COMPLETED:
        restored.tell(event.number, as_of=as_of)
