"""Every FOR UPDATE of this room. The billing account is locked first (accounts.locks), then payment, then bills."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from billing.models import (
    Bill,
    Dispute,
    EmailSubscription,
    LargeBill,
    PayLink,
    PayLinkState,
    Payment,
    Receipt,
    RefundRequest,
    StatementDifference,
)
from billing.models.email_subscriptions import OPEN
from core import rows
from core.errors import NotFound

# Plain SQL where money is applied: building these queries costs more than running them.
# Rows are locked in the order in which FOR UPDATE OF names them: the account first.
_ACCOUNT_AND_PAYMENT = """
    SELECT payment.*, account.number AS account_number
      FROM billing_payment payment JOIN accounts_billingaccount account ON account.id = payment.account_id
     WHERE payment.id = %s AND set_config('lock_timeout', %s, true) <> '' FOR UPDATE OF account, payment"""
# Whoever moves a payment's money waits this long for a lock: one account that stays locked must not stop all workers.
LONGEST_WAIT = "5s"
_PAYMENT = "SELECT * FROM billing_payment WHERE id = %s FOR UPDATE"
_OPEN_BILLS = """
    SELECT id, account_id, open_cents, due_on, kind = 'PENALTY', paid_cents > 0 FROM billing_bill
     WHERE account_id = ANY(%s) AND open_cents > 0
     ORDER BY account_id, due_on, id FOR UPDATE"""
_CREDITS = """
    SELECT * FROM billing_receipt
     WHERE account_id = %s AND amount_cents > allocated_cents + refunded_cents + refunding_cents
       AND (review_reason = '' OR reviewed_at IS NOT NULL)
     ORDER BY paid_at, id FOR UPDATE"""
_AUTOMATIC_CREDITS = """
    SELECT account_id, id, amount_cents - allocated_cents - refunded_cents - refunding_cents, paid_at
      FROM billing_receipt
     WHERE account_id = ANY(%s::bigint[]) AND amount_cents > allocated_cents + refunded_cents + refunding_cents
       AND (review_reason = '' OR reviewed_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM billing_balancepreference preference
                        WHERE preference.account_id = billing_receipt.account_id AND NOT preference.is_automatic)
     ORDER BY account_id, paid_at, id FOR UPDATE OF billing_receipt"""
# The array makes PostgreSQL run the locking query once; inside IN (…) it may run it per row, past its LIMIT.
_CLAIM_UNDECIDED = """
    UPDATE billing_payment SET queries = queries + 1, next_query_at = %s
     WHERE id = ANY(ARRAY(SELECT id FROM billing_payment
                           WHERE state IN ('CREATED', 'PENDING', 'UNKNOWN') AND next_query_at <= %s
                           ORDER BY next_query_at, id LIMIT %s FOR UPDATE SKIP LOCKED))
    RETURNING *"""


def payment_with_account(payment_id: int) -> tuple[Payment, str]:
    """The payment as it is now under the root lock of its money; with the number of its account.

    OperationalError when these locks, or later ones of the same transaction, are not free within `LONGEST_WAIT` each.
    """
    found = _one(_ACCOUNT_AND_PAYMENT, payment_id, LONGEST_WAIT)
    return found, str(vars(found)["account_number"])


def payment(payment_id: int) -> Payment:
    """The payment as it is now, locked."""
    return _one(_PAYMENT, payment_id)


def _one(sql: str, *values: int | str) -> Payment:
    found = next(iter(rows.of(Payment, sql, values)), None)
    if found is None:
        raise NotFound()
    return found


@dataclass(frozen=True, slots=True)
class OpenBill:
    """A locked bill on which something is owed."""

    id: int
    account_id: int
    cents: int
    due_on: date
    is_penalty: bool
    is_part_paid: bool = False

    def may_cost(self, on: date) -> bool:
        """Whether paying it off on the day can bring a penalty; of a part payment, that may have come after it."""
        return not self.is_penalty and (self.due_on < on or self.is_part_paid)


def open_bills(account_ids: Collection[int]) -> list[OpenBill]:
    """What is still owed on each open bill of these accounts, account by account, oldest due first."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_BILLS, [list(account_ids)])
        return [OpenBill(*row) for row in cursor.fetchall()]


def bill(bill_id: int) -> Bill:
    """The bill as it is now, locked; raises NotFound."""
    found = Bill.objects.select_for_update().filter(pk=bill_id).first()
    if found is None:
        raise NotFound()
    return found


