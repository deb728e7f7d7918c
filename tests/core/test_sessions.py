"""How long somebody stays logged in."""

import logging
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from core import sessions
from tests.accounts import build

pytestmark = pytest.mark.django_db
HOUR, DAY = 3_600, 86_400
PASSWORD = "a long enough password"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        at = 1_000_000_000.0

        def time(self) -> float:
            return self.at

    clock = Clock()
    monkeypatch.setattr(sessions, "time", clock)
    return clock


def logged_in(**form: str) -> Client:
    build.user(password=PASSWORD)
    client = Client()
    answer = client.post("/account/login/", {"login": "13800000001", "password": PASSWORD} | form)
    assert answer.status_code == 302
    return client


def is_in(client: Client) -> bool:
    """Whether the session still knows him after this page."""
    client.get("/me/")
    return SESSION_KEY in client.session


def test_whoever_does_not_ask_to_stay_is_out_after_half_a_day_idle(now: Any) -> None:
    client = logged_in()
    now.at += 11 * HOUR
    assert is_in(client)
    now.at += 11 * HOUR  # not idle for twelve
    assert is_in(client)
    now.at += 13 * HOUR
    assert not is_in(client)


def test_whoever_asks_to_stay_may_come_back_in_a_month(now: Any) -> None:
    client = logged_in(remember="on")
    for _ in range(3):
        now.at += 29 * DAY
        assert is_in(client)
    now.at += 4 * DAY  # the 91st day
    assert not is_in(client)


def test_the_cookie_lives_as_long_as_the_session(now: Any) -> None:
    assert logged_in().cookies["sessionid"]["max-age"] == 12 * HOUR
    User.objects.all().delete()
    assert logged_in(remember="on").cookies["sessionid"]["max-age"] == 30 * DAY


def test_staff_are_out_after_half_an_hour_idle_and_eight_hours_in_all(now: Any) -> None:
    staff = User.objects.create_user("staff", password=PASSWORD, is_staff=True)
    client = Client()
    client.force_login(staff)
    for _ in range(19):
        now.at += 25 * 60
        assert is_in(client)
    now.at += 25 * 60  # the ninth hour
    assert not is_in(client)
    client.force_login(staff)
    now.at += 45 * 60
    assert not is_in(client)


def test_a_log_in_makes_a_new_key_and_the_old_one_is_worth_nothing() -> None:
    """Session fixation: a key that somebody planted before is not the key of who logs in."""
    client = Client()
    client.get("/account/login/code/")
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    assert planted
    client.cookies["sessionid"] = planted
    build.user(password=PASSWORD)
    client.post("/account/login/", {"login": "13800000001", "password": PASSWORD})
    assert client.session.session_key != planted
    assert not Session.objects.filter(session_key=planted).exists()
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert not is_in(thief)


def test_proving_oneself_anew_makes_a_new_key_too() -> None:
    client = logged_in()
    before = client.session.session_key
    answer = client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()
    assert is_in(client)


def test_log_ins_are_logged_and_not_with_what(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hall.security")
    client = logged_in()
    Client().post("/account/login/", {"login": "13800000001", "password": "wrong"})
    client.post("/account/logout/")
    told = [record.getMessage() for record in caplog.records if record.name == "hall.security"]
    assert told == ["logged in", "log-in failed", "logged out"]
    assert "wrong" not in caplog.text


def test_a_log_out_ends_the_session_in_the_database() -> None:
    client = logged_in()
    key = client.session.session_key
    client.post("/account/logout/")
    assert not Session.objects.filter(session_key=key).exists()


def test_pages_write_the_session_at_most_every_ten_minutes(now: Any) -> None:
    client = logged_in()
    client.get("/me/")
    before = Session.objects.get().session_data
    now.at += 300
    client.get("/me/")
    assert Session.objects.get().session_data == before
    now.at += 400
    client.get("/me/")
    assert Session.objects.get().session_data != before


def test_a_key_that_no_database_can_be_asked_for_is_nobody_s() -> None:
    """Cookies may hold a NUL, written as \\000."""
    client = Client(raise_request_exception=False, HTTP_COOKIE='sessionid="abcdefgh\\000ijklmnop"')
    assert client.get("/").status_code == 200
    assert client.get("/me/").status_code == 302
