import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import translation

from accounts.models import CodeRequest, VerificationCode
from accounts.services import code_requests, codes
from notices.models import Delivery
from tests.accounts.sms import code_to, text_to
from tests.conftest import NOON
from tests.threads import together

Committed = Callable[..., AbstractContextManager[list[Any]]]
pytestmark = pytest.mark.django_db
PHONE, OTHER = "+8613800000001", "+8613800000002"
SUBJECT = "user:17|account:8100000001"


@pytest.fixture
def issue(django_capture_on_commit_callbacks: Committed) -> Callable[..., VerificationCode]:
    def call(**changes: Any) -> VerificationCode:
        values: dict[str, Any] = {"purpose": "test", "subject": SUBJECT, "address": PHONE, "as_of": NOON}
        with django_capture_on_commit_callbacks(execute=True):
            return codes.issue(**values | changes)

    return call


Issue = Callable[..., VerificationCode]


def check(code: str, **changes: Any) -> VerificationCode:
    values: dict[str, Any] = {"purpose": "test", "subject": SUBJECT, "code": code, "as_of": NOON}
    return codes.check(**values | changes)


def wrong(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06d}"


def test_the_code_that_was_sent_is_right_once(issue: Issue) -> None:
    row = issue()
    code = code_to(PHONE)
    assert check(code).pk == row.pk
    row.refresh_from_db()
    assert row.used_at == NOON
    with pytest.raises(codes.CodeExpired):
        check(code)


def test_the_message_says_how_long_it_is_good(issue: Issue) -> None:
    issue()
    assert text_to(PHONE).endswith("5 分钟内有效。工作人员不会向您索要，请勿告诉他人。")


def test_the_reader_s_language(issue: Issue) -> None:
    with translation.override("en"):
        issue()
    assert "valid for 5 minutes" in text_to(PHONE)


def test_the_code_stands_in_no_table(issue: Issue) -> None:
    row = issue()
    code = code_to(PHONE)
    row.refresh_from_db()
    assert code not in row.code_hash
    assert Delivery.objects.get().body == ""


@pytest.mark.parametrize(
    "typed", [lambda c: f" {c[:3]} {c[3:]} ", lambda c: c.translate({48 + d: 0xFF10 + d for d in range(10)})]
)
def test_how_people_type_it(issue: Issue, typed: Callable[[str], str]) -> None:
    issue()
    check(typed(code_to(PHONE)))


def test_a_wrong_code_is_counted_and_the_right_one_still_good(issue: Issue) -> None:
    row = issue()
    code = code_to(PHONE)
    for _ in range(4):
        with pytest.raises(codes.WrongCode):
            check(wrong(code))
    row.refresh_from_db()
    assert row.attempts == 4
    check(code)


def test_after_five_guesses_even_the_right_code_is_refused(issue: Issue) -> None:
    row = issue()
    code = code_to(PHONE)
    for _ in range(5):
        with pytest.raises(codes.WrongCode):
            check(wrong(code))
    with pytest.raises(codes.CodeExpired):
        check(code)
    row.refresh_from_db()
    assert (row.attempts, row.used_at) == (5, None)


def test_a_wrong_guess_is_counted_in_a_transaction_that_goes_on(issue: Issue) -> None:
    row = issue()
    with transaction.atomic(), pytest.raises(codes.WrongCode):
        check(wrong(code_to(PHONE)))
    row.refresh_from_db()
    assert row.attempts == 1


@pytest.mark.parametrize("typed", ["", "abc", "12345", "1234567", "0x1234", "一二三四五六", "\0"])
def test_what_is_no_code_is_wrong(issue: Issue, typed: str) -> None:
    issue()
    with pytest.raises(codes.WrongCode):
        check(typed)


def test_a_code_is_good_for_five_minutes(issue: Issue) -> None:
    issue()
    code = code_to(PHONE)
    with pytest.raises(codes.CodeExpired):
        check(code, as_of=NOON + timedelta(minutes=5))
    check(code, as_of=NOON + timedelta(minutes=4, seconds=59))


def test_a_code_is_good_for_its_subject_and_purpose_alone(issue: Issue) -> None:
    issue()
    code = code_to(PHONE)
    for change in ({"subject": "user:17|account:8100000002"}, {"purpose": "other"}):
        with pytest.raises(codes.CodeExpired):
            check(code, **change)


def test_a_new_code_ends_the_one_before(issue: Issue) -> None:
    issue()
    first = code_to(PHONE)
    issue(as_of=NOON + timedelta(minutes=1))
    second = code_to(PHONE)
    if first != second:
        with pytest.raises(codes.WrongCode):
            check(first, as_of=NOON + timedelta(minutes=1))
    check(second, as_of=NOON + timedelta(minutes=1))