def credits(account_id: int) -> list[Receipt]:
    """The account's receipts of which something may be used, oldest first. Its root lock is held."""
    return rows.of(Receipt, _CREDITS, [account_id])


def automatic_credits(account_ids: Iterable[int]) -> list[tuple[int, int, int, datetime]]:
    """(account id, receipt id, free fen, paid at) of what pays new bills of these accounts by itself, account by
    account, oldest first. The accounts' root locks are held.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AUTOMATIC_CREDITS, ["{" + ",".join(map(str, account_ids)) + "}"])
        return list(cursor.fetchall())


def claim_undecided(*, as_of: datetime, lease: timedelta, limit: int) -> list[Payment]:
    """Up to `limit` undecided payments that are due, each this caller's alone until the lease ends."""
    return rows.of(Payment, _CLAIM_UNDECIDED, [as_of + lease, as_of, limit])


def receipt(receipt_id: int) -> Receipt:
    """The receipt as it is now, locked."""
    return Receipt.objects.select_for_update().get(pk=receipt_id)


def receipt_with_account(receipt_id: int) -> Receipt:
    """The receipt as it is now under the root lock of its money; raises NotFound.

    A receipt that moves to another account meanwhile is looked for again there. OperationalError as with a payment.
    """
    for _attempt in range(2):
        found = next(iter(rows.of(Receipt, _ACCOUNT_AND_RECEIPT, [receipt_id, LONGEST_WAIT])), None)
        if found is not None:
            return found
    raise NotFound()


_ACCOUNT_AND_RECEIPT = """
    SELECT receipt.*
      FROM billing_receipt receipt JOIN accounts_billingaccount account ON account.id = receipt.account_id
     WHERE receipt.id = %s AND set_config('lock_timeout', %s, true) <> '' FOR UPDATE OF account, receipt"""


def refund_request(request_id: int) -> RefundRequest:
    """The refund request as it is now, locked; where its receipt is locked, too, that one came first."""
    found = RefundRequest.objects.select_for_update().filter(pk=request_id).first()
    if found is None:
        raise NotFound()
    return found


def refund_requests_of(receipt_id: int) -> list[RefundRequest]:
    """The receipt's refund requests, locked, oldest first. The receipt's own lock is held."""
    return list(RefundRequest.objects.select_for_update().filter(receipt_id=receipt_id).order_by("id"))


def receipts(receipt_ids: Collection[int]) -> list[Receipt]:
    """These receipts as they are now, locked in the order of their ids."""
    return list(Receipt.objects.select_for_update().filter(pk__in=receipt_ids).order_by("pk"))


def pay_link(link_id: int) -> PayLink:
    """The link as it is now, locked. Whoever needs its account locks that before."""
    return PayLink.objects.select_for_update().get(pk=link_id)


def open_links(account_id: int) -> list[PayLink]:
    """The account's open links, locked."""
    found = PayLink.objects.select_for_update().filter(account_id=account_id, state=PayLinkState.OPEN)
    return list(found.order_by("pk"))


def links_of_payment(reference: str) -> list[PayLink]:
    """The links with which this payment was started, locked."""
    found = PayLink.objects.select_for_update(of=("self",)).filter(payment__reference=reference)
    return list(found.order_by("pk"))


def email_subscriptions(account_id: int) -> list[EmailSubscription]:
    """The account's subscriptions that have not ended, locked, oldest first. The account's own lock is held."""
    found = EmailSubscription.objects.select_for_update().filter(account_id=account_id, state__in=OPEN)
    return list(found.order_by("pk"))


def statement_difference(difference_id: int) -> StatementDifference:
    """The difference as it is now, locked."""
    return StatementDifference.objects.select_for_update().get(pk=difference_id)


def dispute(dispute_id: int) -> Dispute:
    """The dispute as it is now, locked; its bill and account at hand. Raises NotFound."""
    rows = Dispute.objects.select_for_update(of=("self",)).select_related("bill__account")
    found = rows.filter(pk=dispute_id).first()
    if found is None:
        raise NotFound()
    return found


def large_bill(bill_id: int) -> LargeBill:
    """The warning about this bill as it is now, locked; raises NotFound."""
    found = LargeBill.objects.select_for_update().filter(pk=bill_id).first()
    if found is None:
        raise NotFound()
    return found
