"""A customer whose line was cut for arrears, its number in its lock; and what he can have it back on."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from accounts.models import BillingAccount, User
from arrears.services import assessing, disconnecting
from billing.models import Bill
from catalog.models import Offer, Subscription
from resources.models import NumberPeriod, PeriodKind
from resources.services import numbers
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders
from tests.resources import build as store

DIGITS = "13812345678"
CUT = build_cut.DAY  # 2026-06-04
LAST_DAY, FREE = date(2026, 12, 4), date(2026, 12, 5)
LATER = after(150)  # some day within the lock


@dataclass
class Cut:
    user: User
    account: BillingAccount
    line: Subscription

    @property
    def raw(self) -> dict[str, Any]:
        return {"subscription": self.line.number, "offer": "sim"}


def cut(digits: str = DIGITS, *, on: date = CUT) -> Cut:
    """Everything proven, approved by two, and cut."""
    user = money.user()
    account = money.account(user)
    store.number(digits)
    row = build.line(account, service_number=digits)
    numbers.assign(
        digits=digits, owner=f"subscription:{row.number}", actor=ACTOR, as_of=noon(date(2026, 1, 1))
    )
    build.bill(account)
    for n in build_cut.STEPS:
        assessing.assess_one(account.pk, actor=ACTOR, as_of=noon(after(n)))
        build_cut.deliver(after(n))
    scene = build_cut.Scene(account, row)
    build_cut.planned()
    disconnecting.cut(line_id=scene.line.pk, actor=ACTOR, as_of=noon(on))
    row.refresh_from_db()
    return Cut(user, account, row)


def sim(code: str = "sim", cents: int = 1900, **more: Any) -> Offer:
    return orders.offer(code, cents, type=shop.product_type("number"), **more)


def pay(at: Cut, on: date = LATER) -> None:
    """Everything, then the penalty that is billed when it is paid; and the news of it."""
    for _time in range(2):
        owed = sum(Bill.objects.filter(account=at.account).values_list("open_cents", flat=True))
        build.pay(at.account, owed, on)
        orders.news(noon(on))


def has(digits: str = DIGITS, *, as_of: datetime) -> tuple[str, str] | None:
    """(kind, holder) of the number then."""
    found = NumberPeriod.objects.filter(number__digits=digits, during__contains=as_of).first()
    return (found.kind, found.holder) if found else None


def locked(at: Cut) -> tuple[str, str]:
    return PeriodKind.LOCK, f"subscription:{at.line.number}"
