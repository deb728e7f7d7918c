"""Bills under debit agreements, and the agreements as their people see them."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import BillingAccount
from billing.debit_rules import Facts
from billing.models import DebitAgreement
from billing.models.debits import OPEN
from billing.selectors import payable
from core.errors import NotFound


class Due(NamedTuple):
    """An open monthly bill under an active agreement."""

    agreement_id: int
    bill_id: int
    notice_id: int | None  # None: not announced
    facts: Facts


def open_of(account: BillingAccount) -> DebitAgreement | None:
    """The account's agreement that has not ended; there is one at most."""
    return DebitAgreement.objects.filter(account=account, state__in=OPEN).first()


def accounts_with_agreement(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose debit this user may end: his own."""
    rows = DebitAgreement.objects.filter(account_id=OuterRef("pk"), state__in=OPEN)
    return payable.owned_by(user).filter(Exists(rows))


def signed_by(user: Any, reference: str) -> DebitAgreement:
    """An agreement that this user asked for and may still sign; NotFound for anybody else's."""
    mine = payable.owned_by(user).order_by().values("pk")
    rows = DebitAgreement.objects.filter(reference=reference, user_id=user.pk, account__in=mine)
    found = rows.select_related("account")
    row = found.first()
    if row is None:
        raise NotFound()
    return row


def due(agreement_ids: Collection[int], *, bill_id: int | None = None) -> list[Due]:
    """What is open under these agreements, oldest due first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"agreements": list(agreement_ids), "bill": bill_id})
        return [_due(*row) for row in cursor.fetchall()]


# The last day of trying is a local date, as all days are.
_DUE = """
    SELECT agreement.id, bill.id, notice.id, bill.due_on, bill.open_cents, agreement.max_cents,
           EXISTS (SELECT FROM billing_dispute WHERE bill_id = bill.id AND state = 'OPEN'),
           notice.amount_cents, notice.debit_on, tries.count, tries.last_on, tries.is_undecided
      FROM billing_debitagreement agreement
      JOIN billing_bill bill ON bill.account_id = agreement.account_id
      LEFT JOIN billing_debitnotice notice ON notice.agreement_id = agreement.id AND notice.bill_id = bill.id
     CROSS JOIN LATERAL (
           SELECT count(*) AS count, max((tried.at AT TIME ZONE 'Asia/Shanghai')::date) AS last_on,
                  coalesce(bool_or(payment.state IN ('CREATED', 'PENDING', 'UNKNOWN')), false) AS is_undecided
             FROM billing_debittry tried JOIN billing_payment payment ON payment.id = tried.payment_id
            WHERE tried.notice_id = notice.id) tries
     WHERE agreement.id = ANY(%(agreements)s) AND agreement.state = 'ACTIVE'
       AND bill.kind = 'PERIODIC' AND bill.open_cents > 0
       AND (%(bill)s::bigint IS NULL OR bill.id = %(bill)s)
     ORDER BY agreement.id, bill.due_on, bill.id"""


def _due(agreement_id: int, bill_id: int, notice_id: int | None, *values: Any) -> Due:
    names = ("due_on", "open_cents", "max_cents", "is_disputed", "announced_cents", "debit_on")
    more = ("tries", "last_tried_on", "is_undecided")
    return Due(agreement_id, bill_id, notice_id, Facts(**dict(zip((*names, *more), values, strict=True))))
