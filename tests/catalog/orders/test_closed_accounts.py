"""An account is closed when nothing is held or ordered on it any more; what a closed one holds can still be ended."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, User
from accounts.services import accounts
from accounts.services.accounts import AccountClosed
from catalog.orders.services import orders
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return build.home()[0]


@pytest.fixture
def account(user: User) -> BillingAccount:
    return BillingAccount.objects.get(memberships__user=user)


def test_what_is_held_is_ended_first(user: User, account: BillingAccount) -> None:
    hd, vod = build.offer("hd"), build.offer("vod", cancel_effect="AT_ONCE")
    build.ordered(user, account, hd, vod)
    with pytest.raises(accounts.AccountInUse) as caught:
        accounts.close_account(account_id=account.pk, as_of=NOON)
    assert [each.code for each in caught.value.obstacles] == ["HOLDS"]
    assert "产品 hd、产品 vod" in caught.value.text
    account.refresh_from_db()
    assert account.closed_at is None
    build.cancelled(user, build.held(account, hd), as_of=NOON + timedelta(days=40))
    build.cancelled(user, build.held(account, vod), as_of=NOON + timedelta(days=40))
    with pytest.raises(accounts.AccountInUse) as caught:
        accounts.close_account(account_id=account.pk, as_of=NOON + timedelta(days=40))
    assert "产品 vod" not in caught.value.text  # it ended at once, the other one at the month's end


def test_what_is_ordered_is_cancelled_first(user: User, account: BillingAccount) -> None:
    order = build.ordered(user, account, build.offer("hd", once=5000))
    assert order.state == "ACCEPTED"
    with pytest.raises(accounts.AccountInUse) as caught:
        accounts.close_account(account_id=account.pk, as_of=NOON)
    assert order.number in caught.value.text
    orders.cancel(number=order.number, why=orders.BY_STAFF, actor=build.ACTOR, as_of=NOON)
    assert accounts.close_account(account_id=account.pk, as_of=NOON).is_closed


def test_what_a_closed_account_holds_can_be_ended(user: User, account: BillingAccount) -> None:
    hd, vas = build.offer("hd"), build.offer("vas", type=shop.product_type("value_added"))
    build.ordered(user, account, hd, vas)
    BillingAccount.objects.filter(pk=account.pk).update(closed_at=NOON)  # before anybody asked what is held
    assert build.cancelled(user, build.held(account, hd)).state == "COMPLETED"
    assert build.held(account, hd).ends_on == date(2026, 12, 1)
    build.offer("other", type=shop.product_type("value_added"))
    switch_off = {"account": account.number, "offer": "vas", "switch": "off"}
    with pytest.raises(AccountClosed):
        build.quoted(user, "vas.switch", switch_off | {"switch": "on", "offer": "other"})
    build.done(user, "vas.switch", switch_off)
    assert build.held(account, vas).ends_on is not None


def test_its_page_of_ending_is_there(user: User, account: BillingAccount, client: Client) -> None:
    hd = build.offer("hd")
    build.ordered(user, account, hd)
    BillingAccount.objects.filter(pk=account.pk).update(closed_at=NOON)
    client.force_login(user)
    page = client.get(reverse("catalog:cancel"), {"subscription": build.held(account, hd).number})
    assert page.status_code == 200
    assert "已销户" not in page.content.decode()
