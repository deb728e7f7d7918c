"""An account that has been through everything: told, promised, suspended, disputed, paid, and disputed again."""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from psycopg2.extras import Json

from accounts.models import BillingAccount
from arrears.models import (
    ArrearsCase,
    DisconnectPlan,
    EscalationSource,
    Exemption,
    ExemptionReason,
    PlanApproval,
    PlanLine,
    ReinstallOverride,
    Warrant,
    WarrantProof,
    WriteOff,
)
from arrears.services import escalations, promises
from billing.models import Adjustment, DisputeCause, DisputeState, PenaltyWaiver, Refund
from billing.services.bills import disputes
from catalog.models import Subscription, Suspension, Termination
from core.models import Approval
from notices.models import Delivery, DeliveryAttempt, DeliveryReceipt, LetterList
from operations.models import Slip
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.catalog.holdings import build as holdings
from tests.core.sql import filler

LAST = after(60)


def account() -> BillingAccount:
    """With every kind of evidence row, the last of them on LAST."""
    made = build.account(address="上海市人民路 1 号")
    build.line(made)
    build.bill(made)
    build.days(made, after(-3), after(28))
    _promise(made)
    build.days(made, after(29), after(40))
    build.pay(made, 5200, after(45))
    build.one(made, after(45))
    _dispute(made)
    _exemption(made)
    _receipt(made)
    escalations.begin(
        account_id=made.pk,
        source=EscalationSource.REGULATOR,
        text="没有收到通知",
        actor=ACTOR,
        as_of=noon(LAST),
    )
    laws_off()
    _cut(made)
    _planned(made)
    _money(made)
    _letter(made)
    return made


def laws_off() -> None:
    """What only the owner of the database can do, until the end of the test."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in cursor.fetchall():
            if table.split("_")[0] in {"notices", "arrears", "catalog", "billing", "operations", "core"}:
                cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER ALL')


def insert(model: Any, **given: Any) -> int:
    values = filler(model) | given
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks}) RETURNING id',
            [*values.values()],
        )
        return int(cursor.fetchone()[0])


def _promise(made: BillingAccount) -> None:
    at = noon(after(28))
    slip = holdings.slip(made, at=at)
    with transaction.atomic():
        promises.make(account_id=made.pk, slip=slip, actor=ACTOR, as_of=at)
    Slip.objects.filter(pk=slip.pk).update(
        state="REFUSED", finished_at=at, refusal_code="TEST", customer_id=made.customer_id
    )


def _dispute(made: BillingAccount) -> None:
    bill = build.bill(made, due_on=after(70))
    at = noon(after(52))
    row = disputes.begin(
        bill_id=bill.pk,
        cause=DisputeCause.AMOUNT,
        text="金额不对",
        raised_by_id=money.user().pk,
        actor=ACTOR,
        as_of=at,
    )
    disputes.close(dispute_id=row.pk, state=DisputeState.REJECTED, answer="无误", actor=ACTOR, as_of=at)


def _exemption(made: BillingAccount) -> None:
    Exemption.objects.create(
        account=made,
        reason=ExemptionReason.HARDSHIP,
        note="住院",
        active_from=after(50),
        active_to=after(55),
        created_by=ACTOR.ref,
        created_at=noon(after(50)),
    )


def _receipt(made: BillingAccount) -> None:
    delivery = Delivery.objects.filter(
        message__recipient_ref=f"account:{made.number}", channel="SMS"
    ).earliest("pk")
    DeliveryAttempt.objects.create(
        delivery=delivery, number=1, at=noon(after(2)), worker="host:1", provider="sandbox"
    )
    DeliveryReceipt.objects.create(
        delivery=delivery,
        provider="sandbox",
        provider_message_id=f"m{delivery.pk}",
        status="DELIVRD",
        received_at=noon(after(2)),
        is_verified=False,
        raw=b"forged",
    )
    DeliveryReceipt.objects.create(
        delivery=delivery,
        provider="sandbox",
        provider_message_id=f"m{delivery.pk}",
        status="DELIVRD",
        reported_at=noon(after(2)),
        received_at=noon(after(2)),
        is_verified=True,
        raw=b"raw",
    )


def _cut(made: BillingAccount) -> None:
    """As `disconnecting` would write it; here only what is sealed matters."""
    off = Suspension.objects.get(subscription__payer=made)
    case = ArrearsCase.objects.filter(account=made).earliest("pk")
    told = Delivery.objects.filter(message__recipient_ref=f"account:{made.number}").earliest("pk")
    insert(Termination, subscription_id=off.subscription_id, reason="ARREARS", at=noon(LAST))
    warrant = insert(
        Warrant,
        subscription_id=off.subscription_id,
        suspension_id=off.pk,
        case_id=case.pk,
        first_approver_id=1,
        second_approver_id=20,
        owed_cents=2600,
        at=noon(LAST),
    )
    insert(WarrantProof, warrant_id=warrant, contact_ref="contact:1", delivery_id=told.pk)


def _planned(made: BillingAccount) -> None:
    """The plan by which it was cut, with two lines of the account, and those who approved."""
    line = made.paid_subscriptions.get()
    plan = insert(DisconnectPlan, number=f"DP{made.pk}", digest="d" * 64, lines_count=2, cap=10)
    for state in ("DONE", "REFUSED"):
        why = Json([] if state == "DONE" else ["NOT_OWED"])
        other = line.pk if state == "DONE" else insert(Subscription, account_id=made.pk, payer_id=made.pk)
        insert(PlanLine, plan_id=plan, subscription_id=other, state=state, done_at=noon(LAST), refusals=why)
    for _n in range(2):
        insert(PlanApproval, plan_id=plan, user_id=money.user().pk, reason="依规", at=noon(LAST))
    insert(ReinstallOverride, account_id=made.pk, authority="客服总监", reason="困难客户", at=noon(LAST))


def _money(made: BillingAccount) -> None:
    """What was given up and paid back, and the yes of a second person to it."""
    bill, receipt = made.bills.earliest("pk"), made.receipts.earliest("pk")
    asked = Approval(
        kind="arrears.write_off", object_type="billing.Bill", object_id=str(bill.pk), reason="无法收回",
        amount_cents=100, requested_by="user:1", requested_at=noon(LAST),
    )  # fmt: skip
    asked.save()
    Approval.objects.filter(pk=asked.pk).update(
        state="APPROVED", decided_by="user:2", decided_at=noon(LAST), decision_reason="同意"
    )
    insert(
        WriteOff, bill_id=bill.pk, amount_cents=100, approval_id=asked.pk, reason="无法收回", at=noon(LAST)
    )
    insert(Adjustment, number=f"TZ{made.pk}", bill_id=bill.pk, amount_cents=100, reason="优惠", at=noon(LAST))
    insert(PenaltyWaiver, bill_id=bill.pk, amount_cents=30, reason="优惠", at=noon(LAST))
    insert(Refund, receipt_id=receipt.pk, request_no="RF1", amount_cents=100, refunded_at=noon(LAST))


def _letter(made: BillingAccount) -> None:
    posted = insert(
        LetterList, number=f"L{made.pk}", posted_on=LAST - timedelta(9), proof_id=1, posted_by="user:1"
    )
    mine = Delivery.objects.filter(message__recipient_ref=f"account:{made.number}", state="DELIVERED")
    mine.filter(pk=mine.earliest("pk").pk).update(body="您的账单已逾期")
    mine.filter(pk=mine.latest("pk").pk).update(letter_list=posted, failure="HARD")
