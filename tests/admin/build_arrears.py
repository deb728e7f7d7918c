"""An account in arrears: its case with a notice, a promise, an exemption, a debt that was given up."""

from datetime import timedelta

from accounts.models import BillingAccount
from arrears.models import ArrearsCase, Exemption, ExemptionReason, Promise, WriteOff
from arrears.services import assessing
from billing.services.bills import bills
from core import clock
from core.actor import Actor
from core.models import Approval
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
        note="住院",
        active_from=today - timedelta(days=2),
        active_to=today + timedelta(days=20),
        created_by=ACTOR.ref,
        created_at=NOON,
    )
    WriteOff.objects.create(
        bill=bill,
        amount_cents=100,
        approval=Approval.objects.create(
            kind="arrears.write_off",
            object_type="billing.Bill",
            object_id=str(bill.pk),
            amount_cents=100,
            region_id=account.region_id,
            reason="查无此人",
            requested_by=ACTOR.ref,
            requested_at=NOON,
        ),
        reason="查无此人",
        actor=ACTOR.ref,
        at=NOON,
    )
    return ArrearsCase.objects.get(account=account)
