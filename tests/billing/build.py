"""State for billing tests, built with the services."""

import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta

from accounts.models import BillingAccount, Contact, Customer, Membership, User
from billing.gateways.base import RefundReport, Report, ReportStatus
from billing.models import Bill, Payment
from billing.selectors.ledger_check import differences
from billing.services.bills import bills
from billing.services.payments import callbacks, payments
from core import clock
from core.actor import Actor
from tests.conftest import NOON

ACTOR = Actor("test:billing")
LATER = NOON + timedelta(days=3650)
_count = itertools.count(1)


def user(phone: str | None = None) -> User:
    n = next(_count)
    return User.objects.create(username=f"user{n}", phone=phone or f"+86139{n:08d}", name=f"客户{n}")


def account(owner: User | None = None, *, role: str = Membership.Role.OWNER) -> BillingAccount:
    n = next(_count)
    customer = Customer.objects.create(number=f"C{n:08d}", name=f"客户{n}", created_at=NOON)
    found = BillingAccount.objects.create(number=f"81{n:08d}", customer=customer, created_at=NOON)
    if owner:
        Membership.objects.create(user=owner, account=found, role=role, created_at=NOON)
        Contact.objects.create(
            account=found, kind=Contact.Kind.PHONE, value=owner.phone or "", is_primary=True, created_at=NOON
        )
    return found


def bill(of: BillingAccount, cents: int = 2600, *, issued_on: date = date(2026, 11, 1)) -> Bill:
    return bills.issue(
        account_id=of.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", cents)],
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=30),
        source="test",
        source_number=str(next(_count)),
        period=f"{issued_on:%Y-%m}",
        as_of=NOON,
    )


def payment(
    of: BillingAccount, cents: int = 2600, *, first: Bill | None = None, as_of: datetime = NOON
) -> Payment:
    """A payment that the customer took to the cashier."""
    started = payments.start(
        account_id=of.pk,
        amount_cents=cents,
        gateway="alipay",
        payer_id=None,
        bill_id=first.pk if first else None,
        as_of=as_of,
        actor=ACTOR,
    )
    return payments.sent_to_cashier(payment_id=started.pk, as_of=as_of, actor=ACTOR)


def report(of: Payment, *, trade_no: str = "", refunded: int = 0, **changes: object) -> Report:
    """A verified report that the payment was paid."""
    base = Report(
        gateway=of.gateway,
        reference=of.reference,
        trade_no=trade_no or f"T{of.reference}",
        status=ReportStatus.SUCCEEDED,
        amount_cents=of.amount_cents,
        paid_at=NOON,
        refunds=(RefundReport(request_no=f"RF{refunded}", amount_cents=None, refunded_at=NOON),)
        if refunded
        else (),
        total_refunded_cents=refunded,
        buyer="",
        occurred_at=NOON,
        notify_id="",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the caller names fields of Report


def apply(of: Payment, given: Report, *, as_of: datetime = NOON) -> payments.Applied:
    return payments.apply_report(payment_id=of.pk, report=given, as_of=as_of, actor=ACTOR)


def work_off_callbacks(limit: int = 50) -> int:
    """What a worker does until nothing is due, at a time when every back-off is over."""
    total = 0
    while claimed := callbacks.claim(as_of=LATER, limit=limit):
        for callback in claimed:
            callbacks.apply_claimed(callback, as_of=LATER)
        total += len(claimed)
    return total


def balance(of: BillingAccount) -> int:
    of = BillingAccount.objects.select_related("balance").get(pk=of.pk)
    return of.balance.balance_cents


def books_are_right() -> bool:
    return not list(differences())


TODAY = clock.local_date(NOON)
