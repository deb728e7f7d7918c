"""Bills by e-mail as the customer sees them: operations, pages, links."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, Membership, User
from billing.models import EmailSubscription
from billing.services.mails import email_subscriptions
from core import clock
from operations.models import Slip
from tests.billing import build, emails
from tests.billing.build import ACTOR
from tests.conftest import NOON
from tests.operations.test_pages import hidden

pytestmark = pytest.mark.django_db
OVERVIEW, SUBSCRIBE, UNSUBSCRIBE = (
    "/email-bills/",
    "/operations/bill.email_subscribe/",
    "/operations/bill.email_unsubscribe/",
)


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


@pytest.fixture
def browser(alice: User) -> Client:
    return logged_in(alice)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def submit(browser: Client, path: str, **data: str) -> Any:
    """Fills the form in, confirms the quote."""
    quoted = browser.post(path, data)
    assert quoted.status_code == 200, quoted.content.decode()
    with emails.committed():
        done = browser.post(path, hidden(quoted) | {"_step": "submit", "_agreed": "yes"})
    emails.work()
    return done


def ask(browser: Client, account: BillingAccount, address: str = emails.ADDRESS) -> Any:
    return submit(browser, SUBSCRIBE, account=account.number, address=address, consent="on")


def text(browser: Client, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status
    return str(answer.content.decode())


def state(account: BillingAccount) -> str:
    return EmailSubscription.objects.filter(account=account).latest("pk").state


def confirm_link() -> str:
    return emails.links(emails.to()[-1].body)[0]


def unsubscribe_link(row: EmailSubscription) -> str:
    return emails.links(email_subscriptions.unsubscribe_url(row))[0]


def test_the_whole_way(browser: Client, account: BillingAccount) -> None:
    assert "未开通" in text(browser, OVERVIEW)
    done = ask(browser, account, " Wang@Example.COM ")
    assert (done.status_code, done["Location"]) == (302, OVERVIEW)
    shown = text(browser, OVERVIEW)
    assert "w***@example.com" in shown  # what the operation said
    assert "待确认" in shown
    assert f"确认邮件已发往 {emails.ADDRESS}" in shown
    link = confirm_link()
    assert account.number in text(browser, link)
    assert state(account) == "PENDING"
    assert browser.post(link)["Location"] == OVERVIEW
    assert f"账单寄到 {emails.ADDRESS}" in text(browser, OVERVIEW)
    assert "邮箱已经确认" in text(browser, link)
    slip = Slip.objects.get()
    assert (slip.state, slip.price_cents, slip.data["address"]) == ("DONE", 0, emails.ADDRESS)


def test_what_was_agreed_to_is_kept_as_it_was_read(browser: Client, account: BillingAccount) -> None:
    ask(browser, account)
    row = EmailSubscription.objects.get()
    assert row.consent.startswith("我同意每期账单")
    assert row.consent in text(browser, confirm_link())


@pytest.mark.parametrize(
    "data",
    [
        {"address": "wang@example.com"},
        {"address": "wang@example.com\r\nBcc: all@example.com", "consent": "on"},
        {"address": "wang@example.com\nX: y", "consent": "on"},
        {"address": "wang", "consent": "on"},
        {"address": "", "consent": "on"},
        {"address": "a" * 300 + "@example.com", "consent": "on"},
    ],
)
def test_a_form_that_does_not_pass(browser: Client, account: BillingAccount, data: dict[str, str]) -> None:
    answer = browser.post(SUBSCRIBE, {"account": account.number} | data)
    assert answer.status_code == 422
    assert not EmailSubscription.objects.exists()


@pytest.mark.parametrize("role", [None, *(set(Membership.Role) - {"OWNER", "HANDLER"})])
def test_bob_cannot_have_alices_bills_sent(account: BillingAccount, role: str | None) -> None:
    bob = build.user()
    if role:
        Membership.objects.create(user=bob, account=account, role=role, created_at=NOON)
    data = {"account": account.number, "address": "bob@example.com", "consent": "on"}
    assert logged_in(bob).post(SUBSCRIBE, data).status_code == 422
    assert account.number not in text(logged_in(bob), OVERVIEW)
    assert not EmailSubscription.objects.exists()


def test_bob_finds_nothing_behind_alices_link(browser: Client, account: BillingAccount) -> None:
    ask(browser, account)
    bob = logged_in(build.user())
    for answer in (bob.get(confirm_link()), bob.post(confirm_link()), bob.head(confirm_link())):
        assert answer.status_code == 404
    assert state(account) == "PENDING"


def test_whoever_is_not_logged_in_is_asked_to(browser: Client, account: BillingAccount) -> None:
    ask(browser, account)
    link = confirm_link()
    for answer in (Client().get(link), Client().post(link)):
        assert answer.status_code == 302
        assert answer["Location"] == f"/account/login/?next={link}"
    assert state(account) == "PENDING"


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_opens_the_links_changes_nothing(
    browser: Client, account: BillingAccount, method: str
) -> None:
    """Nor does one that carries the customer's cookies: a browser's own prefetch."""
    ask(browser, account)
    for path in emails.links(emails.to()[-1].body):
        for client in (Client(), browser):
            getattr(client, method)(path)
    assert EmailSubscription.objects.get().state == "PENDING"
    assert EmailSubscription.objects.get().history.count() == 1


def test_confirming_needs_our_own_page(account: BillingAccount, alice: User, browser: Client) -> None:
    """A page of somebody else cannot press the button for the customer."""
    ask(browser, account)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(confirm_link()).status_code == 403
    assert state(account) == "PENDING"


def test_a_link_that_came_too_late(browser: Client, account: BillingAccount) -> None:
    ask(browser, account)
    link = confirm_link()
    with clock.stopped(NOON + timedelta(hours=48)):
        browser.force_login(EmailSubscription.objects.get().user)
        assert "这个确认链接已失效" in text(browser, link)
        assert browser.post(link).status_code == 410
    assert state(account) == "PENDING"


def test_what_stays_and_what_is_new_is_said_beforehand(
    browser: Client, account: BillingAccount, alice: User
) -> None:
    emails.subscribe(account, alice, as_of=NOON - timedelta(hours=1))
    data = {"account": account.number, "address": "li@example.com", "consent": "on"}
    assert "账单仍寄到原来的邮箱" in browser.post(SUBSCRIBE, data).content.decode()
    same = browser.post(SUBSCRIBE, data | {"address": emails.ADDRESS})
    assert same.status_code == 409
    assert "已经寄往这个邮箱" in same.content.decode()


def test_unsubscribing_on_the_page(browser: Client, account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    assert submit(browser, UNSUBSCRIBE, account=account.number)["Location"] == OVERVIEW
    assert state(account) == "ENDED"
    assert "未开通" in text(browser, OVERVIEW)


def test_there_is_nothing_to_unsubscribe_from(browser: Client, account: BillingAccount) -> None:
    assert browser.get(UNSUBSCRIBE).status_code == 403
    assert "退订" not in text(browser, "/operations/")


def test_bob_cannot_unsubscribe_alice(account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    bob = build.user()
    emails.subscribe(build.account(bob), bob, address="bob@example.com")
    assert logged_in(bob).post(UNSUBSCRIBE, {"account": account.number}).status_code == 422
    assert state(account) == "ACTIVE"


def test_the_link_of_a_mail_needs_a_click_but_no_log_in(account: BillingAccount, alice: User) -> None:
    link = unsubscribe_link(emails.subscribe(account, alice))
    shown = text(Client(), link)
    assert "w***@example.com" in shown
    assert emails.ADDRESS not in shown
    assert account.number not in shown
    assert state(account) == "ACTIVE"
    assert "已退订" in Client().post(link).content.decode()
    assert "已退订" in text(Client(), link)
    assert state(account) == "ENDED"


def test_a_mail_program_s_one_click(account: BillingAccount, alice: User) -> None:
    """RFC 8058: a POST without cookies or our token, with a body of its own."""
    link = unsubscribe_link(emails.subscribe(account, alice))
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert strict.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert state(account) == "ENDED"


@pytest.mark.parametrize("token", ["x", "x:y", "é:é", "%00", "a" * 4000])
def test_a_made_up_link_finds_nothing(token: str, account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    for answer in (
        Client().get(f"/email-bills/unsubscribe/{token}/"),
        Client().post(f"/email-bills/unsubscribe/{token}/"),
    ):
        assert answer.status_code in (400, 404)
    assert state(account) == "ACTIVE"


def test_a_bounce_is_said_on_the_pages_that_he_sees(
    browser: Client, account: BillingAccount, alice: User
) -> None:
    row = emails.subscribe(account, alice)
    said = f"户号 {account.number} 的账单寄不到 {emails.ADDRESS}"
    assert said not in text(browser, "/")
    email_subscriptions.delivery_failed(reference=row.reference, failure="HARD", actor=ACTOR, as_of=NOON)
    for path in ("/", "/bills/"):
        assert said in text(browser, path)
    assert "已退信" in text(browser, OVERVIEW)
    assert "已退信" in text(browser, "/me/")
    emails.subscribe(account, alice, address="li@example.com", as_of=NOON + timedelta(hours=1))
    assert said not in text(browser, "/")


def test_the_profile_shows_it(browser: Client, account: BillingAccount, alice: User) -> None:
    assert "未开通" in text(browser, "/me/")
    emails.subscribe(account, alice)
    shown = text(browser, "/me/")
    assert emails.ADDRESS in shown
    assert f"{OVERVIEW}#account-{account.number}" in shown


def test_another_member_sees_the_address_masked(account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    other = build.user()
    Membership.objects.create(user=other, account=account, role="HANDLER", created_at=NOON)
    shown = text(logged_in(other), OVERVIEW)
    assert "w***@example.com" in shown
    assert emails.ADDRESS not in shown


def test_who_has_no_account_is_told_how(browser: Client) -> None:
    stranger = logged_in(build.user())
    assert "没有可以开通的户号" in text(stranger, OVERVIEW)
    assert "电子账单" not in text(stranger, "/me/")


@pytest.mark.parametrize("others", [0, 5])
def test_the_page_costs_the_same_for_many_accounts(
    browser: Client,
    account: BillingAccount,
    alice: User,
    others: int,
    django_assert_max_num_queries: Any,
) -> None:
    for n in range(others):
        emails.subscribe(
            build.account(alice), alice, address=f"a{n}@example.com", as_of=NOON + timedelta(minutes=2 * n)
        )
    with django_assert_max_num_queries(5):
        text(browser, OVERVIEW)
