"""Reactions to billing's own news: the slip ends, the customer is told."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import names
from accounts.events import AccountsImported, MembershipEnded
from accounts.models import Contact, User
from billing import debit_handlers, refund_handlers  # noqa: F401  register their consumers
from billing.events import CounterMoneyReversed, MoneyReceived, PaymentEnded, PaymentSucceeded, ReceiptMoved
from billing.models import PaymentState
from billing.selectors import payments as payment_reads
from billing.services.bulk import bulk_receipts
from billing.services.debits import debit_agreements
from billing.services.mails import email_subscriptions
from billing.services.payments import pay_links
from core import money, outbox
from core.actor import Actor
from notices.events import DeliveryFailed
from notices.models import Channel
from notices.services import messages
from operations.models import SlipState
from operations.services import slips

ACTOR = Actor.job("billing.handlers")


@outbox.consumer(PaymentSucceeded, name="billing.finish_slip")
def finish_slip(event: PaymentSucceeded, *, as_of: datetime) -> None:
    """Whatever the payment was started with ends: its slip, and the link that somebody paid by."""
    pay_links.paid(reference=event.reference, actor=ACTOR, as_of=as_of)
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


@outbox.consumer(MembershipEnded, name="billing.end_arrangements")
def end_arrangements(event: MembershipEnded, *, as_of: datetime) -> None:
    """Whoever left an account no longer pays it by his bank, and gets no bills of it."""
    debit_agreements.lapse(actor=ACTOR, as_of=as_of, account_number=event.account_number)
    email_subscriptions.lapse(actor=ACTOR, as_of=as_of, account_number=event.account_number)


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
    """A receipt by SMS to whoever paid, and to the account's first contact when that is another number.

    Of a stranger's payment the contact is told that somebody else paid, by a masked name.
    """
    payer = User.objects.filter(pk=event.payer_id).first() if event.payer_id else None
    told = [payer.proven_phone] if payer else []
    contact = _contact(event.account_id)
    if payer and payment_reads.is_by_stranger(payer_id=payer.pk, account_id=event.account_id):
        if contact and contact not in told:
            _send(
                "payment_by_other",
                event,
                [contact],
                key=f"payment_by_other:{event.reference}",
                as_of=as_of,
                payer=names.masked(payer.name) or "*",
            )
    else:
        told.append(contact)
    language = payer.language if payer else settings.LANGUAGE_CODE
    key = f"payment_received:{event.reference}"
    _send("payment_received", event, told, key=key, as_of=as_of, language=language)


@outbox.consumer(MoneyReceived, name="billing.tell_contact")
def tell_contact(event: MoneyReceived, *, as_of: datetime) -> None:
    """The same receipt by SMS for money that was taken at the counter."""
    key = f"payment_received:{event.receipt_number}"
    _send("payment_received", event, [_contact(event.account_id)], key=key, as_of=as_of)


@outbox.consumer(CounterMoneyReversed, name="billing.tell_of_reversal")
def tell_of_reversal(event: CounterMoneyReversed, *, as_of: datetime) -> None:
    """The customer hears of it from us, not only from who had his money in hand."""
    key = f"counter_reversed:{event.receipt_number}"
    _send("counter_reversed", event, [_contact(event.account_id)], key=key, as_of=as_of)


@outbox.consumer(ReceiptMoved, name="billing.tell_of_move")
def tell_of_move(event: ReceiptMoved, *, as_of: datetime) -> None:
    """Each side hears of its own; neither is told the other's number. The suspense account has nobody to tell."""
    code = "receipt_moved_here" if event.is_here else "receipt_moved_away"
    key = f"{code}:{event.transfer_id}"
    _send(code, event, [_contact(event.account_id)], key=key, as_of=as_of)


@outbox.consumer(AccountsImported, name="billing.book_opening_balances")
def book_opening_balances(event: AccountsImported, *, as_of: datetime) -> None:
    bulk_receipts.book_opening(event.opening, source=event.source, paid_at=event.at, as_of=as_of)


def _contact(account_id: int) -> str | None:
    primary = Contact.objects.filter(account_id=account_id, kind=Contact.Kind.PHONE, is_primary=True)
    return primary.values_list("value", flat=True).first()


def _send(
    code: str,
    event: PaymentSucceeded | MoneyReceived | CounterMoneyReversed | ReceiptMoved,
    phones: Iterable[str | None],
    *,
    key: str,
    as_of: datetime,
    language: str = settings.LANGUAGE_CODE,
    **more: str,
) -> None:
    """One message about the event's receipt to each of these phones; none where there is no phone."""
    addresses = [messages.Address(Channel.SMS, phone) for phone in dict.fromkeys(phones) if phone]
    if not addresses:
        return
    context = {
        "account_tail": event.account_number[-4:],
        "amount": money.display(event.amount_cents),
        "receipt": event.receipt_number,
    }
    messages.send(
        code=code,
        recipient_ref=f"account:{event.account_number}",
        addresses=addresses,
        context=context | more,
        dedupe_key=key,
        as_of=as_of,
        language=language,
    )


@outbox.consumer(DeliveryFailed, name="billing.email_failed")
def email_failed(event: DeliveryFailed, *, as_of: datetime) -> None:
    """A bill that came back stops the next ones."""
    if event.recipient_ref.startswith(email_subscriptions.REF):
        email_subscriptions.delivery_failed(
            reference=event.recipient_ref.removeprefix(email_subscriptions.REF),
            failure=event.failure,
            actor=ACTOR,
            as_of=as_of,
        )
