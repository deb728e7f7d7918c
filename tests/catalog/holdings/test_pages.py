import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import personal_data
from accounts.models import BillingAccount, Membership, User
from catalog.choices import SuspensionReason
from catalog.holdings.selectors import services
from catalog.holdings.services import subscriptions, suspensions
from catalog.models import Offer, ProductType, Subscription
from catalog.offers.services import prices, publishing
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HOW: Any = {"actor": ACTOR, "as_of": NOON}
LIST = "catalog:services"


@pytest.fixture
def alice() -> User:
    return money.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return money.account(alice)


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def priced(code: str = "hd", cents: int = 3000) -> Offer:
    """Published, at that much a month."""
    owner, _is_new = User.objects.get_or_create(username="owner")
    offer = build.offer(code, owner=owner, conditions="每月计费")
    ProductType.objects.update(flow="DIRECT")
    prices.add(offer_id=offer.pk, amounts_cents=[cents], active_from=day(1, 1, 2020), as_of=NOON)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    return offer


def page(browser: Client, name: str, *args: str, **query: str) -> str:
    answer = browser.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_is_held_stands_there_with_its_state_and_its_fee(
    browser: Client, account: BillingAccount
) -> None:
    row = build.held(account, priced(), committed_until=day(10, 1, 2027))
    text = page(browser, LIST)
    for told in ("产品 hd", "使用中", "¥30.00", "合约至 2027", account.number):
        assert told in text
    one = page(browser, "catalog:service", row.number)
    assert all(told in one for told in (row.number, "¥30.00", "合约到期日"))


def test_the_fee_of_the_running_month_is_that_of_its_days(alice: User, account: BillingAccount) -> None:
    build.held(account, priced(), begins_on=day(11, 16))
    [found] = services.of_user(alice, today=TODAY)
    assert (found.held[0].month_cents, found.month_cents) == (1500, 1500)


def test_a_price_that_nobody_knows_is_not_told_as_nothing(alice: User, account: BillingAccount) -> None:
    build.held(account, build.offer())
    [found] = services.of_user(alice, today=TODAY)
    assert (found.held[0].month_cents, found.month_cents) == (None, None)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (SuspensionReason.ARREARS, "缴清欠费后自动恢复"),
        (SuspensionReason.CUSTOMER, "您申请的停机保号"),
        (SuspensionReason.FRAUD_CHECK, "到营业厅核验"),
        (SuspensionReason.STAFF, "请联系客服"),
    ],
)
def test_what_is_off_says_why_and_what_to_do(
    browser: Client, account: BillingAccount, reason: SuspensionReason, told: str
) -> None:
    row = build.held(account, priced())
    suspensions.suspend(number=row.number, reason=reason, **HOW)
    assert "已停用" in page(browser, LIST)
    text = page(browser, "catalog:service", row.number)
    assert str(reason.label) in text
    assert told in text


def test_a_stranger_finds_nothing_of_it(client: Client, account: BillingAccount) -> None:
    row = build.held(account)
    client.force_login(money.user())
    assert client.get(reverse("catalog:service", args=[row.number])).status_code == 404
    assert client.get(reverse(LIST), {"account": account.number}).status_code == 404
    assert account.number not in client.get(reverse(LIST)).content.decode()
    assert row.number.encode() not in client.get(reverse("catalog:services_export")).getvalue()


def test_who_is_not_logged_in_is_asked_to(client: Client, account: BillingAccount) -> None:
    row = build.held(account)
    for name, args in ((LIST, []), ("catalog:service", [row.number]), ("catalog:family", [])):
        assert client.get(reverse(name, args=args)).status_code == 302


def test_buttons_are_for_those_who_may_order(alice: User, account: BillingAccount) -> None:
    build.held(account, priced())
    looker = money.user()
    Membership.objects.create(user=looker, account=account, role=Membership.Role.VIEWER, created_at=NOON)
    [mine], [theirs] = (services.of_user(user, today=TODAY) for user in (alice, looker))
    assert (mine.may_order, theirs.may_order) == (True, False)


def test_what_is_barred_or_about_to_change_cannot_be_changed_again(
    alice: User, account: BillingAccount
) -> None:
    barred, changing, kept = (build.held(account, build.offer()) for _ in range(3))
    suspensions.suspend(number=barred.number, reason=SuspensionReason.FRAUD_CHECK, **HOW)
    later = subscriptions.Wanted(offer_id=build.offer().pk, begins_on=day(12, 1))
    slip = build.slip(account)
    new = subscriptions.turn(number=changing.number, wanted=later, slip_id=slip.pk, **HOW)
    may = {
        number: services.one(alice, number, today=TODAY)[0].may_change
        for number in (barred.number, changing.number, kept.number, new.number)
    }
    assert may == {barred.number: False, changing.number: False, kept.number: True, new.number: False}


def test_what_is_over_is_still_shown_and_its_history_too(browser: Client, account: BillingAccount) -> None:
    row = build.held(account, priced())
    subscriptions.set_end(number=row.number, on=TODAY, slip_id=build.slip(account).pk, **HOW)
    assert "已结束 1 项" in page(browser, LIST)
    text = page(browser, "catalog:service", row.number)
    assert all(told in text for told in ("已终止", "变更记录", "终止日"))


def test_a_page_takes_the_same_queries_whatever_is_held(browser: Client, account: BillingAccount) -> None:
    offer = priced()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(browser, LIST)
        return len(captured)

    build.held(account, offer)
    queries()
    few = queries()
    for _ in range(5):
        build.held(account, offer)
    assert queries() <= few


def test_the_list_to_take_away_does_no_harm(browser: Client, account: BillingAccount) -> None:
    row = build.held(account, priced(), address="=cmd|' /C calc'!A0")
    body = browser.get(reverse("catalog:services_export")).getvalue().decode("utf-8-sig")
    head, line = csv.reader(io.StringIO(body))
    assert (head[0], line[0], line[1]) == ("户号", account.number, row.number)
    assert line[-1].startswith("'=")


def test_everything_is_said_in_english_too(browser: Client, account: BillingAccount) -> None:
    row = build.held(account, priced())
    answer = browser.get(reverse("catalog:service", args=[row.number]), headers={"accept-language": "en"})
    assert answer.status_code == 200


def test_nobody_who_is_not_logged_in_has_anything() -> None:
    build.held()
    assert not Subscription.objects.for_user(None).exists()


def test_the_copy_of_his_data_has_what_he_holds(alice: User, account: BillingAccount) -> None:
    row = build.held(account, priced(), address="幸福路 1 号")
    suspensions.suspend(number=row.number, reason=SuspensionReason.CUSTOMER, **HOW)
    build.held()
    found = personal_data.everything(alice)
    [held] = found["services"]
    assert (held["number"], held["account"], held["begins_on"]) == (row.number, account.number, "2026-10-01")
    assert held["off"] == [{"reason": "CUSTOMER", "begins_on": "2026-11-18", "ends_on": None}]
    assert found["families"] == []
