"""Who has no valid certificate may look at the counter, and takes no money: not on the page, nor past it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import posts
from accounts.models import BillingAccount, Certificate, Region, User
from billing.models import CounterMoney, PayLink, Receipt
from core import clock
from core.errors import HallError, NotFound
from operations.context import Context
from operations.models import Channel, Slip
from operations.services import slips
from tests.admin.build import operator, staff_with
from tests.billing import build
from tests.billing.test_counter_pages import DESK, LINK, confirmed, quoted, text
from tests.billing.till import make_clerk
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


@pytest.fixture
def account() -> BillingAccount:
    found = build.account(build.user())
    build.bill(found)
    return found


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def without_certificate() -> User:
    return staff_with("billing.take_counter_money", "operations.add_slip", username="new")


def expired() -> User:
    user = make_clerk("late")
    certificate = Certificate.objects.get(user=user)
    Certificate.objects.filter(pk=certificate.pk).update(revoked_at=NOON)
    return user


@pytest.mark.parametrize(
    ("who", "why"), [(without_certificate, "没有登记有效的岗位合格证"), (expired, "已过期或被吊销")]
)
def test_looks_and_takes_nothing(account: BillingAccount, who: Any, why: str) -> None:
    desk = client_of(who())
    page = text(desk.get(DESK, {"number": account.number}))
    assert account.customer.name in page
    assert why in page
    assert 'name="paper_no"' not in page
    assert why in text(quoted(desk, account), 403)
    form = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001"}
    assert why in text(desk.post(DESK, form | {"_step": "submit", "_agreed": "yes"}), 403)
    assert why in text(desk.post(LINK, {"account": account.number}, follow=True))
    assert not Receipt.objects.exists()
    assert not CounterMoney.objects.exists()
    assert not PayLink.objects.exists()


@pytest.mark.parametrize("who", [without_certificate, expired])
def test_the_service_itself_refuses(account: BillingAccount, who: Any) -> None:
    ctx = Context(user=who(), channel=Channel.COUNTER, as_of=NOON)
    raw = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001"}
    for call in (slips.quote, slips.send_code):
        with pytest.raises((posts.CertificateMissing, posts.CertificateExpired)):
            call(operation="counter.receive", ctx=ctx, raw=raw)
    assert not Slip.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_was_quoted_before_is_refused_after(account: BillingAccount) -> None:
    """The certificate is looked at again when the money is booked; the attempt leaves its slip."""
    clerk = make_clerk()
    ctx = Context(user=clerk, channel=Channel.COUNTER, as_of=NOON)
    raw = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001"}
    digest = slips.quote(operation="counter.receive", ctx=ctx, raw=raw).digest
    Certificate.objects.filter(user=clerk).update(revoked_at=NOON)
    with pytest.raises(HallError) as refused:
        slips.submit(
            operation="counter.receive",
            ctx=ctx,
            raw=raw,
            quote_digest=digest,
            confirmation={"agreed": "yes"},
            idempotency_key="key-000000001",
        )
    assert refused.value.code == "CERTIFICATE_EXPIRED"
    assert Slip.objects.get().refusal_code == "CERTIFICATE_EXPIRED"
    assert not Receipt.objects.exists()


def test_an_account_of_elsewhere_is_not_there_for_the_service(account: BillingAccount) -> None:
    here = Region.objects.create(code="H", name="H", level="CITY", parent=operator())
    clerk = staff_with("billing.take_counter_money", "operations.add_slip", username="local", region=here)
    Certificate.objects.create(
        user=clerk,
        number="N1",
        kind="ACCEPTANCE",
        issued_on=NOON.date(),
        expires_on=NOON.date() + timedelta(days=90),
        created_at=NOON,
    )
    ctx = Context(user=clerk, channel=Channel.COUNTER, as_of=NOON)
    raw = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001"}
    with pytest.raises(NotFound):
        slips.quote(operation="counter.receive", ctx=ctx, raw=raw)
    BillingAccount.objects.filter(pk=account.pk).update(region=here)
    assert slips.quote(operation="counter.receive", ctx=ctx, raw=raw).quote.price_cents == 2600


def test_the_end_is_told_thirty_days_before_and_money_is_taken_meanwhile(account: BillingAccount) -> None:
    clerk = without_certificate()
    today = clock.local_date(NOON)
    Certificate.objects.create(
        user=clerk,
        number="N1",
        kind="ACCEPTANCE",
        issued_on=today - timedelta(days=300),
        expires_on=today + timedelta(days=12),
        created_at=NOON,
    )
    desk = client_of(clerk)
    told = f"有效期至 {today + timedelta(days=12)}"
    assert told in text(desk.get(DESK))
    assert told in text(desk.get(reverse("admin:index")))
    assert confirmed(desk, account).status_code == 302
    assert Receipt.objects.get().amount_cents == 2600
