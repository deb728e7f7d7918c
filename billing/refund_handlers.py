"""Reactions to the end of refunds: the slip that waits for it ends, the customer is told."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Contact, User
from billing.events import RefundEnded
from billing.models import RefundRequest, RefundState
from core import money, outbox
from core.actor import Actor
from notices.models import Channel
from notices.services import messages
from operations.models import SlipState
from operations.services import slips

ACTOR = Actor.job("billing.refund_handlers")
SUBJECT = "refund"  # of a slip that waits for a refund; its id is the refund's number
_SLIPS: dict[str, tuple[SlipState, Promise]] = {
    RefundState.SUCCEEDED: (SlipState.DONE, _("已退款。到账时间以您的银行或支付账户为准。")),
    RefundState.FAILED: (
        SlipState.FAILED,
        _("没有退成，钱还在您的账户余额里。工作人员会与您联系，您也可以致电客服。"),
    ),
    RefundState.REJECTED: (SlipState.FAILED, _("退款申请没有获得批准，钱还在您的账户余额里。")),
    RefundState.CANCELLED: (SlipState.CANCELLED, _("退款申请已撤回，钱还在您的账户余额里。")),
}
_MESSAGES = {
    RefundState.SUCCEEDED: "refund_succeeded",
    RefundState.FAILED: "refund_failed",
    RefundState.REJECTED: "refund_rejected",
}  # who takes it back himself is told on the page


@outbox.consumer(RefundEnded, name="billing.finish_refund_slip")
def finish_refund_slip(event: RefundEnded, *, as_of: datetime) -> None:
    state, text = _SLIPS[event.state]
    slips.finish(
        subject_kind=SUBJECT,
        subject_id=event.number,
        state=state,
        as_of=as_of,
        actor=ACTOR,
        reason=f"refund {event.state}",
        result={"text": text, "url": reverse("billing:refund", args=[event.number])},
    )


@outbox.consumer(RefundEnded, name="billing.tell_of_refund")
def tell_of_refund(event: RefundEnded, *, as_of: datetime) -> None:
    """An SMS to who asked for it, who had paid, and the account's first contact; once to each number."""
    code = _MESSAGES.get(RefundState(event.state))
    row = RefundRequest.objects.select_related("user", "account", "receipt__payment__payer").get(
        number=event.number
    )
    people = _people(row)
    phones = dict.fromkeys([*(person.proven_phone for person in people), *_contacts(event.account_id)])
    addresses = [messages.Address(Channel.SMS, phone) for phone in phones if phone]
    if code is None or not addresses:
        return
    messages.send(
        code=code,
        recipient_ref=f"account:{row.account.number}",
        addresses=addresses,
        context={
            "account_tail": row.account.number[-4:],
            "amount": money.display(row.amount_cents),
            "number": row.number,
        },
        dedupe_key=f"{code}:{row.number}",
        as_of=as_of,
        language=people[0].language if people else settings.LANGUAGE_CODE,
    )


def _people(row: RefundRequest) -> list[User]:
    payer = row.receipt.payment.payer if row.receipt.payment else None
    return [person for person in (row.user, payer) if person is not None]


def _contacts(account_id: int) -> list[str]:
    primary = Contact.objects.filter(account_id=account_id, kind=Contact.Kind.PHONE, is_primary=True)
    return list(primary.values_list("value", flat=True))
