"""Reading payments and receipts."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Membership, User
from billing.models import Payment, Receipt
from billing.models.payments import UNDECIDED
from core import rows
from core.errors import NotFound
from core.prepared import Prepared


def get(user: Any, reference: str) -> Payment:
    """A payment into one of the user's accounts, or one that he made; NotFound otherwise."""
    found = Payment.objects.filter(reference=reference).select_related("account__customer", "bill").first()
    if found is None or not _is_his(user, found):
        raise NotFound()
    return found


def undecided(user: Any) -> list[Payment]:
    """Payments without a result that concern the user: those that he made, and those of his accounts' own circle.

    Newest first. What a stranger is about to pay is no business of the members yet.
    """
    return _UNDECIDED.rows(pk=user.pk)


def _undecided(user: User) -> "QuerySet[Payment]":
    of_members = Exists(Membership.objects.filter(account=OuterRef("account"), user=OuterRef("payer")))
    his = Q(pk__in=Payment.objects.for_user(user).filter(state__in=UNDECIDED).values("pk"))
    found = Payment.objects.filter(state__in=UNDECIDED).filter(
        Q(payer_id=user.pk) | his & (Q(payer=None) | Q(of_members))
    )
    return found.select_related("account").order_by("-id")


_UNDECIDED = Prepared(lambda pk: _undecided(User(pk=pk)), pk=int)


_IN_THE_WAY = """
    SELECT * FROM billing_payment
     WHERE account_id = %(account)s AND state IN ('CREATED', 'PENDING', 'UNKNOWN')
       AND (payer_id IS NOT DISTINCT FROM %(payer)s
            OR (%(payer)s IS NULL OR %(payer)s IN (SELECT user_id FROM accounts_membership
                                                    WHERE account_id = %(account)s))
               AND (payer_id IS NULL OR payer_id IN (SELECT user_id FROM accounts_membership
                                                      WHERE account_id = %(account)s)))"""


def in_the_way(*, account_id: int, payer_id: int | None) -> list[Payment]:
    """Undecided payments that another one by this payer might pay twice; one statement.

    The account's members, and whoever pays by its link, are one circle. A stranger can only get into his own way:
    neither does he learn that somebody is paying just now, nor can he keep the members from it.
    """
    return rows.of(Payment, _IN_THE_WAY, {"account": account_id, "payer": payer_id})


def is_by_stranger(*, payer_id: int, account_id: int) -> bool:
    """Whether this user pays for somebody else: he is no member of the account."""
    return not Membership.objects.filter(account_id=account_id, user_id=payer_id).exists()


def receipt(user: Any, number: str) -> Receipt:
    """A receipt of one of the user's accounts, with what it settled; NotFound otherwise."""
    found = (
        Receipt.objects.for_user(user)
        .filter(number=number)
        .select_related("account__customer", "payment__payer")
        .prefetch_related("allocations__bill", "refunds")
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def stranger_who_paid(found: Receipt) -> User | None:
    """The user who paid this money and is no member of its account; None for all other money."""
    payer = found.payment.payer if found.payment else None
    if payer is None or not is_by_stranger(payer_id=payer.pk, account_id=found.account_id):
        return None
    return payer


def receipt_of_payer(user: Any, number: str) -> Receipt:
    """A receipt for money that the user paid, whoever's account it went to; NotFound otherwise.

    It is for a page that tells nothing of what the money was used for.
    """
    paid = Receipt.objects.filter(number=number, payment__payer_id=user.pk)
    found = paid.select_related("account__customer", "payment").first()
    if found is None:
        raise NotFound()
    return found


def receipts_of_user(user: Any) -> Any:
    """The receipts of the user's accounts, and those for what he paid into others'; newest first."""
    his = Q(pk__in=Receipt.objects.for_user(user).values("pk")) | Q(payment__payer_id=user.pk)
    return Receipt.objects.filter(his).select_related("account").order_by("-paid_at", "-id")


def _is_his(user: Any, payment: Payment) -> bool:
    return payment.payer_id == user.pk or Payment.objects.for_user(user).filter(pk=payment.pk).exists()
