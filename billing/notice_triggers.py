"""What billing gives to triggers: bills that fall due, and large bills that nobody could be told of."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from accounts.selectors import reach
from billing.models import Bill, BillKind, DebitAgreementState, LargeBill
from billing.notice_kinds import MEAN, MONTH
from billing.texts import month_name
from core import clock, money
from notices import triggers
from notices.kinds import ACCOUNT_TAIL, AMOUNT, HELP_LINE, URL, Variable
from notices.triggers import Found

CHUNK = 500
DUE_ON = Variable("due_on", _("缴费截止日"), "2026-12-04")


@triggers.source(
    "billing.bill_due",
    title=_("账单即将到期"),
    days_mean=_("从缴费截止日算起，-3 为截止前三天"),
    variables=(ACCOUNT_TAIL, AMOUNT, DUE_ON, URL, HELP_LINE),
)
def bill_due(days: int, today: date, as_of: datetime) -> Iterator[Found]:
    """Each bill on which something is owed, on that day before or after it is due."""
    last = today - timedelta(days=days)
    due = Bill.objects.filter(
        kind__in=(BillKind.PERIODIC, BillKind.PENALTY),  # an order's bill is told of with its order
        open_cents__gt=0,
        due_on__lte=last,
        due_on__gte=last - timedelta(days=triggers.LATE),
    )
    # Whose bank pays is told of each debit, and need not do anything.
    due = due.exclude(account__debit_agreements__state=DebitAgreementState.ACTIVE)
    for rows in _pages(due.select_related("account").order_by("pk")):
        found = reach.of([row.account for row in rows])
        for row in rows:
            way = found[row.account_id]
            with translation.override(way.language):
                context = {
                    "account_tail": row.account.number[-4:],
                    "amount": money.display(row.open_cents),
                    "due_on": formats.date_format(row.due_on, "DATE_FORMAT"),
                    "url": settings.BASE_URL + reverse("billing:bill", args=[row.number]),
                    "help_line": settings.HELP_LINE,
                }
            yield _told(row.number, row.account, way, context)


@triggers.source(
    "billing.large_bill",
    title=_("大额账单（没有联系手机，还没有告知的）"),
    days_mean=_("从发现那天算起"),
    variables=(ACCOUNT_TAIL, MONTH, AMOUNT, MEAN),
)
def large_bill(days: int, today: date, as_of: datetime) -> Iterator[Found]:
    """Those that the job `warn_large_bills` could not tell of, as there was no phone: nobody is told twice."""
    day = today - timedelta(days=days)
    first, last = _starts(day - timedelta(days=triggers.LATE)), _starts(day + timedelta(days=1))
    untold = LargeBill.objects.filter(told_at=None, found_at__gte=first, found_at__lt=last)
    for rows in _pages(untold.select_related("bill__account").order_by("pk")):
        found = reach.of([row.bill.account for row in rows])
        for row in rows:
            way = found[row.bill.account_id]
            with translation.override(way.language):
                context = {
                    "account_tail": row.bill.account.number[-4:],
                    "month": month_name(row.bill.period),
                    "amount": money.display(row.bill.total_cents),
                    "mean": money.display(row.mean_cents),
                }
            yield _told(row.bill.number, row.bill.account, way, context)


def _starts(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=clock.SHANGHAI)


def _told(number: str, account: BillingAccount, way: reach.Way, context: dict[str, str]) -> Found:
    return Found(
        key=number,
        recipient_ref=f"account:{account.number}",
        addresses=way.addresses,
        context=context,
        language=way.language,
    )


def _pages(rows: "QuerySet[Bill] | QuerySet[LargeBill]") -> Iterator[Sequence[Any]]:
    """By key, so that memory does not grow with their number."""
    beyond = 0
    while page := list(rows.filter(pk__gt=beyond)[:CHUNK]):
        yield page
        beyond = page[-1].pk
