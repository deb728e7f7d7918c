"""Numbers whose line was cut for arrears: whose they were, until when they wait for him, what he owes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from arrears.selectors import facts as facts_reads
from billing.models import Bill, Dispute
from catalog.holdings.selectors import payers
from catalog.holdings.services import service_numbers
from catalog.models import Order, OrderState, Subscription, SubscriptionState, TerminationReason
from catalog.orders.operations.base import orderable
from core.clock import local_date
from core.errors import Conflict
from resources.models import Number, PeriodKind
from resources.selectors import numbers


class Released(Conflict):
    code = "NUMBER_RELEASED"
    message = _("这个号码的保留期已经结束，号码已重新放出，不能恢复")


class LockOver(Conflict):
    code = "NUMBER_LOCK_OVER"
    message = _("这个号码的保留期已于 %(day)s 结束，不能再恢复；可以像新号码一样选号办理")


class RestoringAlready(Conflict):
    code = "NUMBER_RESTORING"
    message = _("这个号码正由订单 %(number)s 恢复，请先完成或取消那个订单")


class InUseAgain(Conflict):
    code = "NUMBER_RESTORED_BEFORE"
    message = _("这个号码已经恢复过，正在使用")


@dataclass(frozen=True, slots=True)
class Kept:
    """A number that waits for who had it. `until`: the last day; `owed_cents`: what is overdue before it comes back.

    `disputed_cents`: overdue too, and disputed; it waits for the answer or is paid.
    """

    line: Subscription
    until: date
    owed_cents: int
    owing: tuple[str, ...]  # the accounts that owe it
    disputed_cents: int = 0
    disputing: tuple[str, ...] = ()  # the accounts whose bills are disputed

    @property
    def is_clear(self) -> bool:
        """Whether no debt stands against it."""
        return not (self.owed_cents or self.disputed_cents)


def lines_of(user: Any) -> "QuerySet[Subscription]":
    """Lines of accounts on which he may order that were cut for arrears, with a number of ours; also long ago."""
    rows = Subscription.objects.filter(
        account__in=orderable(user),
        state=SubscriptionState.TERMINATED,
        termination__reason=TerminationReason.ARREARS,
        service_number__in=Number.objects.values("digits"),
    )
    return rows.select_related("account__customer", "offer__type").order_by("-pk")


def kept(line: Subscription, *, as_of: datetime) -> Kept:
    """How it is kept for him. Raises Released, LockOver, RestoringAlready, InUseAgain."""
    last_day = _last_day(line, as_of)
    owed, contested = debts(line, as_of=as_of), disputed(line, as_of=as_of)
    return Kept(
        line,
        last_day,
        sum(owed.values()),
        tuple(sorted(owed)),
        sum(contested.values()),
        tuple(sorted(contested)),
    )


def all_kept(user: Any, *, as_of: datetime) -> list[Kept]:
    """The numbers that he can have back now."""
    found = []
    for line in lines_of(user):
        try:
            found.append(kept(line, as_of=as_of))
        except Conflict:
            continue
    return found


def debts(line: Subscription, *, as_of: datetime) -> dict[str, int]:
    """What is overdue, by number of the account: its own, of who paid for the line, and of who would pay for it now."""
    today = local_date(as_of)
    found = {}
    for subject in facts_reads.of(_payers(line, today), as_of=as_of).values():
        facts = subject.facts
        if facts.due_on is not None and facts.due_on < today and facts.owed_cents > 0:
            found[subject.number] = facts.owed_cents
    return found


def disputed(line: Subscription, *, as_of: datetime) -> dict[str, int]:
    """What is overdue of bills that are disputed, by number of the account, less credit that pays nothing else."""
    today = local_date(as_of)
    payers_of_it = _payers(line, today)
    late = Bill.objects.filter(account__in=payers_of_it, open_cents__gt=0, due_on__lt=today)
    late = late.filter(Exists(Dispute.objects.open().filter(bill=OuterRef("pk"))))
    cents = dict(late.values_list("account").annotate(cents=Sum("open_cents")))
    found = {}
    for subject in facts_reads.of(payers_of_it, as_of=as_of).values() if cents else ():
        left = cents.get(subject.account_id, 0) + min(0, subject.facts.owed_cents)
        if left > 0:
            found[subject.number] = left
    return found


def _payers(line: Subscription, today: date) -> set[int]:
    return {line.account_id, line.payer_id, payers.of_account(line.account_id, on=today)}


def _last_day(line: Subscription, as_of: datetime) -> date:
    number = numbers.get(line.service_number)
    latest = number.periods.order_by("-during__startswith").first()
    former = service_numbers.owner(line)
    if latest is None or latest.ends_at is not None and latest.ends_at <= as_of and latest.holder == former:
        raise LockOver(day=_day_before(latest.ends_at) if latest and latest.ends_at else "")
    if latest.holder == former and latest.kind == PeriodKind.LOCK and latest.ends_at is not None:
        return _day_before(latest.ends_at)
    raise _why_not(line, latest.holder, latest.kind)


def _why_not(line: Subscription, holder: str, kind: str) -> Conflict:
    """What he may know of who has it now: his own, or that it is somebody else's."""
    sort, _sep, reference = holder.partition(":")
    own = {"account_id": line.account_id, "number": reference}
    if sort == "order" and kind == PeriodKind.HOLD:
        order = Order.objects.filter(**own, state__in=(OrderState.ACCEPTED, OrderState.IN_PROGRESS)).first()
        if order is not None:
            return RestoringAlready(number=order.number)
    if sort == "subscription" and Subscription.objects.filter(**own).exists():
        return InUseAgain()
    return Released()


def _day_before(instant: datetime) -> date:
    """The lock ends at midnight: its last day is the one before."""
    return date.fromordinal(local_date(instant).toordinal() - 1)
