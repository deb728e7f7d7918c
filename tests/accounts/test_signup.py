"""A phone with a code makes a user; nobody else's number does, and nothing tells whose number is known."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.models import CodeRequest, User
from accounts.services import users
from core import clock, sessions
from notices.models import Delivery
from tests.accounts import build
from tests.accounts.conftest import Browser
from tests.accounts.sms import code_to, text_to
from tests.accounts.test_login import page
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
SIGNUP, VERIFY = "/account/signup/", "/account/phone/verify/"


def test_a_phone_and_a_code_are_enough(browser: Browser) -> None:
    answer = browser.post(SIGNUP, phone="13800000001")
    assert answer["Location"] == VERIFY
    assert browser.user_id is None
    browser.post(VERIFY, code=code_to(build.PHONE))
    user = User.objects.get()
    assert browser.user_id == user.pk
    assert (user.phone, user.phone_verified_at, user.name) == (build.PHONE, NOON, "")
    assert user.username.startswith("u")
    assert not user.has_usable_password()


def test_name_and_password_may_come_with_it(browser: Browser, stranger: Browser) -> None:
    browser.post(SIGNUP, phone="13800000001", name=" 王　小明 ", password1="correct horse 9")
    browser.post(VERIFY, code=code_to(build.PHONE))
    assert User.objects.get().name == "王 小明"
    stranger.post("/account/login/", login="13800000001", password="correct horse 9")
    assert stranger.user_id == browser.user_id


@pytest.mark.parametrize(("field", "value"), [("name", "张<b>"), ("password1", "12345"), ("phone", "10086")])
def test_what_is_wrong_makes_no_user_and_costs_no_message(browser: Browser, field: str, value: str) -> None:
    answer = browser.post(SIGNUP, **{"phone": "13800000001", field: value})
    assert answer.status_code == 200
    assert not User.objects.exists()
    assert not CodeRequest.objects.exists()


def test_a_sign_up_that_was_left_can_be_done_anew(browser: Browser, stranger: Browser) -> None:
    """Also by somebody else: a number that was only claimed stands in nobody's way."""
    stranger.post(SIGNUP, phone="13800000001", password1="the thief's own 9")
    with clock.stopped(NOON + timedelta(minutes=2)):
        browser.post(SIGNUP, phone="13800000001")
        browser.post(VERIFY, code=code_to(build.PHONE))
    owner = User.objects.get(pk=browser.user_id or 0)
    assert owner.proven_phone == build.PHONE
    assert User.objects.exclude(pk=owner.pk).get().phone is None
    stranger.client.cookies.clear()
    stranger.post("/account/login/", login="13800000001", password="the thief's own 9")
    assert stranger.user_id is None


def test_the_thief_s_own_page_leads_nowhere_afterwards(browser: Browser, stranger: Browser) -> None:
    stranger.post(SIGNUP, phone="13800000001", password1="the thief's own 9")
    thief_s = code_to(build.PHONE)
    with clock.stopped(NOON + timedelta(minutes=2)):
        browser.post(SIGNUP, phone="13800000001")
        browser.post(VERIFY, code=code_to(build.PHONE))
    stranger.post(VERIFY, code=thief_s)
    assert stranger.user_id is None
    assert User.objects.get(phone=build.PHONE).pk == browser.user_id


def test_signing_up_with_a_known_number_looks_like_any_other(browser: Browser, stranger: Browser) -> None:
    build.user(build.PHONE)
    known, unknown = browser, stranger
    for visitor, phone in ((known, "13800000001"), (unknown, "13800000002")):
        answer = visitor.post(SIGNUP, phone=phone)
        assert (answer.status_code, answer["Location"]) == (302, VERIFY)

    def pages(one: Any, two: Any) -> tuple[str, str]:
        return page(one).replace("+8613800000001", "N"), page(two).replace("+8613800000002", "N")

    one, two = pages(known.get(VERIFY), unknown.get(VERIFY))
    assert one == two
    one, two = pages(known.post(VERIFY, code="abcdef"), unknown.post(VERIFY, code="abcdef"))
    assert one == two
    for visitor in (known, unknown):
        assert visitor.post(VERIFY, action="resend")["Location"] == VERIFY
    one, two = pages(known.get(VERIFY), unknown.get(VERIFY))
    assert one == two
    assert "验证码获取太频繁" in one
    assert not Delivery.objects.filter(address=build.PHONE).exists()


