"""What stands against a pause: each raises its refusal, or returns."""

from collections.abc import Collection
from datetime import date, timedelta

from django.db.models import Exists, OuterRef, Q

from accounts.models import Contact
from billing.models import Bill
from catalog.holdings.models import Subscription, SubscriptionState, Suspension
from catalog.holdings.services.subscriptions import NotInUse
from catalog.holdings.services.suspensions import EndAskedFor
from catalog.orders.selectors import refusals as order_refusals
from catalog.orders.selectors.plans import Wish
from catalog.pauses import errors, rules
from catalog.pauses.models import PausePolicy
from catalog.pauses.selectors import pauses


def state(row: Subscription) -> None:
    """It is in use, off for nothing, and goes on."""
    if row.state != SubscriptionState.ACTIVE:
        raise NotInUse()
    stop = Suspension.objects.filter(subscription=row, ends_on=None).order_by("pk").first()
    if stop is not None:
        raise errors.AlreadyOff(reason=stop.get_reason_display())
    if row.end_slip_id is not None:
        raise EndAskedFor()
    order_refusals.under_way(Wish(row.account, end=(row.number,)))


def contract(row: Subscription, today: date) -> None:
    if row.committed_until is not None and row.committed_until > today:
        raise errors.Committed(day=row.committed_until.isoformat())


def arrears(row: Subscription, payer_id: int, today: date) -> None:
    """Neither the account nor who pays for it owes anything that is late."""
    late = Bill.objects.filter(account_id__in={row.account_id, payer_id}, open_cents__gt=0, due_on__lt=today)
    bill = late.select_related("account").order_by("pk").first()
    if bill is not None:
        raise errors.Overdue(account=bill.account.number)


def length(policy: PausePolicy, begins_on: date, resume_on: date) -> None:
    if not policy.least_days <= rules.days(begins_on, resume_on) <= policy.most_days:
        first, last = (begins_on + timedelta(days=days) for days in (policy.least_days, policy.most_days))
        raise errors.BadDays(
            least=policy.least_days, most=policy.most_days, first=first.isoformat(), last=last.isoformat()
        )


def often(policy: PausePolicy, row: Subscription, begins_on: date) -> int:
    """How often it was paused that year already."""
    times = pauses.times(row, begins_on.year)
    if times >= policy.times_a_year:
        raise errors.TooOften(year=begins_on.year, times=times)
    return times


def contacts(row: Subscription, *, besides: str = "") -> None:
    """Two verified ones, one of which is not off itself; `besides` is one that is proven with this pause."""
    known = Contact.objects.filter(account_id=row.account_id, verified_at__isnull=False)
    verified = set(known.values_list("value", flat=True))
    is_enough = rules.is_reachable(verified, _off(row, verified))
    if besides and is_enough:  # the code would go there, and nobody would ask the phone that was always his
        raise errors.ContactNotNeeded()
    verified |= {besides} - {""}
    if not is_enough and not rules.is_reachable(verified, _off(row, verified)):
        raise errors.ContactNeeded()


def _off(row: Subscription, verified: Collection[str]) -> set[str]:
    """Those of the contacts that are lines which are off, or will be with this pause."""
    spelt = {each for value in verified for each in rules.spellings(value)}
    stopped = Exists(Suspension.objects.filter(subscription=OuterRef("pk"), ends_on=None))
    rows = Subscription.objects.filter(Q(pk=row.pk) | stopped, service_number__in=spelt, state="ACTIVE")
    return {rules.as_phone(number) for number in rows.values_list("service_number", flat=True)}
