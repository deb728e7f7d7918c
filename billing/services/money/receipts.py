"""Money that came in."""

from datetime import date, datetime

from django.db import connection

from billing import rules
from billing.events import MoneyUnderReview
from billing.models import EntryKind, Payment, PaymentPurpose, Receipt, ReviewReason
from billing.services.money import allocations, credits, ledger
from core import clock, outbox

_INSERT = """
    INSERT INTO billing_receipt (number, gateway, trade_no, payment_id, account_id, amount_cents, allocated_cents,
                                 refunded_cents, review_reason, paid_at, booked_at)
    VALUES (%(prefix)s || lpad(nextval('receipt_number')::text, 10, '0'), %(gateway)s, %(trade_no)s, %(payment)s,
            %(account)s, %(amount)s, %(allocated)s, 0, %(review)s, %(paid_at)s, %(booked_at)s)
    ON CONFLICT (gateway, trade_no) DO NOTHING
    RETURNING id, number"""


def find(gateway: str, trade_no: str) -> Receipt | None:
    return Receipt.objects.filter(gateway=gateway, trade_no=trade_no).first()


def book(
    *,
    account_id: int,
    gateway: str,
    trade_no: str,
    amount_cents: int,
    paid_at: datetime,
    as_of: datetime,
    payment: Payment | None = None,
    review: ReviewReason = ReviewReason.NONE,
    first_bill_id: int | None = None,
) -> str | None:
    """The receipt exists, is in the ledger, and has settled the account's bills; returns its number.

    None: this trade was booked before, nothing is changed. The named bill comes first (by default the payment's own),
    then the oldest; what is left is the account's credit. A receipt that somebody must look at (`review`) settles
    nothing, and a top-up only where credit pays bills by itself. News of it is the caller's, but for a review's. The
    caller holds the account's lock.
    """
    on = value_date(payment, paid_at)
    first = first_bill_id or (payment.bill_id if payment else None)
    settlement = _NOTHING
    if _settles(account_id, payment, review):
        settlement = rules.settle(amount_cents, allocations.owed(account_id, on=on), first_bill_id=first)
    values = {
        "prefix": f"R{clock.local_date(as_of):%Y%m%d}",
        "gateway": gateway,
        "trade_no": trade_no,
        "payment": payment.pk if payment else None,
        "account": account_id,
        "amount": amount_cents,
        "allocated": settlement.cents,
        "review": str(review),
        "paid_at": paid_at,
        "booked_at": as_of,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        inserted = cursor.fetchone()
    if inserted is None:
        return None
    receipt_id, number = inserted
    allocations.write(receipt_id=receipt_id, settlement=settlement, on=on, as_of=as_of)
    ledger.post(
        account_id=account_id,
        kind=EntryKind.RECEIPT,
        amount_cents=amount_cents,
        receipt_id=receipt_id,
        as_of=as_of,
    )
    if review:
        outbox.publish(MoneyUnderReview(number, account_id), as_of=as_of)
    return str(number)


_NOTHING = rules.Settlement(())


def value_date(payment: Payment | None, paid_at: datetime) -> date:
    """The day on which money counts as paid: when the customer set out to pay the sum that he was told, if he did so
    here; midnight on the way costs him nothing."""
    paid_on = clock.local_date(paid_at)
    return min(paid_on, clock.local_date(payment.created_at)) if payment else paid_on


def _settles(account_id: int, payment: Payment | None, review: ReviewReason) -> bool:
    if review:
        return False
    return payment is None or payment.purpose == PaymentPurpose.BILLS or credits.is_automatic(account_id)
