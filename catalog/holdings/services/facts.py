"""Telling that what was charged for a month that is over rests on other facts now."""

from datetime import date, datetime

from accounts.models import BillingAccount
from catalog.events import FactsChanged
from catalog.holdings import rules
from catalog.holdings.families import FamilyMember
from core import outbox
from core.clock import local_date


def changed(*, account_id: int, from_day: date | None, reason: str, as_of: datetime) -> None:
    """Whoever has paid for the account since that day is told of; nothing for days that cannot be charged yet."""
    if from_day is None or not rules.is_over(from_day, today=local_date(as_of)):
        return
    for number in _payers(account_id, from_day):
        outbox.publish(FactsChanged(number, from_day.isoformat(), reason[:200]), as_of=as_of)


def _payers(account_id: int, from_day: date) -> list[str]:
    """Those whose months may hold it: the account itself, and the heads of its families since."""
    memberships = FamilyMember.objects.filter(account_id=account_id).exclude(active_to__lte=from_day)
    heads = memberships.values_list("family__payer__number", flat=True)
    own = BillingAccount.every.filter(pk=account_id).values_list("number", flat=True)
    return sorted({*heads, *own})
