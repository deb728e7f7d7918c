"""password.reset: phone → code → new password, telling nothing of who has the phone."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from knox.models import AuthToken

from accounts.models import CodeRequest, User, VerificationCode
from accounts.services import passwords
from core import clock
from notices.models import Delivery
from operations.models import Slip, SlipState
from tests.accounts import build
from tests.accounts.conftest import Browser
from tests.accounts.sms import code_to, text_to
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
NOBODY, NEW = "+8613800000009", "battery staple 7"
PHONE_PAGE, CODE_PAGE, NEW_PAGE = (
    "/account/password/reset/",
    "/account/password/reset/code/",
    ("/account/password/reset/new/"),
)


@pytest.fixture
def wang(db: None) -> User:
    return build.user(password="correct horse 9")


def prove(browser: Browser) -> None:
    browser.post(PHONE_PAGE, phone="138 0000 0001")
    answer = browser.post(CODE_PAGE, code=code_to(build.PHONE))
    assert answer["Location"] == NEW_PAGE


def choose(browser: Browser, password: str = NEW, again: str = NEW) -> Any:
    return browser.post(NEW_PAGE, password=password, again=again)


def test_the_whole_way(wang: User, browser: Browser) -> None:
    Client().force_login(wang)
    AuthToken.objects.create(wang)
    prove(browser)
    assert choose(browser)["Location"] == "/account/login/"
    wang.refresh_from_db()
    assert wang.check_password(NEW)
    assert not UserSession.objects.filter(user=wang).exists()
    assert not AuthToken.objects.exists()
    slip = Slip.objects.get()
    assert (slip.operation, slip.state, slip.actor) == ("password.reset", SlipState.DONE, wang)
    assert NEW not in str([slip.data, slip.quote, slip.result, slip.confirmation])
    assert "您的登录密码已重设" in text_to(build.PHONE)
    assert "密码已重设" in browser.get("/account/login/").content.decode()


def test_sessions_elsewhere_end(wang: User, browser: Browser, stranger: Browser) -> None:
    stranger.post("/account/login/", login=build.PHONE, password="correct horse 9")
    assert stranger.get("/me/").status_code == 200
    prove(browser)
    choose(browser)
    assert stranger.get("/me/").status_code == 302


def plain(answer: Any, phone: str) -> str:
    """A page without what differs from request to request."""
    text = answer.content.decode().replace(phone[-4:], "NNNN")
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"', "", text)


def test_known_and_unknown_phones_cannot_be_told_apart(
    wang: User, browser: Browser, stranger: Browser
) -> None:
    said = []
    for visitor, phone in ((browser, build.PHONE), (stranger, NOBODY)):
        answers = [visitor.post(PHONE_PAGE, phone=phone), visitor.get(CODE_PAGE)]
        answers += [visitor.post(CODE_PAGE, code="abc") for _ in range(6)]
        answers += [visitor.post(CODE_PAGE, action="resend"), visitor.post(PHONE_PAGE, phone=phone)]
        answers += [visitor.get(NEW_PAGE)]
        said.append(
            [(answer.status_code, answer.get("Location"), plain(answer, phone)) for answer in answers]
        )
    assert said[0] == said[1]
    assert [status for status, _to, _text in said[0]] == [302, 200, *[422] * 6, 302, 422, 302]
    assert Delivery.objects.filter(address=NOBODY).count() == 0
    assert [row.is_sent for row in CodeRequest.objects.order_by("pk")] == [True, False]
    assert VerificationCode.objects.count() == 2
    wang.refresh_from_db()
    assert wang.check_password("correct horse 9")


@pytest.mark.parametrize("state", [{"is_active": False}, {"phone_verified_at": None}])
def test_who_is_blocked_or_never_proved_the_phone_is_as_nobody(
    wang: User, browser: Browser, state: dict[str, Any]
) -> None:
    User.objects.filter(pk=wang.pk).update(**state)
    assert browser.post(PHONE_PAGE, phone=build.PHONE).status_code == 302
    assert not Delivery.objects.exists()


def test_the_limits_are_those_of_all_codes(wang: User, browser: Browser, settings: Any) -> None:
    settings.CODE_LIMITS = settings.CODE_LIMITS | {"client_hour": 2}
    for phone in ("+8613800000021", "+8613800000022"):
        assert browser.post(PHONE_PAGE, phone=phone).status_code == 302
    assert "太频繁" in browser.post(PHONE_PAGE, phone=build.PHONE).content.decode()


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short 1", "short 1", "12"),
        ("123456789012345", "123456789012345", "数字"),
        (NEW, "battery staple 8", "两次输入的密码不一样"),
        ("", "", "必填"),
    ],
)
def test_a_bad_password_is_said_and_the_proof_stays_good(
    wang: User, browser: Browser, password: str, again: str, said: str
) -> None:
    prove(browser)
    answer = choose(browser, password, again)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    wang.refresh_from_db()
    assert wang.check_password("correct horse 9")
    assert choose(browser).status_code == 302


def test_without_the_code_there_is_no_page_for_a_new_password(wang: User, browser: Browser) -> None:
    assert browser.get(NEW_PAGE)["Location"] == PHONE_PAGE
    assert browser.get(CODE_PAGE)["Location"] == PHONE_PAGE
    browser.post(PHONE_PAGE, phone=build.PHONE)
    assert choose(browser)["Location"] == PHONE_PAGE
    wang.refresh_from_db()
    assert wang.check_password("correct horse 9")
    assert not Slip.objects.exists()


def test_the_proof_is_of_one_browser(wang: User, browser: Browser, stranger: Browser) -> None:
    prove(browser)
    assert choose(stranger)["Location"] == PHONE_PAGE


def test_the_proof_ends_after_ten_minutes_and_after_use(wang: User, browser: Browser) -> None:
    prove(browser)
    with clock.stopped(NOON + passwords.PROOF_FOR):
        assert choose(browser)["Location"] == PHONE_PAGE
    with clock.stopped(NOON + timedelta(minutes=20)):
        prove(browser)
        assert choose(browser).status_code == 302
        assert choose(browser)["Location"] == PHONE_PAGE
    assert Slip.objects.filter(state=SlipState.DONE).count() == 1


def test_a_phone_that_changed_hands_meanwhile_sets_nothing(wang: User, browser: Browser) -> None:
    prove(browser)
    User.objects.filter(pk=wang.pk).update(phone=build.OTHER_PHONE)
    assert choose(browser)["Location"] == PHONE_PAGE
    wang.refresh_from_db()
    assert wang.check_password("correct horse 9")
    assert Slip.objects.get().state == SlipState.REFUSED


@pytest.mark.parametrize("path", ["/operations/password.reset/"])
def test_no_channel_offers_it_by_itself(wang: User, client: Client, path: str) -> None:
    client.force_login(wang)
    assert client.get(path).status_code == 403
    assert client.post(path, {"password": NEW, "again": NEW}).status_code == 403
    assert "password.reset" not in client.get("/operations/").content.decode()
    wang.refresh_from_db()
    assert wang.check_password("correct horse 9")


def test_the_way_there_is_on_the_login_page(browser: Browser) -> None:
    assert PHONE_PAGE in browser.get("/account/login/").content.decode()


def with_account(browser: Browser, number: str) -> Any:
    return browser.post(NEW_PAGE, password=NEW, again=NEW, account_number=number)


def test_who_has_accounts_names_one_besides_the_code(wang: User, browser: Browser) -> None:
    build.bind(wang, build.account())
    build.account("8100000002")
    prove(browser)
    for number in ("", "8100000002", "8100000009"):
        answer = with_account(browser, number)
        assert answer.status_code == 422
        wang.refresh_from_db()
        assert wang.check_password("correct horse 9")
    assert with_account(browser, " 8100000001 ")["Location"] == "/account/login/"
    wang.refresh_from_db()
    assert wang.check_password(NEW)


def test_another_s_account_and_none_at_all_are_refused_alike(wang: User, browser: Browser) -> None:
    build.bind(wang, build.account())
    build.account("8100000002")
    prove(browser)
    pages = [with_account(browser, number).content.decode() for number in ("8100000002", "8100000009")]
    assert all("这不是您名下的户号" in page for page in pages)
    same = [
        re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"|81000000\d\d', "", page)
        for page in pages
    ]
    assert same[0] == same[1]


def test_after_five_guesses_the_code_is_spent(wang: User, browser: Browser) -> None:
    build.bind(wang, build.account())
    prove(browser)
    answers = [with_account(browser, f"81000001{guess:02}") for guess in range(5)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 302]
    assert with_account(browser, "8100000001")["Location"] == PHONE_PAGE
    wang.refresh_from_db()
    assert wang.check_password("correct horse 9")
