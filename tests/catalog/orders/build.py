"""A customer, what is sold, and orders: built with the services, submitted as customers do."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from accounts.models import BillingAccount, Contact, Membership, User, VerificationCode
from accounts.services import codes
from billing.models import Bill
from catalog.models import Offer, Order, Subscription
from catalog.offers.services import publishing
from core import outbox
from core.actor import Actor
from notices.models import Message
from operations import inputs, registry
from operations.context import Context
from operations.models import Channel, Slip
from operations.services import evidence, slips
from resources.adapters.base import AdapterError
from resources.adapters.immediate import ImmediateAdapter
from resources.services import provisioning
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.conftest import NOON

ACTOR = Actor("test:orders")
_count = itertools.count(1)


def home(owner: User | None = None) -> tuple[User, BillingAccount]:
    """Somebody with an account of his own."""
    owner = owner or money.user()
    return owner, money.account(owner)


def member(of: BillingAccount, role: str) -> User:
    found = money.user()
    Membership.objects.create(user=found, account=of, role=role, created_at=NOON)
    return found


def offer(code: str, *amounts: int, entitlements: tuple[str, ...] = (), once: int = 0, **more: Any) -> Offer:
    """Sold since the beginning of the year; with something to switch on, and a one-off fee, where that is named."""
    made = shop.draft(code, **more)
    charge = "ONCE" if made.cycle == "ONCE" else "PERIOD"
    shop.price(made, *(amounts or (3000,)), charge=charge)
    if once:
        shop.price(made, once, charge="ONCE")
    if entitlements:
        spec = shop.specification(f"spec-{code}")
        spec.entitlements = list(entitlements)
        spec.save(update_fields=["entitlements"])
        made.specifications.add(spec)

    return publishing.publish_offer(offer_id=made.pk, as_of=shop.LONG_AGO)


def ctx(user: User, as_of: datetime = NOON, channel: Channel = Channel.WEB) -> Context:
    return Context(user=user, channel=channel, as_of=as_of, address="192.0.2.7")


def quoted(user: User, operation: str, raw: dict[str, Any], *, as_of: datetime = NOON) -> slips.Quoted:
    return slips.quote(operation=operation, ctx=ctx(user, as_of), raw=raw)


def done(
    user: User,
    operation: str,
    raw: dict[str, Any],
    *,
    as_of: datetime = NOON,
    digest: str = "",
    key: str = "",
) -> Slip:
    """The whole way: quote, code, submit."""
    asker = ctx(user, as_of)
    digest = digest or slips.quote(operation=operation, ctx=asker, raw=raw).digest
    given = {"agreed": "yes"}
    if operation != "order.cancel":
        given["code"] = code(asker, operation, raw)
    return slips.submit(
        operation=operation,
        ctx=asker,
        raw=raw,
        quote_digest=digest,
        confirmation=given,
        idempotency_key=key or f"orders-{next(_count)}",
    )


def code(asker: Context, operation: str, raw: dict[str, Any]) -> str:
    """A code that confirms these data, as if it had been sent: nobody is sent ten codes in a minute."""
    data = _cleaned(asker, operation, raw)
    subject = evidence._subject(asker, data)
    VerificationCode.objects.create(
        purpose=f"operation:{operation}",
        subject=subject,
        address=asker.served.phone or "",  # type: ignore[union-attr]  # a user, not a visitor
        code_hash=codes._hash(f"operation:{operation}", subject, "123456"),
        created_at=asker.as_of,
        expires_at=asker.as_of + codes.LIFETIME,
    )
    return "123456"


def _cleaned(asker: Context, operation: str, raw: dict[str, Any]) -> dict[str, Any]:
    return inputs.validate(registry.get(operation), asker, raw).cleaned_data


def ordered(user: User, of: BillingAccount, *offers: Offer, as_of: datetime = NOON, **more: Any) -> Order:
    raw = {"account": of.number, "offers": [each.code for each in offers]} | more
    slip = done(user, "package.order", raw, as_of=as_of)
    return Order.objects.get(slip_number=slip.number)


def cancelled(user: User, row: Subscription, *, as_of: datetime = NOON) -> Order:
    slip = done(user, "package.cancel", {"subscription": row.number}, as_of=as_of)
    return Order.objects.get(slip_number=slip.number)


def changed(user: User, row: Subscription, to: Offer, *, as_of: datetime = NOON) -> Order:
    raw = {"subscription": row.number, "offer": to.code}
    slip = done(user, "package.change", raw, as_of=as_of)
    return Order.objects.get(slip_number=slip.number)


def held(of: BillingAccount, what: Offer) -> Subscription:
    return Subscription.objects.filter(account=of, offer=what).latest("pk")


def news(as_of: datetime = NOON) -> None:
    """What the workers of news do, until there is none."""
    while outbox.dispatch(as_of=as_of + timedelta(seconds=1)):
        pass


def switch(as_of: datetime = NOON, adapter: Any = None) -> None:
    """What all workers do: the far systems answer, and whoever waits for that is told."""
    later = as_of + timedelta(seconds=2)  # what the news of that instant asked for is due
    news(as_of)
    while provisioning.work(clock=lambda: later, adapter=adapter or ImmediateAdapter()):
        news(later)
    news(later)


class Broken:
    """A far system that can never do it."""

    code = "broken"

    def execute(self, order: Any) -> Any:
        raise AdapterError("NO_SUCH_CARD", permanent=True)


def pay(bill: Bill, cents: int = 0, *, as_of: datetime = NOON) -> None:
    """Money for this bill has come."""
    paid = money.payment(bill.account, cents or bill.open_cents, first=bill, as_of=as_of)
    money.apply(paid, money.report(paid, paid_at=as_of), as_of=as_of)
    news(as_of)


def credit(of: BillingAccount, cents: int, *, as_of: datetime = NOON) -> None:
    paid = money.payment(of, cents, as_of=as_of)
    money.apply(paid, money.report(paid, paid_at=as_of), as_of=as_of)


def told(code: str) -> list[dict[str, Any]]:
    return list(Message.objects.filter(code=code).order_by("pk").values_list("context", flat=True))


def nothing_changed() -> bool:
    return not Order.objects.exists() and not Subscription.objects.exists() and not Bill.objects.exists()


def contact_of(account: BillingAccount) -> str:
    return Contact.objects.get(account=account).value
