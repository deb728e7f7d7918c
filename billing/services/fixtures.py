"""Orders that a manifest of signed gateway messages names. Only where the settings allow it (tests, benchmarks)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from accounts.models import BillingAccount, Customer
from billing.gateways.base import Report, ReportStatus
from billing.models import Payment
from billing.services.bills import bills
from billing.services.payments import payments
from core import clock, money
from core.actor import Actor

ACTOR = Actor.command("payment_fixture")
GATEWAYS = {"alipay": "alipay", "wechat": "wechatpay"}


@dataclass(frozen=True, slots=True)
class Order:
    reference: str
    gateway: str
    amount_cents: int
    is_paid: bool
    trade_no: str


def read(manifest: Path) -> list[Order]:
    """The orders of the manifest, once each, in its order."""
    cases = json.loads(manifest.read_text(encoding="utf-8"))["cases"]
    orders: dict[str, Order] = {}
    for case in cases:
        wanted: dict[str, Any] | None = case["order"]
        if wanted is None or wanted["out_trade_no"] in orders:
            continue
        is_paid = wanted["state_before"] == "paid"
        orders[wanted["out_trade_no"]] = Order(
            reference=wanted["out_trade_no"],
            gateway=GATEWAYS[case["channel"]],
            amount_cents=money.parse_yuan(wanted["amount_yuan"]),
            is_paid=is_paid,
            trade_no=_trade_no(manifest.parent / case["file"]) if is_paid else "",
        )
    return list(orders.values())


def create(order: Order, *, as_of: datetime) -> Payment:
    """A customer with one bill of the order's amount and its payment, on the way to the cashier; or already paid.

    The same order again changes nothing. Raises ImproperlyConfigured where fixtures are not allowed.
    """
    if not getattr(settings, "ALLOW_PAYMENT_FIXTURES", False):
        raise ImproperlyConfigured("payment fixtures are only for test settings")
    existing = Payment.objects.filter(reference=order.reference).first()
    if existing is not None:
        return existing
    with transaction.atomic():
        account = _account(order.reference, as_of)
        bill = bills.issue(
            account_id=account.pk,
            lines=[bills.Line("FIXTURE", f"测试订单 {order.reference}", order.amount_cents)],
            issued_on=clock.local_date(as_of),
            due_on=clock.local_date(as_of) + timedelta(days=30),
            source="fixture",
            source_number=order.reference,
            as_of=as_of,
        )
        payment = payments.start(
            account_id=account.pk,
            bill_id=bill.pk,
            amount_cents=order.amount_cents,
            gateway=order.gateway,
            payer_id=None,
            as_of=as_of,
            actor=ACTOR,
            reference=order.reference,
        )
        payments.sent_to_cashier(payment_id=payment.pk, as_of=as_of, actor=ACTOR)
        if order.is_paid:
            payments.apply_report(payment_id=payment.pk, report=_paid(order, as_of), as_of=as_of, actor=ACTOR)
    payment.refresh_from_db()
    return payment


def _account(reference: str, as_of: datetime) -> BillingAccount:
    customer = Customer.objects.create(number=f"C{reference}", name="测试客户", created_at=as_of)
    return BillingAccount.objects.create(number=f"A{reference}", customer=customer, created_at=as_of)


def _paid(order: Order, as_of: datetime) -> Report:
    return Report(
        gateway=order.gateway,
        reference=order.reference,
        trade_no=order.trade_no,
        status=ReportStatus.SUCCEEDED,
        amount_cents=order.amount_cents,
        paid_at=as_of,
        refunds=(),
        total_refunded_cents=0,
        buyer="",
        occurred_at=as_of,
        notify_id="",
    )


def _trade_no(message: Path) -> str:
    """The trade number that the case's own message carries, so that its notice is about the payment made here."""
    text = message.read_text(encoding="utf-8")
    if message.suffix == ".txt":
        return parse_qs(text)["trade_no"][0]
    return f"fixture-{message.stem}"  # sealed inside the message: any number of our own will do
