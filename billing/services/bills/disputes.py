"""Disputes of bills: raised by the customer, answered by staff within so many working days, or withdrawn."""

from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import User
from accounts.selectors import accounts
from billing import locks
from billing.events import DisputeClosed, DisputeOpened
from billing.models import DISPUTE_MACHINE, Bill, Dispute, DisputeCause, DisputeHistory, DisputeState
from billing.selectors import own_accounts
from core import clock, outbox, sequences, workdays
from core.actor import Actor
from core.errors import Conflict, HallError
from notices.models import Channel
from notices.services import messages
from operations.models import SlipState
from operations.services import slips

SUBJECT = "dispute"  # what slips call it
LONGEST_TEXT = 500
_TOLD = {
    DisputeState.UPHELD: _("异议成立：{answer}"),
    DisputeState.REJECTED: _("异议不成立：{answer}"),
    DisputeState.WITHDRAWN: _("已按您的要求撤回"),
}


class AlreadyDisputed(Conflict):
    code = "ALREADY_DISPUTED"
    message = _("这张账单的异议 %(number)s 正在核查，答复以后才能再提")


class AnswerMissing(HallError):
    code = "ANSWER_MISSING"
    message = _("请写明给客户的答复")


def promised_on(as_of: datetime) -> date:
    """The last day on which a dispute raised now is answered in time."""
    return workdays.add_working_days(clock.local_date(as_of), settings.DISPUTE_ANSWER_WORKING_DAYS)


def begin(
    *, bill_id: int, cause: DisputeCause, text: str, raised_by_id: int, actor: Actor, as_of: datetime
) -> Dispute:
    """The bill is disputed, and an answer promised. Raises AlreadyDisputed while another dispute of it is open."""
    with transaction.atomic():
        bill = Bill.objects.get(pk=bill_id)
        account_locks.account(bill.account_id)
        if earlier := Dispute.objects.open().filter(bill=bill).first():
            raise AlreadyDisputed(number=earlier.number)
        dispute = Dispute.objects.create(
            number=sequences.next_number("dispute_number", prefix="D", on=clock.local_date(as_of)),
            bill=bill,
            cause=cause,
            text=text,
            raised_by_id=raised_by_id,
            created_at=as_of,
            promised_on=promised_on(as_of),
        )
        DisputeHistory.objects.create(dispute=dispute, to_state=dispute.state, actor=actor.ref, at=as_of)
        outbox.publish(DisputeOpened(dispute.number, bill.number, bill.account_id), as_of=as_of)
    return dispute


def close(
    *,
    dispute_id: int,
    state: DisputeState,
    answer: str,
    actor: Actor,
    as_of: datetime,
    reason: str = "",
) -> Dispute:
    """The dispute has ended: UPHELD or REJECTED with an answer that the customer is told, or WITHDRAWN by him.

    Its slip ends with it. What an upheld dispute takes off the bill is an adjustment of its own. `reason` is for staff;
    the customer never reads it. Raises IllegalTransition when it has ended already, OwnAccount for staff who would
    answer about their own account.
    """
    answered = state != DisputeState.WITHDRAWN
    if answered and not answer.strip():
        raise AnswerMissing()
    with transaction.atomic():
        dispute = locks.dispute(dispute_id)
        if answered:
            own_accounts.refuse(actor, own_accounts.of_bill(dispute.bill_id))
        DISPUTE_MACHINE.check(dispute.state, state)
        before, dispute.state = dispute.state, state
        dispute.answer, dispute.closed_at = answer.strip()[:LONGEST_TEXT], as_of
        dispute.save(update_fields=["state", "answer", "closed_at"])
        DisputeHistory.objects.create(
            dispute=dispute, from_state=before, to_state=state, actor=actor.ref, reason=reason, at=as_of
        )
        bill = dispute.bill
        outbox.publish(DisputeClosed(dispute.number, bill.number, bill.account_id, str(state)), as_of=as_of)
        _end_slip(dispute, actor, as_of)
        if answered:
            _tell(dispute, as_of)
    return dispute


def _end_slip(dispute: Dispute, actor: Actor, as_of: datetime) -> None:
    """The customer's request is answered: DONE whichever way, CANCELLED when he took it back."""
    withdrawn = dispute.state == DisputeState.WITHDRAWN
    slips.finish(
        subject_kind=SUBJECT,
        subject_id=dispute.number,
        state=SlipState.CANCELLED if withdrawn else SlipState.DONE,
        as_of=as_of,
        actor=actor,
        reason=f"dispute {dispute.state}",
        result={
            "text": format_lazy(_TOLD[DisputeState(dispute.state)], answer=dispute.answer),
            "url": reverse("billing:bill", args=[dispute.bill.number]),
        },
    )


def _tell(dispute: Dispute, as_of: datetime) -> None:
    """By SMS: that there is an answer, not what it says."""
    customer = User.objects.get(pk=dispute.raised_by_id)
    account = dispute.bill.account
    phone = customer.proven_phone or accounts.primary_phone(account)
    if not phone:
        return
    messages.send(
        code="dispute_answered",
        recipient_ref=f"account:{account.number}",
        addresses=[messages.Address(Channel.SMS, phone)],
        context={"account_tail": account.number[-4:], "number": dispute.number},
        dedupe_key=f"dispute_answered:{dispute.number}",
        as_of=as_of,
        language=customer.language,
    )
