"""A customer with two verified contacts, a line that may be paused at a fee, and pauses asked for as customers do."""

import itertools
from datetime import date, datetime
from typing import Any

from accounts.models import BillingAccount, Contact, User
from catalog.models import Offer, Pause, PausePolicy, Subscription, Suspension
from catalog.offers.services import publishing
from catalog.pauses.services import ending
from core.errors import HallError
from notices.models import Message
from operations.models import Slip
from tests.catalog.charging import build as charging
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders
from tests.conftest import NOON

TODAY = date(2026, 11, 18)
LATER = date(2027, 1, 10)
_count = itertools.count(1)


def home(*, contacts: int = 2) -> tuple[User, BillingAccount]:
    """Somebody with an account of his own, reachable by so many contacts."""
    PausePolicy.objects.get_or_create(  # a test that empties all tables takes the seeded one away
        region=None, customer_kind="", defaults={"active_from": date(2000, 1, 1)}
    )
    user, account = orders.home()
    Contact.objects.filter(account=account).update(verified_at=NOON)
    for _ in range(1, contacts):
        contact(account)
    return user, account


def contact(of: BillingAccount, value: str = "") -> Contact:
    return Contact.objects.create(
        account=of,
        kind=Contact.Kind.PHONE,
        value=value or f"+86137{next(_count):08d}",
        verified_at=NOON,
        created_at=NOON,
    )


def offer(code: str = "line", cents: int = 3000, fee: int = 500, **more: Any) -> Offer:
    made = shop.draft(code, **{"while_paused": "FEE"} | more)
    shop.price(made, cents)
    if made.while_paused == "FEE":
        shop.price(made, fee, charge="PAUSE")
    return publishing.publish_offer(offer_id=made.pk, as_of=shop.LONG_AGO)


def line(of: BillingAccount, what: Offer | None = None, **wanted: Any) -> Subscription:
    """In use since October."""
    return charging.held(of, what or offer(), date(2026, 10, 1), **wanted)


def data(row: Subscription, resume_on: date = LATER, contact: str = "") -> dict[str, Any]:
    return {"subscription": row.number, "resume_on": resume_on.isoformat(), "contact": contact}


def paused(user: User, row: Subscription, resume_on: date = LATER, *, as_of: datetime = NOON) -> Pause:
    slip = orders.done(user, "service.pause", data(row, resume_on), as_of=as_of)
    return Pause.objects.get(slip=slip)


def resumed(user: User, row: Subscription, *, as_of: datetime) -> Slip:
    return orders.done(user, "service.resume", {"subscription": row.number}, as_of=as_of)


def refusal(user: User, raw: dict[str, Any], operation: str = "service.pause") -> str:
    """The code for which it is refused; "" when it would be had."""
    try:
        orders.quoted(user, operation, raw)
    except HallError as error:
        return error.code
    return ""


def is_off(row: Subscription) -> bool:
    return Suspension.objects.filter(subscription=row, ends_on=None).exists()


def run(on: date, **more: Any) -> ending.Counts:
    """The job at noon of that day; the counts at its end."""
    return list(ending.run(ending.Job(charging.noon(on), **more)))[-1]


def told(code: str) -> list[dict[str, Any]]:
    return list(Message.objects.filter(code=code).order_by("pk").values_list("context", flat=True))
