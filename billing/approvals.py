"""What staff do with receipts and bills: at once up to a limit, above it with a second person (core.approvals)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import RefundReason
from billing.selectors import own_accounts
from billing.services.bills import adjustments, penalties
from billing.services.money import reviews
from billing.services.refunds import refunds
from core import approvals, money
from core.actor import Actor

USE, TRANSFER = "billing.receipt_use", "billing.receipt_transfer"
REOPEN, WAIVE = "billing.bill_reopen", "billing.refund_waiver"
REFUND = "billing.refund"
APPROVE_REFUND, REFUND_BY_HAND = "billing.refund_approval", "billing.refund_by_hand"
ADJUSTMENT, PENALTY_WAIVER = "billing.adjustment", "billing.penalty_waiver"
ASK_BILL, DECIDE_BILL = "billing.change_bill", "billing.approve_bill"
ASK, DECIDE = "billing.change_receipt", "billing.approve_receipt"


def _limit(kind: str) -> Callable[[], int]:
    return lambda: int(settings.APPROVAL_LIMITS[kind])


def _day_limit(kind: str) -> Callable[[], int]:
    return lambda: int(settings.APPROVAL_DAY_LIMITS[kind])


@approvals.kind(
    USE,
    title=gettext_lazy("待查款项用于账单"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=_limit(USE),
    day_limit=_day_limit(USE),
    check_person=own_accounts.checked(own_accounts.of_receipt),
)
def _use(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    used = reviews.use_for_bills(
        receipt_id=int(subject_id), account_id=data["account"], cents=amount_cents, as_of=as_of
    )
    return _("已销账 %(used)s，剩余 %(rest)s 留作余额") % {
        "used": money.display(used),
        "rest": money.display(amount_cents - used),
    }


@approvals.kind(
    TRANSFER,
    title=gettext_lazy("款项转到别的户号"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=_limit(TRANSFER),
    day_limit=_day_limit(TRANSFER),
    check_person=own_accounts.checked(own_accounts.of_transfer),
    describe=lambda data: _("转到户号 %(number)s") % {"number": data.get("to_number", "—")},
)
def _transfer(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    used = reviews.transfer(
        receipt_id=int(subject_id),
        cents=amount_cents,
        to_number=data["to_number"],
        reason=reason,
        actor=actor,
        as_of=as_of,
    )
    return _("已转到户号 %(number)s，其中 %(used)s 已销账") % {
        "number": data["to_number"],
        "used": money.display(used),
    }


@approvals.kind(
    REFUND,
    title=gettext_lazy("收款退款"),
    permission="billing.change_refundrequest",
    approve_permission="billing.approve_refund",
    limit=_limit(REFUND),
    day_limit=_day_limit(REFUND),
    check_person=own_accounts.checked(own_accounts.of_receipt),
    describe=lambda data: str(dict(RefundReason.choices).get(data.get("reason_code", ""), "—")),
)
def _refund(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    request = refunds.by_staff(
        receipt_id=int(subject_id),
        amount_cents=amount_cents,
        reason=reason,
        reason_code=data["reason_code"],
        actor=actor,
        as_of=as_of,
    )
    return _("退款 %(number)s 已受理，%(way)s") % {
        "number": request.number,
        "way": request.get_way_display(),
    }


@approvals.kind(
    APPROVE_REFUND,
    title=gettext_lazy("批准退款申请"),
    permission="billing.change_refundrequest",
    approve_permission="billing.approve_refund",
    limit=_limit(APPROVE_REFUND),
    day_limit=_day_limit(APPROVE_REFUND),
    check_person=own_accounts.checked(own_accounts.of_refund),
)
def _approve_refund(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    request = refunds.approve(request_id=int(subject_id), actor=actor, reason=reason, as_of=as_of)
    return _("已批准，%(way)s") % {"way": request.get_way_display()}


@approvals.kind(
    REFUND_BY_HAND,
    title=gettext_lazy("登记人工退款"),
    permission="billing.change_refundrequest",
    approve_permission="billing.approve_refund",
    limit=_limit(REFUND_BY_HAND),
    day_limit=_day_limit(REFUND_BY_HAND),
    check_person=own_accounts.checked(own_accounts.of_refund),
    describe=lambda data: _("付款凭证号 %(evidence)s") % {"evidence": data.get("evidence", "—")},
)
def _refund_by_hand(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    refunds.paid_by_hand(
        request_id=int(subject_id), evidence=data["evidence"], actor=actor, reason=reason, as_of=as_of
    )
    return _("已登记人工退款")


@approvals.kind(
    REOPEN,
    title=gettext_lazy("退款后恢复账单欠费"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=_limit(REOPEN),
    day_limit=_day_limit(REOPEN),
    check_person=own_accounts.checked(own_accounts.of_receipt),
)
def _reopen(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    bills = reviews.reopen_bills(receipt_id=int(subject_id), cents=amount_cents, as_of=as_of)
    return _("已恢复 %(bills)s 张账单的欠费，共 %(cents)s") % {
        "bills": bills,
        "cents": money.display(amount_cents),
    }


@approvals.kind(
    WAIVE,
    title=gettext_lazy("退款后减免账单"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=_limit(WAIVE),
    day_limit=_day_limit(WAIVE),
    check_person=own_accounts.checked(own_accounts.of_receipt),
)
def _waive(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    bills = reviews.waive(
        receipt_id=int(subject_id), cents=amount_cents, reason=reason, actor=actor, as_of=as_of
    )
    return _("已减免 %(bills)s 张账单，共 %(cents)s") % {"bills": bills, "cents": money.display(amount_cents)}


@approvals.kind(
    ADJUSTMENT,
    title=gettext_lazy("账单调账减免"),
    permission=ASK_BILL,
    approve_permission=DECIDE_BILL,
    limit=_limit(ADJUSTMENT),
    day_limit=_day_limit(ADJUSTMENT),
    check_person=own_accounts.checked(own_accounts.of_bill),
)
def _adjust(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    row = adjustments.adjust(
        bill_id=int(subject_id), amount_cents=amount_cents, reason=reason, actor=actor, as_of=as_of
    )
    return _("已减免 %(cents)s，调账单号 %(number)s") % {
        "cents": money.display(amount_cents),
        "number": row.number,
    }


@approvals.kind(
    PENALTY_WAIVER,
    title=gettext_lazy("违约金减免"),
    permission=ASK_BILL,
    approve_permission=DECIDE_BILL,
    limit=_limit(PENALTY_WAIVER),
    day_limit=_day_limit(PENALTY_WAIVER),
    check_person=own_accounts.checked(own_accounts.of_bill),
)
def _waive_penalty(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    penalties.waive(
        bill_id=int(subject_id), amount_cents=amount_cents, reason=reason, actor=actor, as_of=as_of
    )
    return _("已减免违约金 %(cents)s") % {"cents": money.display(amount_cents)}
