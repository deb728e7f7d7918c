"""Reading payments and receipts."""

from typing import Any

from billing.models import Payment, Receipt
from billing.models.payments import UNDECIDED
from core.errors import NotFound


def get(user: Any, reference: str) -> Payment:
    """A payment into one of the user's accounts, or one that he made; NotFound otherwise."""
    found = Payment.objects.filter(reference=reference).select_related("account__customer", "bill").first()
    if found is None or not _is_his(user, found):
        raise NotFound()
    return found


def undecided(user: Any) -> list[Payment]:
    """The user's payments that have no result yet, newest first."""
    return list(
        Payment.objects.for_user(user).filter(state__in=UNDECIDED).select_related("account").order_by("-id")
    )


def receipt(user: Any, number: str) -> Receipt:
    """A receipt of one of the user's accounts, with what it settled; NotFound otherwise."""
    found = (
        Receipt.objects.for_user(user)
        .filter(number=number)
        .select_related("account__customer", "payment")
        .prefetch_related("allocations__bill", "refunds")
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def receipts_of_user(user: Any) -> Any:
    return Receipt.objects.for_user(user).select_related("account").order_by("-paid_at", "-id")


def _is_his(user: Any, payment: Payment) -> bool:
    return payment.payer_id == user.pk or Payment.objects.for_user(user).filter(pk=payment.pk).exists()
