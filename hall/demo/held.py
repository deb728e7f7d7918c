"""What the demo's households hold, so that services, the next bill and advice have something to tell.

They have held it since long before their first demo bill; each demo bill counts as the charge of its month, so that the
bill run goes on after it and charges nothing twice.
"""

from datetime import datetime, timedelta

from django.db import transaction

from accounts import locks as account_locks
from billing.models import Bill
from catalog.charging.selectors import next_bills
from catalog.holdings.services import steps
from catalog.holdings.services.steps import Wanted
from catalog.models import BillRun, ChargedMonth, Offer, Subscription
from catalog.pricing import as_json, digest
from catalog.pricing.types import Period
from core import clock
from core.actor import Actor
from hall.demo import plan

HELD_SINCE = timedelta(days=650)
ACTOR = Actor.command("demo_data")


def everything(*, as_of: datetime) -> int:
    """Begins what they hold, notes their billed months as charged; what is there stays. How many holdings are new."""
    offers = dict(Offer.objects.values_list("code", "pk"))
    numbers = [home.number for home in plan.households()]
    held = set(
        Subscription.objects.filter(account__number__in=numbers).values_list("account__number", flat=True)
    )
    new = 0
    for home in plan.households():
        if home.number not in held:
            new += _begin(home, offers, as_of - HELD_SINCE)
    for period in _billed(numbers):
        _note(period, numbers, as_of)
    return new


@transaction.atomic
def _begin(home: plan.Household, offers: dict[str, int], since: datetime) -> int:
    """Without switching anything on: it has been on for as long as they remember."""
    account_id = account_locks.accounts([home.number])[home.number]
    begun = [offers[plan.OFFERS[line.code]] for line in home.tariff if line.code in plan.OFFERS]
    for offer_id in begun:
        wanted = Wanted(offer_id=offer_id, begins_on=clock.local_date(since))
        row = steps.created(account_id, wanted, follows=None, actor=ACTOR, as_of=since, reason="demo")
        steps.activate(row, clock.local_date(since), actor=ACTOR, as_of=since)
    return len(begun)


def _billed(numbers: list[str]) -> list[str]:
    bills = Bill.objects.filter(source=plan.SOURCE, account__number__in=numbers)
    return sorted(set(bills.values_list("period", flat=True)))


@transaction.atomic
def _note(period: str, numbers: list[str], as_of: datetime) -> None:
    """Charged as computed; the demo's bills say the same. The month's run is over, whoever made the bills."""
    done = {"started_at": as_of, "worked_at": as_of, "completed_at": as_of}
    BillRun.objects.get_or_create(period=period, defaults=done)
    known = ChargedMonth.objects.filter(period=period).values("account_id")
    rows = Bill.objects.filter(source=plan.SOURCE, period=period, account__number__in=numbers)
    bills = dict(rows.exclude(account_id__in=known).values_list("account_id", "pk"))
    ready = next_bills.ready(list(bills), Period.of(period))
    months = {key: (found.place, next_bills.month(found)) for key, found in ready.months.items()}
    ChargedMonth.objects.bulk_create(
        ChargedMonth(
            account_id=key,
            period=period,
            digest=digest(lines),
            lines=[as_json(line) for line in lines],
            total_cents=sum(line.amount_cents for line in lines),
            region_id=place.region_id,
            customer_kind=place.kind,
            bill_id=bills[key],
            created_at=as_of,
        )
        for key, (place, lines) in months.items()
    )
