"""Accounts in arrears, built with the services; days pass with the clock handed in."""

import itertools
from collections import deque
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import BillingAccount, Contact
from arrears.models import ArrearsCase
from arrears.services import assessing, bulk_assessing
from billing.models import Bill
from billing.services.bills import bills
from catalog.choices import SuspensionReason
from catalog.models import Subscription, Suspension
from core.actor import Actor
from notices.models import Delivery, DeliveryState
from tests.billing import build as money
from tests.catalog.holdings import build as holdings

ACTOR = Actor("test:arrears")
DUE = date(2026, 3, 4)
_count = itertools.count(1)


def noon(on: date) -> datetime:
    return holdings.noon(on)


def account(*, phones: int = 2, address: str = "") -> BillingAccount:
    """An account with so many contacts that nobody logs in with."""
    made = money.account()
    for n in range(phones):
        Contact.objects.create(
            account=made,
            kind=Contact.Kind.PHONE,
            value=f"+86137{next(_count):08d}",
            is_primary=n == 0,
            created_at=noon(date(2026, 1, 1)),
        )
    if address:
        made.address = address
        made.save(update_fields=["address"])
    return made


def line(of: BillingAccount, **wanted: Any) -> Subscription:
    return holdings.held(of, begins_on=date(2026, 1, 1), **wanted)


def bill(of: BillingAccount, cents: int = 2600, *, due_on: date = DUE, has_line: bool = True) -> Bill:
    """A bill of somebody who has a line: one without is in other arrears."""
    if has_line and not Subscription.objects.filter(payer=of, state="ACTIVE").exists():
        line(of)
    return bills.issue(
        account_id=of.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", cents)],
        issued_on=due_on - timedelta(days=20),
        due_on=due_on,
        source="test",
        source_number=f"arrears-{next(_count)}",
        period=f"{due_on:%Y-%m}",
        as_of=noon(due_on - timedelta(days=20)),
    )


def pay(of: BillingAccount, cents: int, on: date) -> None:
    paid = money.payment(of, cents, as_of=noon(on))
    money.apply(paid, money.report(paid, paid_at=noon(on), occurred_at=noon(on)), as_of=noon(on))


def deliver(on: date, *, state: str = DeliveryState.DELIVERED) -> None:
    """Everything that waits is handed over and arrives that day; letters wait for hands."""
    at = noon(on)
    rows = Delivery.objects.exclude(channel="LETTER")
    rows.filter(state=DeliveryState.QUEUED).update(state=DeliveryState.SENT, sent_at=at)
    if state == DeliveryState.DELIVERED:
        rows.filter(state=DeliveryState.SENT).update(state=state, delivered_at=at)


def one(of: BillingAccount, on: date) -> str:
    """The account's stage after it was judged on that day."""
    assessing.assess_one(of.pk, actor=ACTOR, as_of=noon(on))
    return stage(of)


def run(on: date, **job: Any) -> bulk_assessing.Counts:
    """The daily pass of that day."""
    return deque(bulk_assessing.run(bulk_assessing.Job(as_of=noon(on), **job)), maxlen=1).pop()


def days(of: BillingAccount, first: date, last: date, *, is_delivered: bool = True) -> dict[int, str]:
    """Judged every day from the first to the last; the stage by the days since DUE on which it came."""
    seen: dict[int, str] = {}
    before = stage(of)
    while first <= last:
        now = one(of, first)
        if now != before:
            seen[(first - DUE).days] = before = now
        if is_delivered:
            deliver(first)
        first += timedelta(days=1)
    return seen


def stage(of: BillingAccount) -> str:
    case = ArrearsCase.objects.open().filter(account=of).first()
    return case.stage if case else "NONE"


def is_off(row: Subscription) -> bool:
    return Suspension.objects.filter(subscription=row, reason=SuspensionReason.ARREARS, ends_on=None).exists()


def after(days_past_due: int) -> date:
    return DUE + timedelta(days=days_past_due)
