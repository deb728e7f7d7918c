"""Reactions to the end of debits: a customer whose bank refused is told what happens next."""

from datetime import datetime

from billing import debit_rules
from billing.events import PaymentEnded
from billing.models import DebitAgreementState, DebitTry
from billing.services.debits import debit_agreements, debits
from billing.texts import bill_title
from core import clock, money, outbox
from notices.models import Channel
from notices.services import messages


@outbox.consumer(PaymentEnded, name="billing.tell_of_refused_debit")
def tell_of_refused_debit(event: PaymentEnded, *, as_of: datetime) -> None:
    """However it became known: by the bank's answer, or later by asking."""
    rows = DebitTry.objects.filter(payment__reference=event.reference)
    tried = rows.select_related("notice__agreement__account", "notice__bill", "payment").first()
    if tried is None:
        return
    agreement, bill = tried.notice.agreement, tried.notice.bill
    phone = debit_agreements.contact(agreement.account_id)
    if not phone:
        return
    context = {
        "account_tail": agreement.account.number[-4:],
        "bill": debits.in_language(agreement, bill_title, bill),
        "amount": money.display(tried.payment.amount_cents),
    }
    again = debit_rules.retry_on(clock.local_date(tried.at), number=tried.number)
    if again and agreement.state == DebitAgreementState.ACTIVE:
        code, context = "debit_retry", context | {"day": debits.shown_day(agreement, again)}
    else:
        code = "debit_failed"
    messages.send(
        code=code,
        recipient_ref=f"account:{agreement.account.number}",
        addresses=[messages.Address(Channel.SMS, phone)],
        context=context,
        dedupe_key=f"debit_refused:{event.reference}",
        as_of=as_of,
        language=agreement.language,
    )
