"""Reactions to news of what is held."""

from datetime import date, datetime

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
