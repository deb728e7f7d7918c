"""What was ordered and waits for its payment counts as held: it is not ordered twice, nor what may not stand beside."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from accounts.models import BillingAccount
from catalog.holdings import rules as holding_rules
from catalog.orders import rules
from catalog.orders.models import LineAction, LineState, OrderLine
from catalog.pricing import PricingError, charges
from catalog.pricing.types import Change, Customer, Holding, Period, PriceBook
from core.prepared import Prepared

REF = "order:"  # how the refs of what waits for its payment begin
WAITING = Prepared(
    lambda account: (
        OrderLine.objects.filter(order__account_id=account, order__finished_at=None, state=LineState.WAITING)
        .exclude(action=LineAction.CANCEL)
        .select_related("order", "offer", "replaces")
        .order_by("pk")
    ),
    account=int,
)


def beside(
    account: BillingAccount, held: Sequence[Holding], customer: Customer, book: PriceBook, today: date
) -> tuple[Holding, ...]:
    """What is held with what waits: an addition from today, a change from the day on which it would hold today.

    What cannot be carried out any more (it will fail when it is paid) counts for nothing.
    """
    now = tuple(held)
    for row in WAITING.rows(account=account.pk):
        offer = row.offer.code
        change = (
            Change(on=today, turn={row.replaces.number: offer})
            if row.replaces
            else Change(on=today, add=(offer,), place=holding_rules.place(account.number, row.address))
        )
        try:
            period = Period.containing(today)
            made = charges(holdings=now, change=change, customer=customer, book=book, period=period)
        except PricingError:
            continue
        now = tuple(
            replace(each, ref=f"{REF}{row.order.number}:{row.position}")
            if each.ref.startswith(rules.NEW)
            else each
            for each in made.holdings
        )
    return now
