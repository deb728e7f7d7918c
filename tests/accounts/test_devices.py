"""The page of security: where one is logged in, ending that, and news of a browser that was never here."""

import re
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import User
from accounts.services import devices
from core.errors import NotFound
from notices.models import Delivery
from tests.accounts import build
from tests.accounts.conftest import Browser
from tests.accounts.sms import code_to, text_to
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
PASSWORD = "correct horse 9"


@pytest.fixture
def wang(db: None) -> User:
    return build.user(password=PASSWORD)


def log_in(browser: Browser) -> None:
    browser.post("/account/login/", login=build.PHONE, password=PASSWORD)
    assert browser.user_id


def ends(page: str) -> list[str]:
    return re.findall(r"/me/security/devices/[0-9a-f]+/end/", page)


def test_both_browsers_are_shown_and_one_ends_the_other(
    wang: User, browser: Browser, stranger: Browser
) -> None:
    log_in(browser)
    log_in(stranger)
    page = browser.get("/me/security/").content.decode()
    assert "192.0.2.7" in page
    assert "198.51.100.9" in page
    (address,) = ends(page)
    assert browser.post(address).status_code == 302
    assert stranger.get("/me/").status_code == 302
    assert browser.get("/me/").status_code == 200
    assert UserSession.objects.get().ip == "192.0.2.7"


def test_all_others_end_together_and_the_tokens_too(wang: User, browser: Browser, stranger: Browser) -> None:
    log_in(browser)
    log_in(stranger)
    for user in (wang, bob := build.user(build.OTHER_PHONE)):
        AuthToken.objects.create(user)
    browser.post("/me/security/devices/end-others/")
    assert stranger.get("/me/").status_code == 302
    assert browser.get("/me/").status_code == 200
    assert [token.user for token in AuthToken.objects.all()] == [bob]


def test_bob_ends_nothing_of_wang(wang: User, browser: Browser, client: Client) -> None:
    log_in(browser)
    bob = build.user(build.OTHER_PHONE)
    client.force_login(bob)
    reference = devices.reference(UserSession.objects.get(user=wang))
    for path in (reverse("accounts:end_device", args=[reference]),):
        assert client.post(path).status_code == 404
        assert client.get(path).status_code == 405
    client.post("/me/security/devices/end-others/")
    assert browser.get("/me/").status_code == 200
    assert "192.0.2.7" not in client.get("/me/security/").content.decode()


def test_one_does_not_end_oneself_here(wang: User, browser: Browser) -> None:
    log_in(browser)
    session = UserSession.objects.get()
    with pytest.raises(NotFound):
        devices.end_one(user_id=wang.pk, wanted=devices.reference(session), current_key=session.session_key)


def test_the_page_never_shows_a_session_s_key(wang: User, browser: Browser, stranger: Browser) -> None:
    log_in(browser)
    log_in(stranger)
    page = browser.get("/me/security/").content.decode()
    assert not any(session.session_key in page for session in UserSession.objects.all())


def test_a_new_browser_is_told_of_once(wang: User, browser: Browser) -> None:
    browser.client.defaults["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36"
    log_in(browser)
    assert "在新设备（Windows · Chrome）登录" in text_to(build.PHONE)
    assert browser.client.cookies[devices.COOKIE]["httponly"]
    browser.post("/account/logout/")
    log_in(browser)
    assert Delivery.objects.filter(message__code="new_device").count() == 1


def test_the_code_to_the_phone_is_news_enough(wang: User, browser: Browser) -> None:
    browser.post("/account/login/code/", phone=build.PHONE)
    browser.post("/account/login/code/confirm/", code=code_to(build.PHONE))
    assert browser.user_id == wang.pk
    assert not Delivery.objects.filter(message__code="new_device").exists()


def test_another_user_s_mark_vouches_for_nobody(wang: User) -> None:
    bob = build.user(build.OTHER_PHONE)
    assert devices.knows(wang, devices.mark(wang))
    assert not devices.knows(wang, devices.mark(bob))
    assert not devices.knows(wang, "1:x:y")


def test_many_new_browsers_in_an_hour_are_one_message(wang: User) -> None:
    for minutes in (0, 5, 50, 65):
        devices.tell_of_new(wang, user_agent="", as_of=NOON + timedelta(minutes=minutes))
    assert Delivery.objects.filter(message__code="new_device").count() == 2


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0", "iPhone · WeChat"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/17 Safari/605", "macOS · Safari"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0", "Linux · Firefox"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_browsers_by_name(agent: str, name: str) -> None:
    assert devices.describe(agent) == name


def test_his_language_is_there_again_on_a_new_device(wang: User, browser: Browser) -> None:
    User.objects.filter(pk=wang.pk).update(language="en")
    log_in(browser)
    assert browser.client.cookies["django_language"].value == "en"
    assert '<html lang="en"' in browser.get("/me/").content.decode()


def test_a_language_that_the_browser_chose_stays(wang: User, browser: Browser) -> None:
    User.objects.filter(pk=wang.pk).update(language="en")
    browser.client.cookies["django_language"] = "zh-hans"
    log_in(browser)
    assert '<html lang="zh-hans"' in browser.get("/me/").content.decode()
