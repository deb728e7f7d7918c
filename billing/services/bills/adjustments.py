"""调账: lowering what is owed on a bill because it was never owed, or is given up."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from billing import locks
from billing.events import BillAdjusted
from billing.models import Adjustment, Bill, EntryKind
from billing.services.bills import penalties
from billing.services.money import ledger
from core import clock, outbox, sequences
from core.actor import Actor
from core.errors import Conflict


class AboveOpen(Conflict):
    code = "ADJUSTMENT_ABOVE_OPEN"
    message = _("减免金额须大于零，且不超过账单未缴的部分")


def adjust(*, bill_id: int, amount_cents: int, reason: str, actor: Actor, as_of: datetime) -> Adjustment:
    """The bill is lower by the amount, as if it had been issued so. Raises AboveOpen beyond what is open.

    What was paid already is freed first (`allocations.reverse`), so that the customer's money is never adjusted away.
    Where this closes the bill, what the paid part has cost by coming late is billed, as by a payment.
    """
    with transaction.atomic():
        account_id = Bill.objects.values_list("account_id", flat=True).get(pk=bill_id)
        account_locks.account(account_id)
        bill = locks.bill(bill_id)
        if not 0 < amount_cents <= bill.open_cents:
            raise AboveOpen()
        row = Adjustment.objects.create(
            number=sequences.next_number("adjustment_number", prefix="A", on=clock.local_date(as_of)),
            bill=bill,
            amount_cents=amount_cents,
            reason=reason,
            actor=actor.ref,
            at=as_of,
        )
        Bill.objects.filter(pk=bill.pk).update(adjusted_cents=F("adjusted_cents") + amount_cents)
        ledger.post(
            account_id=account_id,
            kind=EntryKind.ADJUSTMENT,
            amount_cents=amount_cents,
            adjustment_id=row.pk,
            as_of=as_of,
        )
        if amount_cents == bill.open_cents:  # or the last fen would take the whole penalty with it
            penalties.bill(bill_id=bill.pk, on=clock.local_date(as_of), as_of=as_of)
        left = bill.open_cents - amount_cents
        outbox.publish(BillAdjusted(row.number, bill.number, account_id, amount_cents, left), as_of=as_of)
    return row
