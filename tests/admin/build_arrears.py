"""An account in arrears: its case with a notice, a promise, an exemption, a debt that was given up; rules of what
comes after a disconnection."""

from datetime import date, timedelta
from typing import Any

from accounts.models import BillingAccount, User
from arrears.models import (
    ArrearsCase,
    AuthorityOrder,
    Exemption,
    ExemptionReason,
    Policy,
    Promise,
    ReinstallOverride,
    ReinstallRule,
    WriteOff,
)
from arrears.services import assessing
from billing.services.bills import bills
from catalog.models import Subscription
from core import clock
from core.actor import Actor
from core.models import Approval, ApprovalState, Upload
from operations.models import Channel as Way
from operations.models import Slip, SlipState
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def everything(i: int, account: BillingAccount) -> ArrearsCase:
    today = clock.local_date(NOON)
    bill = bills.issue(
        account_id=account.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", 9_900)],
        issued_on=today - timedelta(days=30),
        due_on=today - timedelta(days=5),
        source="test-arrears",
        source_number=account.number,
        period="2026-10",
        as_of=NOON,
    )
    assessing.assess_one(account.pk, actor=ACTOR, as_of=NOON)
    slip = Slip.objects.create(
        number=f"SA{account.pk:016d}",
        operation="bill.promise",
        operation_version=1,
        state=SlipState.DRAFT,
        channel=Way.WEB,
        region=account.region,
        customer_id=account.customer_id,
        idempotency_key=f"arrears-{account.pk}",
        input_hash="x",
        started_at=NOON,
    )
    Promise.objects.create(
        number=f"YQ{account.pk:016d}",
        account=account,
        slip=slip,
        promised_on=today,
        until=today + timedelta(days=7),
        owed_cents=9_900,
    )
    Exemption.objects.create(
        account=account,
        reason=ExemptionReason.HARDSHIP,
        note="〔住院〕",
        active_from=today - timedelta(days=2),
        active_to=today + timedelta(days=20),
        created_by=ACTOR.ref,
        created_at=NOON,
    )
    WriteOff.objects.create(
        bill=bill,
        amount_cents=100,
        approval=_approval(account, "arrears.write_off"),
        reason="〔查无此人〕",
        actor=ACTOR.ref,
        at=NOON,
    )
    begins = date(1990, 1, 1) + timedelta(days=i)
    Policy.objects.create(
        code=f"own-{i}", title="〔试点〕", region=account.region, active_from=begins,
        active_to=begins + timedelta(days=1), created_at=NOON, created_by=ACTOR.ref,
    )  # fmt: skip
    _afterwards(i, account)
    return ArrearsCase.objects.get(account=account)


def _afterwards(i: int, account: BillingAccount) -> None:
    """A rule against a new line with its exception, and an authority's order for a line."""
    begins = date(2020, 1, 1) + timedelta(days=i)
    text = "〔欠费拆机后一个月内不办新装〕"
    days = {"active_from": begins, "active_to": begins + timedelta(days=1)}
    said = {name: day.isoformat() for name, day in days.items()}
    rule = ReinstallRule.objects.create(
        region=None, months=1, text=text, **days,
        approval=_decided(account, "arrears.reinstall_rule", i, region_id=None, months=1, text=text, **said),
    )  # fmt: skip
    signed = _document("reinstall.authority", account.number, i)
    authority = "〔王主任〕"
    asked = _decided(
        account, "arrears.reinstall_override", i, rule_id=rule.pk, authority=authority, document_id=signed.pk
    )
    ReinstallOverride.objects.create(
        account=account, rule=rule, authority=authority, document=signed, reason="〔医院〕",
        actor=asked.requested_by, at=NOON, approval=asked,
    )  # fmt: skip
    row = Subscription.objects.filter(account=account).order_by("pk").first()
    assert row is not None
    document = _document("subscription.authority", row.number, i)
    AuthorityOrder.objects.create(
        subscription=row, authority="〔通信管理局〕", reference=f"〔公函 {i} 号〕", document=document,
        reason="〔涉诈〕", made_by=account.memberships.get().user, created_at=NOON,
    )  # fmt: skip


def _document(kind: str, subject: str, i: int) -> Upload:
    return Upload.objects.create(
        token=f"{kind}{i}", kind=kind, subject=subject, owner_ref="user:1", uploaded_by="user:1", name="order.pdf",
        content_type="application/pdf", path=f"to/{kind}{i}", size=10, digest="0" * 64, scanner="off",
        created_at=NOON, used_at=NOON,
    )  # fmt: skip


def _decided(account: BillingAccount, kind: str, i: int, **data: Any) -> Approval:
    """Asked for by one member of staff and decided by another."""
    asks, decides = (User.objects.create(username=f"{name}-{kind}-{i}", is_staff=True) for name in ("a", "b"))
    row = _approval(account, kind, data=data, requested_by=f"user:{asks.pk}")
    Approval.objects.filter(pk=row.pk).update(
        state=ApprovalState.APPROVED, decided_by=f"user:{decides.pk}", decided_at=NOON
    )
    return row


def _approval(account: BillingAccount, kind: str, **more: Any) -> Approval:
    given = {"requested_by": ACTOR.ref, "data": {}} | more
    return Approval.objects.create(
        kind=kind, object_type="accounts.BillingAccount", object_id=str(account.pk), amount_cents=100,
        region_id=account.region_id, reason="〔已核实〕", requested_at=NOON, **given,
    )  # fmt: skip
