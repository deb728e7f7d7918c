"""A customer in arrears for so many days, as if every day had passed: for `manage.py shell`, beside a real hall."""

import itertools
from datetime import timedelta

from accounts.models import BillingAccount, Contact, Membership, User
from accounts.services import users
from arrears.services import assessing
from core import clock
from notices.models import Delivery, DeliveryState
from tests.arrears import build
from tests.arrears.build import ACTOR, noon
from tests.billing import build as money
from tests.catalog.holdings import build as holdings

CENTS = 2600


def make(phone: str, days: int) -> BillingAccount:
    """Whoever logs in with that phone owns an account with a line; its bill was due so many days ago."""
    for module in (build, money, holdings):  # each process counts from one; what another one made is there
        vars(module)["_count"] = itertools.count(int(phone[-4:]) * 1000)
    now = clock.now()
    user = users.by_proven_phone(f"+86{phone}") or users.create(
        phone=f"+86{phone}", name="欠费客户", as_of=now
    )
    account = _account(user, phone)
    build.line(account)
    today = clock.local_date(now)
    due_on = today - timedelta(days)
    build.bill(account, CENTS, due_on=due_on)
    day = due_on - timedelta(4)
    while day <= today:
        assessing.assess_one(account.pk, actor=ACTOR, as_of=min(noon(day), now))
        _deliver(account, day)
        day += timedelta(1)
    return account


def _account(user: User, phone: str) -> BillingAccount:
    made = build.account(phones=0, address="清河市城东区和平路 1 号")
    begun = noon(build.DUE)
    Contact.objects.create(
        account=made,
        kind=Contact.Kind.PHONE,
        value=f"+86{phone}",
        is_primary=True,
        created_at=begun,
        verified_at=begun,
    )
    Membership.objects.create(user=user, account=made, role=Membership.Role.OWNER, created_at=begun)
    return made


def _deliver(account: BillingAccount, on: object) -> None:
    """What the account was to be told that day arrives that day."""
    at = min(noon(on), clock.now())  # type: ignore[arg-type]
    rows = Delivery.objects.filter(message__recipient_ref=f"account:{account.number}")
    ids = list(rows.filter(state=DeliveryState.QUEUED).values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=ids).update(state=DeliveryState.SENT, sent_at=at)
    Delivery.objects.filter(pk__in=ids).update(state=DeliveryState.DELIVERED, delivered_at=at)
