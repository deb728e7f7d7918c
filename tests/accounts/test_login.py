"""The entrance: log-in by code and by password, and that none of it tells who is known."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import CodeRequest, User
from core import clock
from notices.models import Delivery
from tests.accounts import build
from tests.accounts.conftest import Browser
from tests.accounts.sms import code_to

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
REQUEST, CONFIRM, LOGIN = "/account/login/code/", "/account/login/code/confirm/", "/account/login/"
UNKNOWN = "13899999999"


def page(response: Any) -> str:
    """What the visitor reads, without what differs on every page."""
    text = response.content.decode()
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


@pytest.fixture
def wang() -> User:
    return build.user(build.PHONE, password="correct horse 9")


@pytest.mark.parametrize("typed", ["13800000001", "+86 138 0000 0001", "１３８００００００００１"[:10] + "1"])
def test_log_in_with_phone_and_code(browser: Browser, wang: User, typed: str) -> None:
    answer = browser.post(REQUEST, phone=typed)
    assert (answer.status_code, answer["Location"]) == (302, CONFIRM)
    answer = browser.post(CONFIRM, code=code_to(build.PHONE))
    assert (answer.status_code, browser.user_id) == (302, wang.pk)


def test_the_code_goes_to_who_asked_for_it_and_after_log_in_to_where_he_wanted(
    browser: Browser, wang: User
) -> None:
    browser.post(f"{REQUEST}?next=/me/", phone="13800000001")
    answer = browser.post(f"{CONFIRM}?next=/me/", code=code_to(build.PHONE))
    assert answer["Location"] == "/me/"


def test_a_next_page_elsewhere_is_not_followed(browser: Browser, wang: User) -> None:
    browser.post(f"{REQUEST}?next=https://evil.example/", phone="13800000001")
    answer = browser.post(f"{CONFIRM}?next=https://evil.example/", code=code_to(build.PHONE))
    assert "evil" not in answer["Location"]


def test_full_width_digits_are_digits(browser: Browser, wang: User) -> None:
    browser.post(REQUEST, phone="13800000001")
    browser.post(CONFIRM, code=code_to(build.PHONE).translate({48 + d: 0xFF10 + d for d in range(10)}))
    assert browser.user_id == wang.pk


def test_a_wrong_code_does_not_log_in(browser: Browser, wang: User) -> None:
    browser.post(REQUEST, phone="13800000001")
    wrong = f"{(int(code_to(build.PHONE)) + 1) % 1_000_000:06d}"
    assert "验证码不正确" in page(browser.post(CONFIRM, code=wrong))
    assert browser.user_id is None


def test_after_five_wrong_codes_the_right_one_is_worth_nothing(browser: Browser, wang: User) -> None:
    browser.post(REQUEST, phone="13800000001")
    code = code_to(build.PHONE)
    for _ in range(5):
        browser.post(CONFIRM, code=f"{(int(code) + 1) % 1_000_000:06d}")
    browser.post(CONFIRM, code=code)
    assert browser.user_id is None


def test_a_code_is_good_only_where_it_was_asked_for(browser: Browser, stranger: Browser, wang: User) -> None:
    browser.post(REQUEST, phone="13800000001")
    stranger.post(CONFIRM, code=code_to(build.PHONE))
    assert stranger.user_id is None


def test_for_an_unknown_number_everything_looks_the_same(
    browser: Browser, stranger: Browser, wang: User
) -> None:
    """Page after page: asking, asking again at once, a wrong code, "send again", and nothing is sent."""
    known, unknown = browser, stranger

    def both(path: str, field: str, *values: str) -> tuple[str, str]:
        one, two = known.post(path, **{field: values[0]}), unknown.post(path, **{field: values[-1]})
        assert (one.status_code, one.get("Location")) == (two.status_code, two.get("Location"))
        return page(one).replace("+8613800000001", "N"), page(two).replace("+8613899999999", "N")

    both(REQUEST, "phone", "13800000001", UNKNOWN)
    assert not Delivery.objects.filter(address="+8613899999999").exists()
    one, two = page(known.get(CONFIRM)), page(unknown.get(CONFIRM))
    assert one.replace("+8613800000001", "N") == two.replace("+8613899999999", "N")
    one, two = both(CONFIRM, "code", "abcdef")
    assert one == two
    both(CONFIRM, "action", "resend")
    one, two = page(known.get(CONFIRM)), page(unknown.get(CONFIRM))
    assert one.replace("+8613800000001", "N") == two.replace("+8613899999999", "N")
    assert "验证码获取太频繁" in one
    sent = CodeRequest.objects.order_by("pk").values_list("phone", "is_sent")
    assert list(sent) == [("+8613800000001", True), ("+8613899999999", False)]


def test_for_an_unknown_number_the_same_statements_are_made(
    browser: Browser, stranger: Browser, wang: User, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for visitor, phone in ((browser, "13800000001"), (stranger, UNKNOWN)):
        visitor.get(LOGIN)
        with CaptureQueriesContext(connection) as queries:
            visitor.post(REQUEST, phone=phone)
        inserts = [
            q["sql"].split('"')[1] if '"' in q["sql"] else q["sql"][:40]
            for q in queries
            if "INSERT" in q["sql"]
        ]
        counts.append((inserts, len(queries)))
    (known, known_count), (unknown, unknown_count) = counts
    assert known == unknown
    assert abs(known_count - unknown_count) <= 3  # the savepoint that takes the rehearsal back


def test_send_again_after_a_minute_for_known_and_unknown(
    browser: Browser, stranger: Browser, wang: User
) -> None:
    browser.post(REQUEST, phone="13800000001")
    stranger.post(REQUEST, phone=UNKNOWN)
    first = code_to(build.PHONE)
    with clock.stopped(clock.now() + timedelta(minutes=1)):
        for visitor in (browser, stranger):
            answer = visitor.post(CONFIRM, action="resend")
            assert (answer.status_code, answer["Location"]) == (302, CONFIRM)
    assert CodeRequest.objects.filter(is_sent=True).count() == 2
    assert CodeRequest.objects.filter(is_sent=False).count() == 2
    browser.post(CONFIRM, code=code_to(build.PHONE))
    assert browser.user_id == wang.pk
    assert first  # the first code came as well


@pytest.mark.parametrize("typed", ["", "10086", "010-88888888", "13800000000;13900000000", "<script>"])
def test_what_is_no_phone_is_said_beside_the_field(browser: Browser, typed: str) -> None:
    answer = browser.post(REQUEST, phone=typed)
    assert answer.status_code == 200
    assert not CodeRequest.objects.exists()


def test_a_second_request_within_a_minute_is_said_beside_the_field(
    browser: Browser, stranger: Browser, wang: User
) -> None:
    browser.post(REQUEST, phone="13800000001")
    answer = stranger.post(REQUEST, phone="13800000001")
    assert "验证码获取太频繁，请稍后再试" in page(answer)
    assert Delivery.objects.count() == 1


def test_numbers_are_tried_twenty_times_an_hour_from_one_address(browser: Browser) -> None:
    for number in range(20):
        browser.client.cookies.clear()
        assert browser.post(REQUEST, phone=f"138000001{number:02d}").status_code == 302
    browser.client.cookies.clear()
    assert "验证码获取太频繁" in page(browser.post(REQUEST, phone="13800000199"))


# Password


def test_log_in_with_phone_and_password(browser: Browser, wang: User) -> None:
    browser.post(LOGIN, login="138 0000 0001", password="correct horse 9")
    assert browser.user_id == wang.pk


def test_the_log_in_lasts_for_days_not_until_the_browser_closes(browser: Browser, wang: User) -> None:
    browser.post(LOGIN, login="13800000001", password="correct horse 9")
    assert browser.client.session.get_expire_at_browser_close() is False


@pytest.mark.parametrize("typed", ["13800000001", UNKNOWN])
def test_a_wrong_password_and_an_unknown_number_read_the_same(
    browser: Browser, wang: User, typed: str
) -> None:
    assert "手机号或密码不正确" in page(browser.post(LOGIN, login=typed, password="wrong"))
    assert browser.user_id is None


def test_after_five_wrong_passwords_even_the_right_one_waits(
    browser: Browser, stranger: Browser, wang: User
) -> None:
    """Whatever the spelling of the number and wherever from."""
    for typed in ("13800000001", "+8613800000001", "138-0000-0001", "0086 13800000001", "１3800000001"):
        browser.post(LOGIN, login=typed, password="wrong")
    answer = stranger.post(LOGIN, login="13800000001", password="correct horse 9")
    assert "尝试次数太多" in page(answer)
    assert stranger.user_id is None


def test_a_claimed_phone_does_not_log_in(browser: Browser) -> None:
    """Somebody signed up with a number that is not his, and a password of his own."""
    thief = User.objects.create(username="thief", phone=build.PHONE)
    thief.set_password("correct horse 9")
    thief.save()
    browser.post(LOGIN, login="13800000001", password="correct horse 9")
    assert browser.user_id is None


@pytest.mark.usefixtures("wang")
def test_a_stopped_user_is_told_so_after_he_proved_who_he_is(browser: Browser) -> None:
    User.objects.update(is_active=False)
    browser.post(REQUEST, phone="13800000001")
    answer = browser.post(CONFIRM, code=code_to(build.PHONE))
    assert answer["Location"] == "/account/inactive/"
    assert browser.user_id is None


def test_log_out_by_post_only(browser: Browser, wang: User) -> None:
    browser.post(LOGIN, login="13800000001", password="correct horse 9")
    browser.get("/account/logout/")
    assert browser.user_id == wang.pk
    browser.post("/account/logout/")
    assert browser.user_id is None


def test_forms_need_the_token(wang: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(REQUEST, {"phone": "13800000001"}).status_code == 403


# Staff


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("boss", password="correct horse 9")


def test_staff_log_in_by_the_same_door_without_a_phone(browser: Browser, staff: User) -> None:
    answer = browser.get("/admin/", follow="")
    assert answer["Location"].startswith("/admin/login/")
    answer = browser.get("/admin/login/?next=/admin/")
    assert answer["Location"] == "/account/login/?next=%2Fadmin%2F"
    answer = browser.post("/account/login/?next=/admin/", login="boss", password="correct horse 9")
    assert (answer["Location"], browser.user_id) == ("/admin/", staff.pk)


def test_customers_do_not_get_into_the_admin(browser: Browser, wang: User) -> None:
    browser.client.force_login(wang)
    assert browser.get("/admin/login/").status_code == 403


def test_staff_passwords_stand_behind_the_same_limit(browser: Browser, staff: User) -> None:
    for _ in range(5):
        browser.post(LOGIN, login="boss", password="wrong")
    assert "尝试次数太多" in page(browser.post(LOGIN, login="boss", password="correct horse 9"))
    assert browser.user_id is None


def test_no_mail_leaves_past_the_notices(browser: Browser, wang: User) -> None:
    browser.client.force_login(wang)
    answer = browser.post("/account/email/", email="wang@example.com", action_add="")
    assert (answer.status_code, answer["Location"]) == (302, "/me/")
    browser.client.logout()
    browser.post("/account/password/reset/", email="stranger@example.com")
    assert mail.outbox == []


def test_no_page_of_the_entrance_breaks(browser: Browser, noon: datetime) -> None:
    for path in (LOGIN, REQUEST, "/account/signup/", "/account/password/reset/", "/account/inactive/"):
        assert browser.get(path).status_code == 200
    for path in (
        CONFIRM,
        "/account/phone/verify/",
        "/account/phone/change/",
        "/account/password/change/",
        "/me/",
    ):
        assert browser.get(path).status_code == 302
