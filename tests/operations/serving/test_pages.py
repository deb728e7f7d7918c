"""What staff see while they serve a customer: his pages, exactly; nothing that is his alone; all of it on record."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import BillingAccount, Membership, Region, User
from core import clock
from core.models import AuditRow
from operations.models import Slip
from operations.serving import present
from operations.serving.models import ServingSession, ServingState
from tests.billing import build
from tests.conftest import NOON
from tests.operations.serving import clerks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
PAGES = (
    "/", "/bills/", "/bills/?period=all", "/balance/", "/pay/", "/pay/other/", "/receipts/", "/refunds/", "/requests/",
    "/operations/", "/operations/bill.dispute/", "/operations/balance.refund/", "/operations/account.bind/",
    "/email-bills/", "/numbers/", "/me/", "/me/accounts/", "/me/consents/",
)  # fmt: skip


@pytest.fixture
def alice(here: Region) -> User:
    found, account = clerks.customer(here)
    assert found is not None
    bill = build.bill(account)
    paid = build.payment(account, 1000, first=bill)
    build.apply(paid, build.report(paid))
    build.bill(account, 1800)
    return found


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return BillingAccount.objects.for_user(alice).get()


@pytest.fixture
def serving(clerk: User, account: BillingAccount, alice: User) -> Client:
    return clerks.browser(clerk, account, alice)


@pytest.fixture
def own(alice: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


def content(answer: Any) -> str:
    """The page's main part; what is random for each page and browser left out."""
    assert answer.status_code == 200, answer
    [found] = re.findall(r"<main.*?</main>", answer.content.decode(), re.DOTALL)
    return re.sub(r'name="(csrfmiddlewaretoken|_trace|_key)" value="[^"]*"', r'name="\1"', found)


@pytest.mark.parametrize("path", PAGES)
def test_the_clerk_sees_what_the_customer_sees(serving: Client, own: Client, path: str) -> None:
    assert content(serving.get(path)) == content(own.get(path))


def test_pages_of_one_thing_too(serving: Client, own: Client, account: BillingAccount) -> None:
    bill = account.bills.order_by("pk")[0]
    receipt = account.receipts.get()
    for path in (
        reverse("billing:bill", args=[bill.number]),
        reverse("billing:receipt", args=[receipt.number]),
        reverse("billing:pay") + f"?bill={bill.number}",
        reverse("accounts:account", args=[account.number]),
    ):
        assert content(serving.get(path)) == content(own.get(path))
    strangers = build.bill(build.account(build.user()))
    assert serving.get(reverse("billing:bill", args=[strangers.number])).status_code == 404


def test_who_never_logged_in_has_pages_too(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False)
    bill = build.bill(account)
    browser = clerks.browser(clerk, account, None)
    for path in PAGES:
        if path != "/operations/account.bind/":  # of no use to who has no login
            assert browser.get(path).status_code == 200, path
    assert bill.number in browser.get(reverse("billing:bill", args=[bill.number])).content.decode()
    refused = browser.get("/operations/account.bind/")
    assert refused.status_code == 403
    assert "先用手机号登录" in refused.content.decode()


def test_a_banner_says_whom_he_serves(serving: Client, own: Client, account: BillingAccount) -> None:
    page = serving.get("/bills/").content.decode()
    assert "您正在为 **明 办理" in page
    assert account.number in page
    assert "工号 1024" in page
    assert "您正在为" not in own.get("/bills/").content.decode()


def test_each_page_is_on_record(serving: Client, clerk: User, alice: User) -> None:
    serving.get("/bills/?period=all")
    serving.get("/account/password/change/")
    rows = AuditRow.objects.filter(action__startswith="operations.serving.").exclude(action__endswith="open")
    assert [(row.action, row.detail["path"], row.actor) for row in rows.order_by("pk")] == [
        ("operations.serving.page", "/bills/", f"user:{clerk.pk}"),
        ("operations.serving.refused", "/account/password/change/", f"user:{clerk.pk}"),
    ]


def test_a_page_that_asks_by_itself_is_on_record_and_keeps_nobody_there(serving: Client) -> None:
    later = NOON + timedelta(minutes=10)
    with clock.stopped(later):
        serving.get("/bills/", headers={"HX-Request": "true"})
    assert ServingSession.objects.get().last_seen_at == NOON
    assert AuditRow.objects.filter(action="operations.serving.page").count() == 1
    with clock.stopped(later):
        serving.get("/bills/")
    assert ServingSession.objects.get().last_seen_at == later


NEVER = (
    "/account/password/change/", "/account/phone/change/", "/account/password/set/", "/account/reauthenticate/",
    "/bills/export/", "/api/tokens/", "/me/security/", "/me/data/", "/account/login/code/confirm/",
)  # fmt: skip


@pytest.mark.parametrize("path", NEVER)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_the_customers_alone_is_never_shown(serving: Client, path: str, method: str) -> None:
    answer = getattr(serving, method)(path)
    assert answer.status_code == 403
    if path.startswith("/api/"):
        assert answer.json()["code"] == "NOT_WHILE_SERVING"
    else:
        assert "代客办理时不能使用这个页面" in answer.content.decode()


