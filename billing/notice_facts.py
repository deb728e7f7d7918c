"""What this room knows of a recipient: for previews of texts, and whose the mails with bills are."""

from collections.abc import Collection, Iterable

from django.utils import formats

from accounts.notice_facts import account_of
from accounts.selectors import inbox
from billing.models import Bill, EmailSubscription
from billing.services.mails import email_subscriptions
from core import money
from notices import previews


@previews.filler
def owed(recipient_ref: str) -> dict[str, str]:
    """What is owed on its bills, and since when."""
    account = account_of(recipient_ref)
    bills = list(Bill.objects.filter(account=account).open().order_by("due_on")) if account else []
    if not bills:
        return {}
    return {
        "amount": money.display(sum(bill.open_cents for bill in bills)),
        "due_on": formats.date_format(bills[0].due_on, "DATE_FORMAT"),
    }


@inbox.refs
def bill_mails(account_ids: Collection[int]) -> Iterable[str]:
    """Mails with bills go to subscriptions of an account."""
    rows = EmailSubscription.objects.filter(account_id__in=account_ids)
    return [email_subscriptions.REF + reference for reference in rows.values_list("reference", flat=True)]
