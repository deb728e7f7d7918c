"""Reactions to billing's own news: the slip ends, the customer is told."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.events import AccountsImported
from accounts.models import Contact, User
from billing.events import PaymentEnded, PaymentSucceeded
from billing.models import PaymentState
from billing.services import bulk_receipts
from core import money, outbox
from core.actor import Actor
from notices.models import Channel
from notices.services import messages
from operations.models import SlipState
from operations.services import slips

ACTOR = Actor.job("billing.handlers")


@outbox.consumer(PaymentSucceeded, name="billing.finish_slip")
def finish_slip(event: PaymentSucceeded, *, as_of: datetime) -> None:
    slips.finish(
        subject_kind="payment",
        subject_id=event.reference,
        state=SlipState.DONE,
        as_of=as_of,
        actor=ACTOR,
        result={
            "text": _("已入账，谢谢您。"),
            "url": reverse("billing:payment", args=[event.reference]),
            "receipt": event.receipt_number,
        },
    )


@outbox.consumer(PaymentEnded, name="billing.end_slip")
def end_slip(event: PaymentEnded, *, as_of: datetime) -> None:
    state = SlipState.CANCELLED if event.state == PaymentState.EXPIRED else SlipState.FAILED
    slips.finish(
        subject_kind="payment",
        subject_id=event.reference,
        state=state,
        as_of=as_of,
        actor=ACTOR,
        reason=f"payment {event.state}",
        result={
            "text": _("没有扣款。如果您已经付了款，钱到账后会自动存入户号，不会丢。"),
            "url": reverse("billing:payment", args=[event.reference]),
        },
    )


@outbox.consumer(PaymentSucceeded, name="billing.tell_payer")
def tell_payer(event: PaymentSucceeded, *, as_of: datetime) -> None:
    """A receipt by SMS to whoever paid, and to the account's first contact when that is another number."""
    payer = User.objects.filter(pk=event.payer_id).first() if event.payer_id else None
    phones = _phones(payer, event.account_id)
    if not phones:
        return
    messages.send(
        code="payment_received",
        recipient_ref=f"account:{event.account_number}",
        addresses=[messages.Address(Channel.SMS, phone) for phone in phones],
        context={
            "account_tail": event.account_number[-4:],
            "amount": money.display(event.amount_cents),
            "receipt": event.receipt_number,
        },
        dedupe_key=f"payment_received:{event.reference}",
        as_of=as_of,
        language=payer.language if payer else settings.LANGUAGE_CODE,
    )


@outbox.consumer(AccountsImported, name="billing.book_opening_balances")
def book_opening_balances(event: AccountsImported, *, as_of: datetime) -> None:
    bulk_receipts.book_opening(event.opening, source=event.source, paid_at=event.at, as_of=as_of)


def _phones(payer: User | None, account_id: int) -> list[str]:
    proven = payer.proven_phone if payer else None
    contact = Contact.objects.filter(
        account_id=account_id, kind=Contact.Kind.PHONE, is_primary=True
    ).values_list("value", flat=True)
    return [phone for phone in dict.fromkeys([proven, *contact]) if phone]
