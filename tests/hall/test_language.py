"""Two languages: who gets which, what is remembered, and that English pages hold no Chinese of ours."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import formats, translation

from accounts.models import BillingAccount, Customer, User
from billing.models import BillLine, Payment
from billing.services.payments import payments
from core import clock, outbox
from notices.models import Delivery
from operations.models import Slip
from tests.architecture.messages import CHINESE
from tests.billing import build
from tests.billing.test_pages import pay
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}
OWN_NAME = "简体中文"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def reader() -> Client:
    """An English browser."""
    return Client(headers=ENGLISH)


@pytest.fixture
def owner(reader: Client) -> User:
    owner = build.user()
    reader.force_login(owner)
    return owner


@pytest.fixture
def account(owner: User) -> BillingAccount:
    return build.account(owner)


def language_of(answer: Any) -> str:
    found = re.search(r'<html lang="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def chinese_in(answer: Any) -> list[str]:
    """The Chinese of a page, without what is data: names and the lines of bills."""
    text = answer.content.decode().replace(OWN_NAME, "")
    text = re.sub(r'<span lang="zh-Hans">(.*?)</span>', r"\1", text)  # see core.templatetags.spoken
    names = [*Customer.objects.values_list("name", flat=True), *User.objects.values_list("name", flat=True)]
    for data in {*names, *BillLine.objects.values_list("text", flat=True)} - {""}:
        text = text.replace(data, "")
    return [text[max(0, found.start() - 60) : found.end() + 20] for found in CHINESE.finditer(text)]


# Who gets which


def test_the_browser_s_language_until_one_is_chosen(client: Client, reader: Client) -> None:
    assert language_of(client.get("/")) == "zh-hans"
    assert language_of(reader.get("/")) == "en"
    assert language_of(Client(headers={"Accept-Language": "fr"}).get("/")) == "zh-hans"


def test_a_visitor_s_choice_is_kept_for_a_year(client: Client) -> None:
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "/help/"})
    assert (answer.status_code, answer["Location"]) == (302, "/help/")
    cookie = answer.cookies["django_language"]
    assert (cookie.value, cookie["max-age"], cookie["samesite"]) == ("en", 365 * 86_400, "Lax")
    assert language_of(client.get("/help/")) == "en"
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/help/"})
    assert language_of(client.get("/help/", headers=ENGLISH)) == "zh-hans"


def test_the_choice_of_a_user_is_that_of_his_messages_too(reader: Client, owner: User) -> None:
    assert owner.language == "zh-hans"
    reader.post("/i18n/setlang/", {"language": "en"})
    owner.refresh_from_db()
    assert owner.language == "en"


def test_saving_the_profile_keeps_the_language_that_is_read(reader: Client, owner: User) -> None:
    assert owner.language == "zh-hans"
    assert re.search(r'<option value="en" selected lang="en">', reader.get("/me/").content.decode())


@pytest.mark.parametrize("wanted", ["tlh", "", "en'; --"])
def test_a_language_that_is_not_there_changes_nothing(reader: Client, owner: User, wanted: str) -> None:
    answer = reader.post("/i18n/setlang/", {"language": wanted, "next": "https://evil.example/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "django_language" not in answer.cookies
    owner.refresh_from_db()
    assert owner.language == "zh-hans"


def test_looking_chooses_nothing(client: Client) -> None:
    assert client.get("/i18n/setlang/", {"language": "en"}).status_code == 405


@pytest.mark.parametrize(("language", "begins"), [("en", "[Online Hall]"), ("zh-hans", "【网上营业厅】")])
def test_the_receipt_comes_in_the_payer_s_language(
    account: BillingAccount, language: str, begins: str
) -> None:
    payer = User.objects.get()
    User.objects.update(language=language, phone_verified_at=NOON)
    started = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=payer.pk,
        bill_id=None,
        as_of=NOON,
        actor=build.ACTOR,
    )
    paid = payments.sent_to_cashier(payment_id=started.pk, as_of=NOON, actor=build.ACTOR)
    build.apply(paid, build.report(paid))
    while outbox.dispatch(as_of=NOON):
        pass
    assert Delivery.objects.get().body.startswith(begins)


# How dates are written


@pytest.mark.parametrize(
    ("language", "day", "moment", "month"),
    [
        ("zh-hans", "2026年11月18日", "2026年11月18日 12:00", "2026年11月"),
        ("en", "18 Nov 2026", "18 Nov 2026, 12:00", "November 2026"),
    ],
)
def test_dates_are_written_as_at_home(language: str, day: str, moment: str, month: str) -> None:
    local = NOON.astimezone(clock.SHANGHAI)
    with translation.override(language):
        assert formats.date_format(local, "DATE_FORMAT") == day
        assert formats.date_format(local, "DATETIME_FORMAT") == moment
        assert formats.date_format(local, "YEAR_MONTH_FORMAT") == month


@pytest.mark.parametrize("american", ["11/18/2026", "Nov. 18, 2026"])
def test_american_dates_are_not_guessed_at(american: str) -> None:
    with translation.override("en"):
        assert american not in [
            date(2026, 11, 18).strftime(each) for each in formats.get_format("DATE_INPUT_FORMATS")
        ]


# No Chinese on English pages


def test_chinese_would_be_found(client: Client) -> None:
    assert len(chinese_in(client.get("/help/"))) > 100


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/help/",
        "/account/login/",
        "/account/signup/",
        "/account/login/code/",
        "/account/password/reset/",
        "/account/logout/",
        "/api/docs/",
        "/nothing-here/",
    ],
)
def test_visitors_pages(reader: Client, path: str) -> None:
    answer = reader.get(path, follow=True)
    assert language_of(answer) == "en"
    assert chinese_in(answer) == []


def test_customers_pages(reader: Client, account: BillingAccount) -> None:
    bill = build.bill(account)
    build.bill(account, 1800, issued_on=date(2026, 9, 1))
    paid = build.payment(account, 1000)
    build.apply(paid, build.report(paid))
    for path in (
        "/",
        "/bills/",
        "/bills/?period=all",
        f"/bills/{bill.number}/",
        "/pay/",
        f"/pay/?bill={bill.number}",
        "/receipts/",
        f"/receipts/{paid.receipts.get().number}/",
        f"/payments/{paid.reference}/",
        "/requests/",
        "/operations/",
        "/operations/account.bind/",
        "/me/",
        "/me/accounts/",
        "/account/password/set/",
        "/account/phone/change/",
        "/nothing-here/",
    ):
        answer = reader.get(path, follow=True)
        assert answer.status_code == (404 if "nothing" in path else 200), path
        assert chinese_in(answer) == [], path


def test_the_way_of_a_payment(reader: Client, account: BillingAccount) -> None:
    build.bill(account)
    raw = {"account": account.number, "amount": "26", "gateway": "alipay"}
    answers = {
        "quote": reader.post("/pay/", raw | {"_step": "quote"}),
        "bad amount": reader.post("/pay/", raw | {"amount": "1.234", "_step": "quote"}),
        "too much": reader.post("/pay/", raw | {"amount": "60000", "_step": "quote"}),
    }
    assert pay(reader, account).status_code == 302
    answers["second try"] = pay(reader, account, "1")
    payment = Payment.objects.get()
    there = f"/payments/{payment.reference}/"
    answers["waiting"] = reader.get(there)
    answers["checking"] = reader.get(f"{there}?back=1")
    answers["slip"] = reader.get(f"/requests/{Slip.objects.order_by('id')[0].number}/")
    answers["refused slip"] = reader.get(f"/requests/{Slip.objects.latest('id').number}/")
    answers["home"] = reader.get("/")
    answers["cancelled"] = reader.post(f"{there}cancel/", follow=True)
    for name, answer in answers.items():
        assert language_of(answer) == "en", name
        assert chinese_in(answer) == [], name


def test_the_api_answers_in_the_reader_s_language(reader: Client, owner: User) -> None:
    answer = reader.get("/api/requests/S0/").json()
    assert (answer["code"], answer["message"]) == (
        "NOT_FOUND",
        "Nothing was found. Please check and try again",
    )
    for path in ("/api/operations/", "/api/schema/?format=json"):
        assert chinese_in(reader.get(path)) == [], path
