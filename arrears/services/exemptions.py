"""欠费豁免: for some time an account is neither suspended nor disconnected. Longer ones take a second person."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from arrears import locks
from arrears.models import Exemption, ExemptionReason
from arrears.services import assessing
from billing.documents import words
from billing.selectors import own_accounts
from core import approvals
from core.actor import Actor
from core.approvals import Outcome
from core.clock import local_date
from core.errors import HallError
from core.models import Approval, ApprovalState

KIND = "arrears.exemption"
ASK, DECIDE = "arrears.add_exemption", "arrears.approve_exemption"
ALONE_DAYS = 30  # what one person may grant


class BadPeriod(HallError):
    code = "EXEMPTION_PERIOD"
    message = gettext_lazy("豁免须从今天或以后开始，并在开始之后结束")


def ask(
    *,
    account_id: int,
    reason: ExemptionReason,
    note: str,
    active_from: date,
    active_to: date,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> Outcome:
    """Granted at once up to `ALONE_DAYS` days; longer ones, and those that follow on, wait for a second person.

    `active_to` is the first day without it. Raises BadPeriod, and what core.approvals.submit raises.
    """
    _check(active_from, active_to, as_of)
    return approvals.submit(
        kind=KIND,
        subject=("accounts.BillingAccount", account_id),
        amount_cents=0,
        data={
            "reason": str(reason),
            "active_from": active_from.isoformat(),
            "active_to": active_to.isoformat(),
        },
        reason=note,
        actor=actor,
        as_of=as_of,
        address=address,
    )


@transaction.atomic
def end(*, exemption_id: int, ends_on: date, actor: Actor, as_of: datetime) -> Exemption:
    """It holds no more from that day on; the account is judged anew. Raises BadPeriod for one that is over."""
    account_id = Exemption.objects.values_list("account_id", flat=True).get(pk=exemption_id)
    locks.accounts([account_id])
    row = Exemption.objects.select_for_update().get(pk=exemption_id)
    if not max(local_date(as_of), row.active_from + timedelta(1)) <= ends_on < row.active_to:
        raise BadPeriod()
    row.active_to = ends_on
    row.save(update_fields=["active_to"])
    assessing.assess_one(account_id, actor=actor, as_of=as_of, is_news=True)
    return row


def _check(active_from: date, active_to: date, as_of: datetime) -> None:
    if active_from < local_date(as_of) or active_to <= active_from:
        raise BadPeriod()


def _may_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    """Together with what was granted alone in the last year: thirty days twice are sixty."""
    begin, end_on = date.fromisoformat(data["active_from"]), date.fromisoformat(data["active_to"])
    alone = Exemption.objects.filter(
        account_id=int(subject_id), approval=None, active_to__gt=begin - timedelta(days=365)
    )
    days = sum((row.active_to - row.active_from).days for row in alone)
    return days + (end_on - begin).days <= ALONE_DAYS


def _describe(data: dict[str, Any]) -> str | Promise:
    return _("%(reason)s · %(begin)s 至 %(end)s 前") % {
        "reason": ExemptionReason(data["reason"]).label,
        "begin": data["active_from"],
        "end": data["active_to"],
    }


@approvals.kind(
    KIND,
    title=gettext_lazy("欠费豁免"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_may_alone,
    check_person=own_accounts.checked(own_accounts.of_account_id),
    describe=_describe,
)
def _grant(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    """From the day asked for, or from today where the decision came later."""
    account_id = int(subject_id)
    locks.accounts([account_id])
    begins = max(date.fromisoformat(data["active_from"]), local_date(as_of))
    ends = date.fromisoformat(data["active_to"])
    if ends <= begins:
        raise BadPeriod()
    needs_two = not _may_alone(actor=actor, subject_id=subject_id, data=data, as_of=as_of)
    approval = Approval.objects.filter(
        kind=KIND, object_id=subject_id, state=ApprovalState.REQUESTED, requested_by=actor.ref
    ).first()
    Exemption.objects.create(
        account_id=account_id,
        reason=data["reason"],
        note=reason,
        active_from=begins,
        active_to=ends,
        approval=approval if needs_two else None,
        created_by=actor.ref,
        created_at=as_of,
    )
    assessing.assess_one(account_id, actor=actor, as_of=as_of, is_news=True)
    return _("已豁免至 %(day)s（不含）") % {"day": words.day(ends)}
