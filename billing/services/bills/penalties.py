"""Billing the penalty of a bill that was paid late, and giving penalties up. Callers hold the account's lock."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import locks as account_locks
from billing import locks
from billing.models import Bill, BillKind, BillLine, EntryKind, Penalty, PenaltyWaiver
from billing.selectors import penalties as penalty_reads
from billing.selectors.penalties import Accrued
from billing.services.money import ledger
from core import clock, sequences
from core.actor import Actor
from core.errors import Conflict

LINE_CODE = "PENALTY"
SOURCE = "penalty"


class NothingToWaive(Conflict):
    code = "NOTHING_TO_WAIVE"
    message = gettext_lazy("可减免的违约金不足")


def bill(*, bill_id: int, on: date, as_of: datetime) -> Bill | None:
    """The penalty of the bill, whose rest is paid on the day `on`, is a bill of its own; None when it cost nothing.

    Called in the moment in which the bill is paid off, before that is written. `on` may lie before earlier part
    payments: each counts from its own day. A bill that is opened again and paid off again is billed for
    what it cost since.
    """
    found = penalty_reads.accrued([bill_id], on=on).get(bill_id)
    if found is None or found.cents == 0:
        return None
    late = Bill.objects.get(pk=bill_id)
    issued_on = clock.local_date(as_of)
    written = Bill.objects.create(
        number=sequences.next_number("bill_number", prefix="B", on=issued_on),
        account_id=late.account_id,
        kind=BillKind.PENALTY,
        penalty_of=late,
        period=late.period,
        issued_on=issued_on,
        due_on=issued_on,
        total_cents=found.cents,
        source=SOURCE,
        source_number=f"{late.number}/{late.penalty_bills.count() + 1}",
        created_at=as_of,
    )
    _explain(written, late, found)
    ledger.post(
        account_id=late.account_id,
        kind=EntryKind.BILL,
        amount_cents=-found.cents,
        bill_id=written.pk,
        as_of=as_of,
    )
    return written


def _explain(written: Bill, late: Bill, found: Accrued) -> None:
    BillLine.objects.create(
        bill=written,
        position=1,
        code=LINE_CODE,
        text=_("账单 %(number)s 的违约金") % {"number": late.number},
        amount_cents=written.total_cents,
        source_kind="billing.Bill",
        source_id=late.number,
    )
    Penalty.objects.create(
        bill=written,
        periods=[
            {
                "principal_cents": period.principal_cents,
                "first": period.first.isoformat(),
                "last": period.last.isoformat(),
                "days": period.days,
                "rate_ppm": period.rate_ppm,
            }
            for period in found.computed.periods
        ],
        cap_cents=found.computed.cap_cents,
        computed_cents=found.computed.cents,
        waived_cents=found.waived_cents,
        billed_before_cents=found.billed_cents,
    )


def waive(*, bill_id: int, amount_cents: int, reason: str, actor: Actor, as_of: datetime) -> PenaltyWaiver:
    """So much of the penalty that has accrued on a late bill will not be billed. Raises NothingToWaive beyond it.

    A penalty that is billed already is lowered by `adjustments.adjust` on its own bill.
    """
    with transaction.atomic():
        account_locks.account(Bill.objects.values_list("account_id", flat=True).get(pk=bill_id))
        late = locks.bill(bill_id)
        found = penalty_reads.accrued([late.pk], on=clock.local_date(as_of)).get(late.pk)
        if late.open_cents == 0 or found is None or not 0 < amount_cents <= found.cents:
            raise NothingToWaive()
        return PenaltyWaiver.objects.create(
            bill=late, amount_cents=amount_cents, reason=reason, actor=actor.ref, at=as_of
        )
