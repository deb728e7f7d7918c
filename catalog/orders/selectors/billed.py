"""What the bills of orders said for what is held: that much is given back, whatever prices and discounts hold since."""

from collections.abc import Collection

from django.db.models import Sum

from billing.models import BillLine
from catalog.orders.models import LineState, OrderLine
from catalog.pricing.types import Holding


def whole(number: str) -> int | None:
    """Fen for all that was due with the order that brought it, a penalty included; None: no order of ours did."""
    rows = OrderLine.objects.filter(subscription__number=number).exclude(state=LineState.FAILED)
    found: int | None = rows.aggregate(cents=Sum("amount_cents"))["cents"]
    return found


def first_terms(held: Collection[Holding]) -> dict[str, int]:
    """By ref: fen for the first term of those that have one and that an order of ours brought."""
    paid = [each.ref for each in held if each.paid_until is not None]
    if not paid:
        return {}
    rows = OrderLine.objects.filter(subscription__number__in=paid, order__bill__isnull=False)
    brought = rows.exclude(state=LineState.FAILED).values_list(
        "subscription__number", "order__bill_id", "offer__code"
    )
    return {ref: _of_term(bill_id, offer) for ref, bill_id, offer in brought}


def _of_term(bill_id: int, offer: str) -> int:
    lines = BillLine.objects.filter(bill_id=bill_id, code__startswith=f"{offer}/PERIOD"[:40])
    return lines.aggregate(cents=Sum("amount_cents"))["cents"] or 0