def test_send_again_after_a_minute(browser: Browser) -> None:
    browser.post(SIGNUP, phone="13800000001")
    with clock.stopped(NOON + timedelta(minutes=1)):
        browser.post(VERIFY, action="resend")
    browser.post(VERIFY, code=code_to(build.PHONE))
    assert browser.user_id is not None


def test_nothing_is_bound_by_signing_up(browser: Browser) -> None:
    build.account(contact=build.PHONE)
    browser.post(SIGNUP, phone="13800000001")
    browser.post(VERIFY, code=code_to(build.PHONE))
    assert not User.objects.get().memberships.exists()


def test_a_user_changes_his_phone(browser: Browser) -> None:
    user = build.user(build.PHONE)
    browser.client.force_login(user)
    browser.post("/account/phone/change/", phone="13800000002")
    user.refresh_from_db()
    assert user.phone == build.PHONE
    browser.post(VERIFY, code=code_to(build.OTHER_PHONE))
    user.refresh_from_db()
    assert (user.phone, user.phone_verified_at) == (build.OTHER_PHONE, NOON)


def test_a_phone_with_a_user_is_not_taken_over(browser: Browser) -> None:
    other = build.user(build.OTHER_PHONE)
    user = build.user(build.PHONE)
    browser.client.force_login(user)
    browser.post("/account/phone/change/", phone="13800000002")
    browser.post(VERIFY, code=code_to(build.OTHER_PHONE))
    user.refresh_from_db()
    other.refresh_from_db()
    assert (user.phone, other.phone) == (build.PHONE, build.OTHER_PHONE)


def test_who_has_a_password_says_it_before_he_changes_his_phone(browser: Browser) -> None:
    browser.client.force_login(build.user(build.PHONE, password="correct horse 9"))
    answer = browser.post("/account/phone/change/", phone="13800000002")
    assert answer["Location"].startswith("/account/reauthenticate/")
    assert not Delivery.objects.exists()


def test_the_number_before_is_told_of_the_new_one(browser: Browser) -> None:
    user = build.user(build.PHONE)
    browser.client.force_login(user)
    browser.post("/account/phone/change/", phone="13800000002")
    browser.post(VERIFY, code=code_to(build.OTHER_PHONE))
    assert "138****0002" in text_to(build.PHONE)


@pytest.mark.parametrize("page", ["phone/change", "password/set", "2fa/totp/activate"])
def test_a_browser_left_open_does_not_give_the_login_away(browser: Browser, page: str) -> None:
    """Who has no password cannot be asked for it, so he must have logged in just now."""
    user = build.user(build.PHONE)
    browser.client.force_login(user)
    session = browser.client.session
    session[sessions.AGE] = session[sessions.AGE] | {"since": time.time() - 3_600}
    session.save()
    assert browser.get(f"/account/{page}/").status_code == 200
    data = {
        "phone": "13800000002",
        "password1": "correct horse 9",
        "password2": "correct horse 9",
        "code": "1",
    }
    answer = browser.post(f"/account/{page}/", **data)
    assert answer["Location"] == f"/account/login/?next=/account/{page}/"
    assert browser.user_id is None
    assert not Delivery.objects.exists()
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_sign_ups_that_nobody_finished_are_forgotten(browser: Browser) -> None:
    staff = User.objects.create_user("staff", is_staff=True, phone="+8613800000003")
    member = build.user(build.OTHER_PHONE)
    browser.post(SIGNUP, phone="13800000001")
    abandoned = User.objects.get(phone=build.PHONE)
    User.objects.filter(pk=abandoned.pk).update(date_joined=NOON)
    assert users.forget_abandoned(as_of=NOON + timedelta(hours=23)) == 0
    assert users.forget_abandoned(as_of=NOON + timedelta(days=2)) == 1
    assert set(User.objects.values_list("pk", flat=True)) == {staff.pk, member.pk}


class CountingHasher(MD5PasswordHasher):
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)


@pytest.mark.parametrize(("password", "hashes"), [("a long enough 9", 1), ("", 0)])
def test_a_known_number_takes_as_long_as_any_other(
    browser: Browser, stranger: Browser, settings: Any, password: str, hashes: int
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    build.user(build.PHONE)
    for visitor, phone in ((browser, "13800000001"), (stranger, "13800000002")):
        CountingHasher.hashed = 0
        assert visitor.post(SIGNUP, phone=phone, password1=password)["Location"] == VERIFY
        assert CountingHasher.hashed == hashes
