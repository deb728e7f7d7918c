"""What billing holds on a user, for the copy that he may have; and what keeps his login from being closed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, User
from accounts.personal_data import Obstacle, Record, obstacle, section
from accounts.personal_sections import fields
from accounts.rules import Action
from accounts.selectors import accounts
from billing.models import Bill, DebitAgreement, Dispute, EmailSubscription, Payment, Receipt, RefundRequest
from billing.models.payments import UNDECIDED
from billing.selectors import balances, payable
from core import clock, money

_AT_ONCE = 2_000  # rows fetched at a time


@section("bills")
def bills(user: User) -> Iterable[Record]:
    """Of the accounts where he sees them, each with its lines."""
    names = (
        "number",
        "account__number",
        "kind",
        "period",
        "issued_on",
        "due_on",
        "total_cents",
        "paid_cents",
    )
    found = Bill.objects.for_user(user).select_related("account").prefetch_related("lines").order_by("id")
    for bill in found.iterator(chunk_size=_AT_ONCE):
        lines = [fields(line, "code", "text", "amount_cents") for line in bill.lines.all()]
        yield {**_named(bill, *names, "adjusted_cents", "open_cents"), "lines": lines}


@section("payments")
def payments(user: User) -> Iterable[Record]:
    """Those that he made himself, to whomever."""
    found = Payment.objects.filter(payer=user).select_related("account").order_by("id")
    names = ("reference", "account__number", "gateway", "amount_cents", "purpose", "state", "created_at")
    return (_named(row, *names) for row in found.iterator(chunk_size=_AT_ONCE))


@section("receipts")
def receipts(user: User) -> Iterable[Record]:
    """For his own money, and of the accounts where he sees what came in."""
    his = Q(pk__in=Receipt.objects.for_user(user).values("pk")) | Q(payment__payer=user)
    found = Receipt.objects.filter(his).select_related("account").order_by("id")
    names = ("number", "account__number", "gateway", "trade_no", "amount_cents", "refunded_cents", "paid_at")
    return (_named(row, *names) for row in found.iterator(chunk_size=_AT_ONCE))


@section("refunds")
def refunds(user: User) -> Iterable[Record]:
    found = _refunds(user).select_related("account").order_by("id")
    names = ("number", "account__number", "amount_cents", "reason", "state", "created_at", "ended_at")
    return (_named(row, *names) for row in found)


@section("disputes")
def disputes(user: User) -> Iterable[Record]:
    found = Dispute.objects.filter(raised_by=user).select_related("bill").order_by("id")
    names = ("number", "cause", "text", "state", "created_at", "answer", "closed_at")
    return ({"bill": row.bill.number, **fields(row, *names)} for row in found)


@section("bills_by_email")
def bills_by_email(user: User) -> Iterable[Record]:
    found = EmailSubscription.objects.filter(user=user).select_related("account").order_by("id")
    return (_named(row, "account__number", "address", "state", "created_at") for row in found)


@section("bank_debits")
def bank_debits(user: User) -> Iterable[Record]:
    found = DebitAgreement.objects.filter(user=user).select_related("account").order_by("id")
    names = ("reference", "account__number", "max_cents", "state", "created_at", "signed_at")
    return (_named(row, *names) for row in found)


@obstacle
def open_matters(user: User, *, as_of: datetime) -> list[Obstacle]:
    """What he owes, what is owed to him, and money on its way; each account named."""
    today = clock.local_date(as_of)
    found: list[Obstacle] = []
    for one in balances.of_accounts(_his_own(user), today=today):
        number = one.account.number
        if one.due_cents:
            text = _("户号 {number} 未缴 {amount}")
            found.append(Obstacle("OWES", _said(text, number=number, amount=money.display(one.due_cents))))
        if one.credit_cents > 0:
            text = _("户号 {number} 有余额 {amount}，请先退还或用掉")
            amount = money.display(one.credit_cents)
            found.append(Obstacle("CREDIT", _said(text, number=number, amount=amount)))
    for refund in _refunds(user).filter(ended_at=None).order_by("id"):
        found.append(Obstacle("REFUND", _said(_("退款 {number} 还没有办结"), number=refund.number)))
    for payment in _payments_under_way(user):
        found.append(Obstacle("PAYMENT", _said(_("支付 {number} 还没有结果"), number=payment.reference)))
    for dispute in Dispute.objects.filter(raised_by=user, closed_at=None).order_by("id"):
        found.append(Obstacle("DISPUTE", _said(_("账单异议 {number} 还没有答复"), number=dispute.number)))
    return found


def _payments_under_way(user: User) -> "QuerySet[Payment]":
    """His own, and others' for an account that he owns: what is paid too much becomes its credit."""
    mine = _his_own(user).order_by().values("pk")
    found = Payment.objects.filter(Q(payer=user) | Q(account__in=mine), state__in=UNDECIDED)
    return found.order_by("id")


def _his_own(user: User) -> "QuerySet[BillingAccount]":
    """The accounts that he owns: others' debts are not his."""
    return payable.owned_by(user)


def _refunds(user: User) -> "QuerySet[RefundRequest]":
    mine = accounts.where(user, Action.ASK_REFUND).order_by().values("pk")
    return RefundRequest.objects.filter(
        Q(user=user) | Q(receipt__payment__payer=user) | Q(account__in=mine)
    ).distinct()


def _named(row: Any, *names: str) -> Record:
    """These columns; "account__number" is called account."""
    return {name.removesuffix("__number"): value for name, value in fields(row, *names).items()}


def _said(text: Any, **values: str) -> Any:
    return format_lazy(text, **values)
