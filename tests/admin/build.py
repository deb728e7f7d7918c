"""A hall with some rows of everything that staff can look at."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission

from accounts.models import BillingAccount, Certificate, Contact, Customer, Membership, Post, Region, User
from billing.models import (
    CallbackState,
    CounterMethod,
    CounterMoney,
    DisputeCause,
    GatewayCallback,
    LargeBill,
    Payment,
    RefundReason,
)
from billing.services import counter
from billing.services.bills import disputes
from billing.services.payments import pay_links, payments
from billing.services.refunds import refunds
from core import audit
from core.actor import Actor
from core.models import Approval, CalendarDay, Heartbeat, OutboxRow, Upload
from notices.models import Delivery, DeliveryReceipt, DeliveryState, InboxMark, Message, Template, Trigger
from operations.models import ServingSession, Slip, SlipHistory, SlipState
from tests.admin import (
    build_arrears,
    build_catalog,
    build_charging,
    build_content,
    build_evidence,
    build_holdings,
    build_letters,
    build_money,
    build_orders,
    build_people,
    build_plans,
    build_resources,
)
from tests.billing import build as money
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def superuser(username: str = "root") -> User:
    return User.objects.create_superuser(username=username, password="not-guessed-1", phone="+8613900009999")


def viewer(username: str = "viewer", *, region: Region | None = None) -> User:
    """Staff who may look at everything there (else everywhere) and do nothing."""
    return _posted(username, Permission.objects.filter(codename__startswith="view_"), region)


def staff_with(*permissions: str, username: str = "clerk", region: Region | None = None) -> User:
    """Staff who hold exactly these permissions ("core.change_outboxrow") there, else everywhere."""
    return _posted(username, [permission(name) for name in permissions], region)


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def _posted(username: str, permissions: Iterable[Permission], region: Region | None) -> User:
    user = User.objects.create_user(username=username, password="not-guessed-1", is_staff=True)
    role = Group.objects.create(name=f"role of {username}")
    role.permissions.set(permissions)
    post(user, role, region or operator())
    return user


def operator() -> Region:
    """The region of the whole operator."""
    known, _is_new = Region.objects.get_or_create(
        code="OPERATOR", defaults={"name": "Operator", "level": Region.Level.GROUP}
    )
    return known


def post(user: User, role: Group, region: Region) -> Post:
    return Post.objects.create(
        user=user, role=role, region=region, active_from=date(2020, 1, 1), created_at=NOON
    )


def certify(user: User) -> User:
    """He may accept business, for the years that tests play in."""
    Certificate.objects.create(
        user=user,
        number=f"C-{user.username}",
        kind=Certificate.Kind.ACCEPTANCE,
        issued_on=date(2020, 1, 1),
        expires_on=date(2099, 12, 31),
        created_at=NOON,
    )
    return user


def hall(n: int = 3, *, region: Region | None = None, start: int = 0) -> None:
    """`n` rows of everything there (a few more where one thing brings others along), numbered from `start`."""
    region = region or Region.objects.create(code="R0", name="城东", level=Region.Level.CITY)
    for i in range(start, start + n):
        account = _account(i, region)
        paid = _money(i, account)
        _callback(i, paid)
        _slip(i, account, paid)
        _counter(i, account)
        _message(i, account)
        build_letters.everything(i, region, account)
        build_evidence.everything(account)
        _questions(account)
        _file(i)
        build_money.corrections(region)
        build_money.subscription(account)
        build_people.wishes(i, account)
        build_resources.everything(i, region, account)
        build_holdings.everything(i, account)
        build_arrears.everything(i, account)
        build_plans.everything(i, account)
        build_catalog.everything(i, account)
        build_charging.everything(i, account)
        build_orders.everything(i, account)
        build_money.debit(account)
        build_money.statement(i, account)
        _system(i, region)
        clerk = _staff(i, region)
        _served(account, clerk)
        build_content.everything(i, region, clerk)


def _staff(i: int, region: Region) -> User:
    """A clerk at his post with his certificate."""
    clerk = User.objects.create(username=f"clerk{i}", name=f"Clerk {i}", is_staff=True)
    role, _is_new = Group.objects.get_or_create(name="Clerks")
    post(clerk, role, region)
    return certify(clerk)


def _account(i: int, region: Region) -> BillingAccount:
    user = User.objects.create(username=f"u{i}", phone=f"+86138{i:08d}", name=f"用户{i}")
    customer = Customer.objects.create(number=f"CN{i:06d}", name=f"张{i}", region=region, created_at=NOON)
    account = BillingAccount.objects.create(
        number=f"88{i:08d}", customer=customer, region=region, address=f"幸福路 {i} 号", created_at=NOON
    )
    Membership.objects.create(user=user, account=account, role=Membership.Role.OWNER, created_at=NOON)
    Contact.objects.create(
        account=account, kind=Contact.Kind.PHONE, value=f"+86138{i:08d}", is_primary=True, created_at=NOON
    )
    Contact.objects.create(
        account=account, kind=Contact.Kind.EMAIL, value=f"wang{i}@example.com", created_at=NOON
    )
    return account


def _money(i: int, account: BillingAccount) -> Payment:
    """A bill paid with something left over, part of that refunded; and a payment that nobody has decided."""
    bill = money.bill(account, 2600)
    paid = money.payment(account, 3000, first=bill)
    money.apply(paid, money.report(paid))
    money.apply(paid, money.report(paid, refunded=100 + i % 50))
    refunds.request(
        receipt_id=paid.receipts.get().pk,
        amount_cents=50,
        reason="客户来电",
        reason_code=RefundReason.OVERPAID,
        actor=ACTOR,
        as_of=NOON,
    )
    money.bill(account, 1800, issued_on=date(2026, 10, 1))
    return money.payment(account, 1800)


def _counter(i: int, account: BillingAccount) -> None:
    """Cash that went to the bank, cash that went back to the customer, and a link to pay by."""
    clerk = User.objects.create(username=f"till{i}", phone=f"+86137{i:08d}", name=f"Till {i}")
    how: dict[str, Any] = {"account_id": account.pk, "method": CounterMethod.CASH, "taken_by_id": clerk.pk}
    for paper in ("D", "W"):
        counter.receive(paper_no=f"{paper}{i:06d}", amount_cents=500, as_of=NOON, actor=ACTOR, **how)
    deposited, wrong = CounterMoney.objects.filter(taken_by=clerk).order_by("pk")
    counter.deposit(
        money_ids=[deposited.pk],
        amount_cents=500,
        bank_slip_no=f"BANK{i:06d}",
        deposited_on=money.TODAY,
        deposited_by_id=clerk.pk,
        actor=ACTOR,
        as_of=NOON,
    )
    counter.reverse(
        subject_id=str(wrong.pk), amount_cents=500, data={}, actor=ACTOR, reason="录错", as_of=NOON
    )
    pay_links.create(account_id=account.pk, actor=ACTOR, as_of=NOON)


def _questions(account: BillingAccount) -> None:
    """A bill that the customer disputes and that is suddenly huge."""
    bill = account.bills.order_by("pk")[0]
    disputes.begin(
        bill_id=bill.pk,
        cause=DisputeCause.AMOUNT,
        text="比上个月多了很多",
        raised_by_id=account.memberships.get().user_id,
        actor=ACTOR,
        as_of=NOON,
    )
    LargeBill.objects.create(bill=bill, before_cents=1200, found_at=NOON)


def _served(account: BillingAccount, clerk: User) -> ServingSession:
    return ServingSession.objects.create(
        clerk=clerk,
        served=account.memberships.get().user,
        account=account,
        reason="客户到厅",
        began_at=NOON,
        last_seen_at=NOON,
    )


def _file(i: int) -> Upload:
    """A file that came with a dispute."""
    return Upload.objects.create(
        token=f"token{i}",
        kind="bill.dispute",
        subject=f"D{i}",
        owner_ref="user:1",
        uploaded_by="user:1",
        name="photo.jpg",
        content_type="image/jpeg",
        path=f"to/token{i}",
        size=1000,
        digest="0" * 64,
        scanner="off",
        created_at=NOON,
        used_at=NOON,
    )


def _callback(i: int, payment: Payment) -> GatewayCallback:
    state = list(CallbackState)[i % len(CallbackState)]
    row = GatewayCallback.objects.create(
        gateway="alipay",
        reference=payment.reference,
        payment=payment,
        report={"reference": payment.reference},
        verdict="OK",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=f"out_trade_no={payment.reference}&subject=账单".encode("gbk"),
        state=state if state == CallbackState.REJECTED else CallbackState.NEW,
        received_at=NOON,
        next_attempt_at=NOON,
    )
    return _moved(row, state, applied_at=NOON if state == CallbackState.APPLIED else None)


def _moved(row: GatewayCallback, state: CallbackState, **changes: Any) -> GatewayCallback:
    """In that state by a step of its machine: the law lets no callback begin as APPLIED or DEAD."""
    GatewayCallback.objects.filter(pk=row.pk).update(state=state, **changes)
    row.refresh_from_db()
    return row


def _slip(i: int, account: BillingAccount, payment: Payment) -> Slip:
    slip = Slip.objects.create(
        number=f"SL{i:08d}",
        operation="bill.pay",
        operation_version=1,
        channel="WEB",
        region=account.region,
        customer=account.customer,
        actor=account.memberships.get().user,
        data={"account": account.number},
        idempotency_key=f"key{i}",
        input_hash="0" * 64,
        confirmation={"kind": "CLICK", "code_id": i},
        subject_kind="payment",
        subject_id=payment.reference,
        price_cents=1800,
        started_at=NOON,
    )
    for state in (SlipState.QUOTED, SlipState.CONFIRMED, SlipState.IN_PROGRESS)[: i % 4]:
        SlipHistory.objects.create(slip=slip, from_state=slip.state, to_state=state, actor="user:1", at=NOON)
        slip.state = state
        slip.save(update_fields=["state"])
    return slip


def _message(i: int, account: BillingAccount) -> Delivery:
    template = Template.objects.filter(is_secret=False).first() or Template.objects.create(
        code="test_text", channel="SMS", version=1, body="{{ text }}", active_from=NOON
    )
    message = Message.objects.create(
        code=template.code,
        recipient_ref=f"account:{account.number}",
        dedupe_key=f"test:{account.number}",
        created_at=NOON,
    )
    delivery = Delivery.objects.create(
        message=message,
        template=template,
        channel="SMS",
        address=f"+86138{i:08d}",
        body="已收到您的缴费",
        created_at=NOON,
        next_attempt_at=NOON,
    )
    InboxMark.objects.create(reader_ref=f"test:{i}", up_to=message.pk, at=NOON)
    Trigger.objects.create(
        code=f"test-{i}",
        title="〔账单到期提醒〕",
        source="billing.bill_due",
        template_code="bill_due_soon",
        active_from=NOON.date(),
    )
    if i % 2:
        Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED, error="空号")
    DeliveryReceipt.objects.create(
        delivery=delivery,
        provider="sms",
        provider_message_id=f"P{i}",
        status="FAILED",
        received_at=NOON,
        is_verified=True,
        raw=b"{}",
    )
    return delivery


def outbox_row(state: str = OutboxRow.State.DEAD, *, key: str = "8800000001", **more: Any) -> OutboxRow:
    return OutboxRow.objects.create(
        event="billing.payment_succeeded",
        consumer="billing.finish_slip",
        key=key,
        payload={"reference": "P1"},
        state=state,
        created_at=NOON,
        next_attempt_at=NOON,
        **more,
    )


def approval(
    kind: str = "tests.gone", *, subject: tuple[str, object] = ("core.Heartbeat", "job0"), **more: Any
) -> Approval:
    """A request of a clerk who has left, for something that the hall may not know any more."""
    given = {"amount_cents": 80_000, "reason": "客户要求", "requested_by": "user:0", "requested_at": NOON}
    return Approval.objects.create(
        kind=kind, object_type=subject[0], object_id=str(subject[1]), **given | more
    )


def _system(i: int, region: Region) -> None:
    approval(subject=("core.Heartbeat", f"job{i}"), region_id=region.pk)
    outbox_row(OutboxRow.State.DEAD if i % 2 else OutboxRow.State.DONE, key=f"88{i:08d}")
    Heartbeat.objects.create(job=f"job{i}", expected_every_seconds=60, last_finished_at=NOON)
    CalendarDay.objects.create(day=date(2026, 1, 1) + timedelta(days=i), is_working=False, note="停业")
    audit.record(
        actor=ACTOR,
        action="test.done",
        subject=("core.Heartbeat", f"job{i}"),
        reason="试验",
        as_of=NOON,
        lies_in=region.pk,
    )
    Group.objects.create(name=f"角色{i}")
    Region.objects.create(code=f"R1{i}", name=f"街道{i}", level=Region.Level.DISTRICT, parent=region)


def dead_callback(payment: Payment, *, at: datetime = NOON) -> GatewayCallback:
    """One that was given up after ten attempts."""
    row = GatewayCallback.objects.create(
        gateway="alipay",
        reference=payment.reference,
        payment=payment,
        report={},
        verdict="OK",
        body=b"",
        received_at=at,
        next_attempt_at=at,
    )
    return _moved(row, CallbackState.DEAD, attempts=10)


__all__ = ["ACTOR", "dead_callback", "hall", "outbox_row", "payments", "staff_with", "superuser", "viewer"]