def test_for_nobody_all_is_the_same_but_no_code_fits(issue: Issue) -> None:
    row = issue(address="", target="account:9")
    assert not Delivery.objects.exists()
    with pytest.raises(codes.WrongCode):
        check("")
    with pytest.raises(codes.WrongCode):
        check("000000")
    row.refresh_from_db()
    assert row.attempts == 2
    with pytest.raises(code_requests.TooManyCodes):
        issue(address="", target="account:9")


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_are_all_counted(issue: Issue) -> None:
    row = issue()
    code = code_to(PHONE)

    def guess() -> str:
        try:
            check(wrong(code))
        except (codes.WrongCode, codes.CodeExpired) as error:
            return error.code
        return "right"

    results = together(*[guess] * 8)
    row.refresh_from_db()
    assert sorted(results) == ["CODE_EXPIRED"] * 3 + ["WRONG_CODE"] * 5
    assert row.attempts == 5


# Limits


def test_one_a_minute_per_purpose_and_number(issue: Issue) -> None:
    issue()
    with pytest.raises(code_requests.TooManyCodes):
        issue(as_of=NOON + timedelta(seconds=59))
    assert (VerificationCode.objects.count(), CodeRequest.objects.count()) == (1, 1)
    issue(purpose="other")
    issue(address=OTHER)
    issue(as_of=NOON + timedelta(seconds=60))


def test_ten_a_day_per_number(issue: Issue) -> None:
    for minute in range(10):
        issue(as_of=NOON + timedelta(minutes=minute))
    with pytest.raises(code_requests.TooManyCodes):
        issue(as_of=NOON + timedelta(hours=23), purpose="other")
    issue(as_of=NOON + timedelta(hours=25))


def test_twenty_an_hour_per_network_address(issue: Issue) -> None:
    for number in range(20):
        issue(address=f"+86138000001{number:02d}", client_address="192.0.2.7")
    with pytest.raises(code_requests.TooManyCodes):
        issue(client_address="192.0.2.7")
    issue(client_address="192.0.2.8")
    issue(address=OTHER, client_address="192.0.2.7", as_of=NOON + timedelta(hours=1))


def test_a_network_of_ipv6_is_one_address(issue: Issue) -> None:
    """Whoever has one has 2^64 of them."""
    for number in range(20):
        issue(address=f"+86138000001{number:02d}", client_address=f"2001:db8:1:2::{number + 1:x}")
    with pytest.raises(code_requests.TooManyCodes):
        issue(client_address="2001:db8:1:2:ffff::1")
    issue(client_address="2001:db8:1:3::1")


def test_ten_an_hour_per_user(issue: Issue) -> None:
    for number in range(10):
        issue(address="", target=f"account:{number}", who="user:17")
    with pytest.raises(code_requests.TooManyCodes):
        issue(address="", target="account:99", who="user:17")
    issue(address="", target="account:99", who="user:18")


def test_a_phone_that_has_had_enough_is_spared_without_a_word(issue: Issue, settings: Any) -> None:
    settings.CODE_LIMITS = settings.CODE_LIMITS | {"phone_day": 2}
    for number in range(3):
        issue(target=f"account:{number}")
    assert Delivery.objects.filter(address=PHONE).count() == 2
    assert list(CodeRequest.objects.order_by("pk").values_list("is_sent", flat=True)) == [True, True, False]


def test_the_ceiling_for_everybody_rings_the_alarm(
    issue: Issue, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CODE_LIMITS = settings.CODE_LIMITS | {"sent_hour": 3}
    for number in range(3):
        issue(address="", target=f"account:{number}")  # costs nothing and is not counted
        issue(address=f"+861380000010{number}")
    with caplog.at_level(logging.ERROR), pytest.raises(code_requests.TooManyCodes):
        issue()
    assert "hourly ceiling of codes reached" in caplog.text


def test_asking_whether_counts_nothing(issue: Issue) -> None:
    request = code_requests.Request(purpose="test", target=PHONE, phone=PHONE)
    code_requests.check(request, as_of=NOON)
    assert not CodeRequest.objects.exists()
    issue()
    with pytest.raises(code_requests.TooManyCodes):
        code_requests.check(request, as_of=NOON)


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_moment_get_one_code(issue: Issue) -> None:
    def ask() -> str:
        try:
            codes.issue(
                purpose="test", subject=SUBJECT, address=PHONE, as_of=NOON, client_address="192.0.2.7"
            )
        except code_requests.TooManyCodes as error:
            return error.code
        return "sent"

    assert sorted(together(*[ask] * 6)) == ["TOO_MANY_CODES"] * 5 + ["sent"]
    assert Delivery.objects.count() == 1


def test_old_requests_are_forgotten(issue: Issue) -> None:
    issue()
    issue(address=OTHER, as_of=NOON + timedelta(days=20))
    assert code_requests.forget_old(as_of=NOON + timedelta(days=31)) == 1
    assert CodeRequest.objects.get().phone == OTHER
