"""Pure decisions about money."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """`cents` of a sum for the bill with this id; always above zero."""

    bill_id: int
    cents: int


def settle(
    amount_cents: int, open_bills: Sequence[Share], *, first_bill_id: int | None = None
) -> list[Share]:
    """What a payment settles: the named bill first, then the others in the order given (oldest first).

    The shares sum to the smaller of the amount and what is open; the rest of the amount is the account's credit.
    """
    ordered = sorted(
        open_bills, key=lambda bill: bill.bill_id != first_bill_id
    )  # stable: keeps the age order
    taken: list[Share] = []
    left = amount_cents
    for share in ordered:
        cents = min(left, share.cents)
        if cents > 0:
            taken.append(Share(share.bill_id, cents))
            left -= cents
    return taken
