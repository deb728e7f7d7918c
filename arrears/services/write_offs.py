"""坏账核销: what is owed on a bill is given up, by one who asks and another who approves, however small it is."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from arrears import locks
from arrears.models import WriteOff
from arrears.services import assessing
from billing.models import Bill
from billing.selectors import own_accounts
from billing.services.bills import adjustments
from core import approvals, money
from core.actor import Actor
from core.approvals import Outcome
from core.clock import local_date
from core.errors import Conflict
from core.models import Approval, ApprovalState

KIND = "arrears.write_off"
ASK, DECIDE = "arrears.add_writeoff", "arrears.approve_writeoff"


class NotToWriteOff(Conflict):
    code = "WRITE_OFF_NOT_OVERDUE"
    message = gettext_lazy("只能核销已过缴费期的账单，金额须等于未缴部分")


def ask(
    *,
    bill_id: int,
    amount_cents: int,
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> Outcome:
    """A request that a second person decides. Raises NotToWriteOff, and what core.approvals.submit raises."""
    _check(bill_id, amount_cents, as_of)
    return approvals.submit(
        kind=KIND,
        subject=("billing.Bill", bill_id),
        amount_cents=amount_cents,
        data={},
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
    )


def _check(bill_id: int, amount_cents: int, as_of: datetime) -> None:
    bill = Bill.objects.get(pk=bill_id)
    if bill.due_on >= local_date(as_of) or not 0 < amount_cents == bill.open_cents:
        raise NotToWriteOff()


def _never_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return False


@approvals.kind(
    KIND,
    title=gettext_lazy("坏账核销"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: 0,
    may_alone=_never_alone,
    check_person=own_accounts.checked(own_accounts.of_bill),
)
@transaction.atomic
def _write_off(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    """Billing's adjustment, and the row that says that it was given up, not wrong. The account is judged anew."""
    bill_id = int(subject_id)
    account_id = Bill.objects.values_list("account_id", flat=True).get(pk=bill_id)
    locks.accounts([account_id])
    _check(bill_id, amount_cents, as_of)  # days lie between the request and the decision
    adjustments.adjust(bill_id=bill_id, amount_cents=amount_cents, reason=reason, actor=actor, as_of=as_of)
    WriteOff.objects.create(
        bill_id=bill_id,
        amount_cents=amount_cents,
        approval=Approval.objects.get(kind=KIND, object_id=subject_id, state=ApprovalState.REQUESTED),
        reason=reason,
        actor=actor.ref,
        at=as_of,
    )
    assessing.assess_one(account_id, actor=actor, as_of=as_of)
    return _("已核销 %(cents)s") % {"cents": money.display(amount_cents)}
