"""Every FOR UPDATE of this room. The billing account is locked first (accounts.locks), then payment, then bills."""

from collections.abc import Collection

from django.db.models import F

from collections.abc import Collection

from django.db.models import F

from accounts.models import BillingAccount
from billing.models import Bill, Payment, Receipt
from billing.rules import Share
from billing.rules import Share
from core.errors import NotFound


def account_of_payment(payment_id: int) -> None:
    """The root lock of a payment's money, found and taken in one statement (a payment never changes its account)."""
    locked = (
        BillingAccount.objects.select_for_update(of=("self",)).filter(payments=payment_id).values_list("pk")
    )
    if not locked.first():
        raise NotFound()


def payment(payment_id: int) -> Payment:
    found = Payment.objects.select_for_update().filter(pk=payment_id).first()
    if found is None:
        raise NotFound()
    return found


def open_bills(account_id: int) -> list[Bill]:
    """The account's open bills, oldest due first."""
    return list(
        Bill.objects.open().select_for_update().filter(account_id=account_id).order_by("due_on", "id")
    )


def open_bills_of(account_ids: Collection[int]) -> dict[int, list[Share]]:
    """What is still owed on each open bill of these accounts, oldest due first."""
    bills = Bill.objects.open().select_for_update().filter(account_id__in=account_ids)
    rows = bills.order_by("account_id", "due_on", "id").values_list(
        "account_id", "id", F("total_cents") - F("paid_cents")
    )
    found: dict[int, list[Share]] = {}
    for account_id, bill_id, cents in rows:
        found.setdefault(account_id, []).append(Share(bill_id, cents))
    return found


def receipt(receipt_id: int) -> Receipt:
    return Receipt.objects.select_for_update().get(pk=receipt_id)
