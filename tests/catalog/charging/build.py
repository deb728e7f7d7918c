"""What is charged, built with the services, and runs of a month in few words."""

from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import BillingAccount
from billing.models import Bill
from catalog.charging.rules import NextBill
from catalog.charging.selectors import next_bills
from catalog.charging.selectors.candidates import Scope
from catalog.charging.services import bill_runs
from catalog.charging.services.bill_runs import Counts, Job
from catalog.choices import SuspensionReason
from catalog.holdings.services import subscriptions, suspensions
from catalog.holdings.services.subscriptions import Evidence, Wanted
from catalog.models import ChargedMonth, Offer, Subscription, TerminationReason
from catalog.pricing.types import Period
from core import outbox
from core.actor import Actor
from tests.catalog.holdings import build as holdings
from tests.catalog.offers import build as offers
from tests.conftest import NOON

ACTOR = Actor("test:charging")
TODAY = date(2026, 11, 18)


def noon(on: date) -> datetime:
    """Noon of that day in Shanghai."""
    return NOON + (on - TODAY)


def account(**more: Any) -> BillingAccount:
    return offers.account(**more)


def basic(cents: int = 2600, code: str = "", **more: Any) -> Offer:
    """A monthly package, sold since long ago."""
    return offers.published(code, cents, **more)


def held(
    of: BillingAccount,
    what: Offer,
    begins_on: date = date(2026, 9, 1),
    *,
    known_on: date | None = None,
    **wanted: Any,
) -> Subscription:
    """In use since that day; entered on `known_on` where that is another one."""
    return subscriptions.begin(
        account_id=of.pk,
        wanted=Wanted(offer_id=what.pk, begins_on=begins_on, **wanted),
        actor=ACTOR,
        as_of=noon(known_on or begins_on),
    )


def end(of: Subscription, on: date, *, known_on: date | None = None) -> None:
    """Its first day not charged; entered later where that is said."""
    subscriptions.terminate(
        number=of.number,
        reason=TerminationReason.CUSTOMER,
        evidence=Evidence(slip_id=holdings.slip(of.account, line=of).pk),
        actor=ACTOR,
        as_of=noon(known_on or on),
        on=on,
    )


def pause(of: Subscription, on: date, *, known_on: date | None = None) -> None:
    suspensions.suspend(
        number=of.number,
        reason=SuspensionReason.STAFF,
        actor=ACTOR,
        as_of=noon(known_on or on),
        on=on,
    )


def resume(of: Subscription, on: date, *, known_on: date | None = None) -> None:
    suspensions.resume(
        number=of.number, reason=SuspensionReason.STAFF, actor=ACTOR, as_of=noon(known_on or on), on=on
    )


def news(as_of: datetime) -> None:
    """What the workers of news do."""
    while outbox.dispatch(as_of=as_of + timedelta(seconds=1)):
        pass


def run(period: str, *, of: BillingAccount | None = None, on: date | None = None, **more: Any) -> Counts:
    """The run of a month, on the first day after it; the counts at its end."""
    month = Period.of(period)
    scope = Scope(account_number=of.number) if of else Scope()
    job = Job(month, noon(on or month.ends_on), more.pop("scope", scope), **more)
    return list(bill_runs.run(job))[-1]


def bill(of: BillingAccount, period: str) -> Bill | None:
    return Bill.objects.filter(source="hall:run", source_number=f"{period}:{of.number}").first()


def lines(of: BillingAccount, period: str) -> list[tuple[str, int]]:
    """The lines of that month's bill: what they say, and fen."""
    found = bill(of, period)
    return list(found.lines.order_by("position").values_list("text", "amount_cents")) if found else []


def charged(of: BillingAccount, period: str) -> list[int]:
    """The totals of the month's revisions."""
    rows = ChargedMonth.objects.filter(account=of, period=period).order_by("revision")
    return list(rows.values_list("total_cents", flat=True))


def next_bill(of: BillingAccount, period: str) -> NextBill:
    """What a run of that month would bill now."""
    return next_bills.ready([of.pk], Period.of(period)).of(of.pk)
