"""Prices as the pure rules take them."""

from catalog.choices import AfterLast
from catalog.offers.prices import Price
from catalog.offers.rules import Version


def of_offer(offer_id: int, charge: str) -> list[Version]:
    """All prices of an offer that count."""
    rows = Price.objects.filter(offer_id=offer_id, charge=charge, withdrawn_at=None)
    return [of_row(row) for row in rows]


def of_row(row: Price) -> Version:
    return Version(
        amounts_cents=tuple(row.amounts_cents),
        begins_on=row.active_from,
        ends_on=row.active_to,
        starts_over=row.after_last == AfterLast.AGAIN,
        region_id=row.region_id,
        kind=row.customer_kind,
    )
