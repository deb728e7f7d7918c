"""清单: a user's bills with their lines, or his receipts, as rows of a list. Nothing is held in memory at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from accounts.rules import Action
from accounts.selectors import accounts
from billing.models import Bill, BillKind, BillLine, Receipt
from billing.texts import channel_name
from core import clock

Cell = str | date | Decimal | None
Row = list[Cell]
_AT_ONCE = 2_000  # rows fetched at a time


class Content(models.TextChoices):
    BILLS = "bills", pgettext_lazy("plural", "账单与收费明细")
    RECEIPTS = "receipts", pgettext_lazy("plural", "缴费记录")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is to hold. Both days are included; they are days where the customers live."""

    user: Any
    content: Content
    first: date
    last: date
    account_number: str = ""  # "": all of the user's accounts


def head(content: Content) -> list[str]:
    """The names of the columns, in the reader's language. Every column of amounts may be summed."""
    if content == Content.BILLS:
        return [
            _("户号"),
            _("账单号"),
            _("账单类型"),
            _("账期"),
            _("出账日"),
            _("缴费截止日"),
            _("收费项目"),
            _("项目金额（元）"),
            _("账单合计（元）"),
            _("调账减免（元）"),
            _("已缴（元）"),
            _("还应缴（元）"),
        ]
    return [
        _("户号"),
        _("收据号"),
        _("付款时间"),
        _("支付方式"),
        _("交易号"),
        _("金额（元）"),
        _("已销账（元）"),
        _("已退款（元）"),
        _("账户余额（元）"),
    ]


def rows(wanted: Wanted) -> Iterator[Row]:
    """The rows, by account and time; texts in the language that is active when each is asked for."""
    return _bills(wanted) if wanted.content == Content.BILLS else _receipts(wanted)


def _account_ids(wanted: Wanted) -> list[int]:
    mine = accounts.where(wanted.user, Action.SEE_BILLS)
    if wanted.account_number:
        mine = mine.filter(number=wanted.account_number)
    return list(mine.values_list("pk", flat=True))


def _bills(wanted: Wanted) -> Iterator[Row]:
    """One row per line. What is said of the whole bill stands on its first line only."""
    lines = BillLine.objects.filter(
        bill__account_id__in=_account_ids(wanted), bill__issued_on__range=(wanted.first, wanted.last)
    )
    found = lines.select_related("bill__account").order_by(
        "bill__account__number", "bill__issued_on", "bill_id", "position"
    )
    before = 0
    for line in found.iterator(chunk_size=_AT_ONCE):
        whole = _sums(line.bill) if line.bill_id != before else [None] * 4
        before = line.bill_id
        yield [*_of_bill(line.bill), line.text, _yuan(line.amount_cents), *whole]


def _of_bill(bill: Bill) -> Row:
    kind = str(BillKind(bill.kind).label)
    return [bill.account.number, bill.number, kind, bill.period, bill.issued_on, bill.due_on]


def _sums(bill: Bill) -> Row:
    return [
        _yuan(cents) for cents in (bill.total_cents, bill.adjusted_cents, bill.paid_cents, bill.open_cents)
    ]


def _receipts(wanted: Wanted) -> Iterator[Row]:
    found = Receipt.objects.filter(
        account_id__in=_account_ids(wanted),
        paid_at__gte=_midnight(wanted.first),
        paid_at__lt=_midnight(wanted.last + timedelta(days=1)),
    )
    ordered = found.select_related("account").order_by("account__number", "paid_at", "pk")
    for receipt in ordered.iterator(chunk_size=_AT_ONCE):
        yield [
            receipt.account.number,
            receipt.number,
            f"{receipt.paid_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}",
            channel_name(receipt.gateway),
            receipt.trade_no,
            *map(
                _yuan,
                (
                    receipt.amount_cents,
                    receipt.allocated_cents,
                    receipt.refunded_cents,
                    receipt.unallocated_cents,
                ),
            ),
        ]


def _yuan(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, clock.SHANGHAI)