def addresses(patterns: Any = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the hall, as "namespace:name"."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = pattern.namespace or ""
            yield from addresses(pattern.url_patterns, f"{space}{inner}:" if inner else space)
        elif pattern.name:
            yield f"{space}{pattern.name}", pattern


def paths() -> list[tuple[str, str]]:
    """Each name with an address that it stands for; what the parameters name need not exist."""
    found = {}
    for name, pattern in addresses():
        if name.startswith("admin:"):
            continue
        kinds = {
            key: converter.to_url(_value(converter)) for key, converter in pattern.pattern.converters.items()
        }
        count = pattern.pattern.regex.groups
        try:
            found[name] = (
                reverse(name, kwargs=kinds) if kinds or not count else reverse(name, args=["alipay"])
            )
        except Exception:  # two regular expressions of packages, which take odd things
            continue
    return sorted(found.items())


def _value(converter: Any) -> Any:
    regex = str(converter.regex)
    return 1 if regex == "[0-9]+" else "a" * 64 if "64" in regex else "xx"


def test_every_other_post_is_refused(serving: Client, clerk: User) -> None:
    """The whole map: but for the ways into operations nothing can be sent, and nothing changes."""
    known = dict(paths())
    assert known.keys() >= settings.SERVING_POSTS
    ours = {"operations:serving_end", "account_logout", "hall:display", "set_language"}
    slips = Slip.objects.count()
    for name, path in known.items():
        if name in settings.SERVING_POSTS | ours | {"healthz", "readyz", "metrics"}:
            continue
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(serving, method)(path)
            assert answer.status_code == 403, (name, method, answer.status_code)
            assert "NOT_WHILE_SERVING" in answer.content.decode() or "代客办理" in answer.content.decode(), (
                name
            )
    assert Slip.objects.count() == slips
    assert ServingSession.objects.get().state == ServingState.OPEN


def test_every_page_is_shown_as_the_customers_or_not_at_all(serving: Client, alice: User) -> None:
    """No page can be forgotten: what nobody named is refused."""
    for name, path in paths():
        match = {name, f"{name.rpartition(':')[0]}:*"}
        if match & settings.SERVING_OWN:
            continue
        answer = serving.get(path)
        if match & settings.SERVING_SHOWN:
            user = getattr(answer.wsgi_request, "user", None)
            assert user == alice, name
        else:
            assert answer.status_code == 403, (name, answer.status_code)


def test_the_names_in_the_settings_are_real() -> None:
    known = {name for name, _pattern in addresses()}
    spaces = {f"{name.rpartition(':')[0]}:*" for name in known}
    assert known | spaces >= settings.SERVING_SHOWN | settings.SERVING_POSTS | settings.SERVING_OWN


def test_the_staffs_own_pages_stay_their_own(serving: Client, clerk: User) -> None:
    answer = serving.get("/admin/")
    assert answer.wsgi_request.user == clerk
    assert present.session_of(answer.wsgi_request) is None


def test_the_button_ends_it(serving: Client, clerk: User) -> None:
    answer = serving.post(clerks.END)
    assert answer.headers["Location"] == reverse("admin:operations_serving_desk")
    assert ServingSession.objects.get().state == ServingState.ENDED
    page = serving.get("/bills/")
    assert page.wsgi_request.user == clerk
    assert "您正在为" not in page.content.decode()


def test_logging_out_ends_it(serving: Client) -> None:
    serving.post("/account/logout/")
    assert ServingSession.objects.get().state == ServingState.LOGGED_OUT
    assert serving.get("/bills/").status_code == 302


def test_after_fifteen_idle_minutes_nothing_is_shown_or_done(
    serving: Client, account: BillingAccount
) -> None:
    late = NOON + timedelta(minutes=15)
    with clock.stopped(late):
        answer = serving.post("/operations/bill.dispute/", {"_step": "submit"})
        assert answer.status_code == 302
        assert answer.headers["Location"] == reverse("admin:operations_serving_desk")
    assert not Slip.objects.exists()
    assert ServingSession.objects.get().state == ServingState.IDLE
    assert account.number not in serving.get("/bills/").content.decode()


def test_forms_that_were_open_before_are_worth_nothing(
    clerk: User, account: BillingAccount, alice: User
) -> None:
    """Beginning and ending change the browser's token: a form of the other person's page cannot be sent."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(clerk)
    before = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', browser.get("/me/").content.decode())
    assert before is not None
    session = clerks.serve(clerk, account, alice)
    kept = browser.session
    kept[present.SESSION_KEY] = session.pk
    kept.save()
    page = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', browser.get("/me/").content.decode())
    assert page is not None
    assert browser.post(clerks.END, {"csrfmiddlewaretoken": page[1]}).status_code == 302
    assert browser.post("/me/", {"csrfmiddlewaretoken": page[1], "name": "x"}).status_code == 403


def test_a_forged_key_in_the_session_shows_nothing(
    clerk: User, here: Region, account: BillingAccount, alice: User
) -> None:
    """The session must be this clerk's own and open, whatever his browser's says."""
    theirs = clerks.serve(clerks.clerk(here, "1025"), account, alice)
    browser = Client()
    browser.force_login(clerk)
    kept = browser.session
    kept[present.SESSION_KEY] = theirs.pk
    kept.save()
    answer = browser.get("/bills/")
    assert answer.status_code == 302
    assert account.number not in browser.get("/bills/").content.decode()


def test_who_serves_nobody_pays_no_query_for_it(own: Client, alice: User) -> None:
    own.get("/help/")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        own.get("/bills/")
    assert not [query for query in queries if "servingsession" in query["sql"]]


def test_customers_see_no_trace_of_a_stand_in(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False)
    browser = clerks.browser(clerk, account, None)
    browser.post(clerks.END)
    assert not Membership.objects.filter(account=account).exists()
