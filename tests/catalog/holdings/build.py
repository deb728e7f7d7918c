"""What customers hold, built with the services."""

import itertools
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import BillingAccount
from catalog.holdings.services import subscriptions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import Offer, ProductSpecification, ProductType, Subscription
from core import outbox
from core.actor import Actor
from core.models import OutboxRow
from operations.models import Channel, Slip, SlipState
from resources.adapters.immediate import ImmediateAdapter
from resources.models import Command
from resources.services import provisioning
from tests.billing import build as money
from tests.conftest import NOON
from tests.operations import confirming

ACTOR = Actor("test:holdings")
TODAY = date(2026, 11, 18)
_count = itertools.count(1)


def day(month: int, of_month: int, year: int = 2026) -> date:
    return date(year, month, of_month)


def noon(on: date) -> datetime:
    """Noon of that day in Shanghai."""
    return NOON + (on - TODAY)


def offer(code: str = "", *, entitlements: tuple[str, ...] = (), line: str = "", **more: Any) -> Offer:
    """An offer, a draft; with something to switch on where that is named."""
    kind, _is_new = ProductType.objects.get_or_create(code="basic", defaults={"name": "基本包"})
    code = code or f"offer-{next(_count)}"
    made = Offer.objects.create(
        code=code, name=f"产品 {code}", type=kind, active_from=date(2020, 1, 1), **more
    )
    if entitlements or line:
        made.specifications.add(
            ProductSpecification.objects.create(
                code=f"spec-{code}", name=code, type=kind, entitlements=list(entitlements), line_profile=line
            )
        )
    return made


def slip(
    of: BillingAccount,
    *,
    at: datetime = NOON,
    channel: Channel = Channel.WEB,
    line: Subscription | None = None,
    is_confirmed: bool = True,
    **more: Any,
) -> Slip:
    """As the customer confirmed by a code that this line (default: the account's last one in use) ends."""
    n = next(_count)
    ending = line or Subscription.objects.filter(account=of, state="ACTIVE").order_by("pk").last()
    given: dict[str, Any] = {
        "operation": "package.cancel",
        "data": {"subscription": ending.number} if ending else {},
    }
    made = Slip.objects.create(
        number=f"S{n:017d}",
        operation_version=1,
        state=SlipState.DRAFT,
        channel=channel,
        customer_id=of.customer_id,
        idempotency_key=f"holdings-{n}",
        input_hash="x",
        started_at=at,
        **given | more,
    )
    return confirming.confirm(made, of, at=at) if is_confirmed else made


def change(row: Subscription, to: Offer, **more: Any) -> Slip:
    """As its customer confirmed by a code that this line turns into that offer."""
    data = {"subscription": row.number, "offer": to.code}
    return slip(row.account, operation="package.change", data=data, **more)


def held(
    of: BillingAccount | None = None,
    what: Offer | None = None,
    *,
    begins_on: date = date(2026, 10, 1),
    **wanted: Any,
) -> Subscription:
    """Something in use since that day."""
    of, what = of or money.account(), what or offer()
    row = subscriptions.begin(
        account_id=of.pk,
        wanted=Wanted(offer_id=what.pk, begins_on=begins_on, **wanted),
        actor=ACTOR,
        as_of=noon(begins_on),
    )
    switch(noon(begins_on))
    row.refresh_from_db()
    return row


def switch(as_of: datetime = NOON) -> int:
    """What the workers of commands and news do: everything that was asked for is on or off."""
    done = 0
    while taken := provisioning.work(clock=lambda: as_of, adapter=ImmediateAdapter()):
        done += taken
    while outbox.dispatch(as_of=as_of + timedelta(seconds=1)):
        pass
    return done


def commands(of: Subscription) -> list[tuple[str, Any]]:
    """What was asked of the far systems, oldest first: the action, and the entitlements or the line."""
    rows = Command.objects.filter(subject_id=of.number).order_by("pk")
    return [(row.action, row.payload.get("entitlements") or row.payload.get("line_profile")) for row in rows]


def news(name: str) -> list[dict[str, Any]]:
    """The events of that name in the outbox, one for each consumer, oldest first."""
    rows = OutboxRow.objects.filter(event=name).order_by("pk")
    return [row.payload if isinstance(row.payload, dict) else {} for row in rows]


def state(of: Subscription) -> str:
    of.refresh_from_db()
    return of.state
