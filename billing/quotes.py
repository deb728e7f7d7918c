"""What a sum of money will do to an account's bills, as the lines and warnings of a quote."""

from collections.abc import Iterator, Mapping
from datetime import date

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from billing import rules
from billing.models import Bill
from billing.selectors import bills as bill_reads
from billing.texts import bill_title_lazy
from core import money
from operations.quotes import QuoteLine


def settling(
    *, account: BillingAccount, amount_cents: int, first_bill: Bill | None, today: date
) -> tuple[tuple[QuoteLine, ...], tuple[Promise, ...]]:
    """Lines: each bill and penalty that the sum pays, and the credit. Warnings: credit, and what stays owed."""
    open_bills = bill_reads.open_of(account)
    owed = bill_reads.owed(open_bills, on=today)
    settlement = rules.settle(amount_cents, owed, first_bill_id=first_bill.pk if first_bill else None)
    credit = amount_cents - settlement.cents
    due = sum(one.cents + one.penalty_cents for one in owed)
    lines = tuple(_lines(settlement, {bill.pk: bill for bill in open_bills}, credit))
    return lines, _warnings(credit, due - settlement.cents)


def _lines(settlement: rules.Settlement, bills: Mapping[int, Bill], credit: int) -> Iterator[QuoteLine]:
    for share in settlement.shares:
        yield QuoteLine(_line(bills[share.bill_id]), share.cents)
    for penalty in settlement.penalties:
        if penalty.cents:
            text = format_lazy(_("{bill} 的违约金"), bill=_line(bills[penalty.bill_id]))
            yield QuoteLine(text, penalty.cents)
    if credit:
        yield QuoteLine(_("存入账户余额"), credit)


def _line(bill: Bill) -> Promise:
    return format_lazy("{title} {number}", title=bill_title_lazy(bill), number=bill.number)


def _warnings(credit: int, left: int) -> tuple[Promise, ...]:
    found = []
    if credit:
        found.append(format_lazy(_("多缴的 {amount} 将存入账户余额"), amount=money.display(credit)))
    if left > 0:
        found.append(format_lazy(_("缴费后仍欠 {amount}"), amount=money.display(left)))
    return tuple(found)
