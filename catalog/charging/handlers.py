"""Reactions to news of what is held, and of who holds it."""

from datetime import date, datetime

from accounts.events import StandingChanged
from accounts.models import BillingAccount
from catalog.charging.services import recharges
from catalog.events import FactsChanged
from core import outbox


@outbox.consumer(FactsChanged, name="catalog.recharge")
def recharge(event: FactsChanged, *, as_of: datetime) -> None:
    """What the account was charged for the months since is computed again."""
    recharges.request(
        account_number=event.account_number,
        from_day=date.fromisoformat(event.from_day),
        reason=event.reason,
        as_of=as_of,
    )


@outbox.consumer(StandingChanged, name="catalog.standing_corrected")
def standing_corrected(event: StandingChanged, *, as_of: datetime) -> None:
    """The facts of all accounts for which the customer pays have changed."""
    numbers = BillingAccount.every.filter(customer__number=event.customer_number).values_list(
        "number", flat=True
    )
    for number in numbers.order_by("number"):
        outbox.publish(FactsChanged(number, event.from_day, event.reason), as_of=as_of)
