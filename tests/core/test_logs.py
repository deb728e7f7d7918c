import json
import logging
import sys
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import resolve
from hypothesis import given
from hypothesis import strategies as st

from core import logs


def line(msg: str, *args: object, exc: bool = False, **extra: Any) -> dict[str, Any]:
    """What one call of a logger writes, as the settings wire it: filter, then formatter."""
    record = logging.getLogger("tests").makeRecord(
        "tests", logging.INFO, __file__, 1, msg, args, sys.exc_info() if exc else None, extra=extra
    )
    assert logs.PersonalDataFilter().filter(record)
    written: dict[str, Any] = json.loads(logs.JsonFormatter().format(record))
    return written


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call 13800000001 now", "call 138****0001 now"),
        ("+8613800000001", "+86138****0001"),
        ("8613800000001", "86138****0001"),
        ("手机13800000001登录", "手机138****0001登录"),
        ("138 0000 0001", "138****0001"),
        ("138-0000-0001", "138****0001"),
        ("+447700900123", "+***0123"),
        ("to a.b+c@example.com.cn!", "to ***@***!"),
        ("身份证11010519491231002X", "身份证******************"),
        ("110105194912310021", "******************"),
        ("old card 110105491231002.", "old card ******************."),
        ("您的验证码是123456，五分钟内有效", "您的验证码是******，五分钟内有效"),
        ("验证码：123456", "验证码：******"),
        ("code=123456&next=/", "code=******&next=/"),
        ('{"code": "123456"}', '{"code": "******"}'),
        ("verification code is 123456", "verification code is ******"),
        ("OTP 123456", "OTP ******"),
        ("初始密码 123456", "初始密码 ******"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert logs.mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "S202611210000000017",
        "payment B202611200000000001 paid",
        "2026112122001400001234567890",  # a trade number of Alipay
        "2088102146225135",
        "1763700000123",  # a moment in milliseconds
        "¥1,234.50",
        "2026-11-21T10:00:00+08:00",
        "status code 200, 1234 bytes",
        "order 123456",
        "户号 8100000001",
        "error_code ACQ.TRADE_NOT_EXIST",
        "",
    ],
)
def test_numbers_of_the_business_stay_readable(text: str) -> None:
    assert logs.mask(text) == text


@given(
    st.text(st.characters(exclude_categories=["Nd"]), max_size=20),
    st.integers(13_000_000_000, 19_999_999_999),
)
def test_no_phone_survives_whatever_stands_around_it(around: str, phone: int) -> None:
    assert str(phone) not in logs.mask(f"{around}{phone}{around}")


@given(st.text(max_size=300))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert logs.mask(logs.mask(text)) == logs.mask(text)


def test_a_long_hostile_text_is_masked_in_good_time() -> None:
    for text in (
        "a" * 200_000 + "@",
        "1" * 200_000,
        "code" * 50_000 + "1",
        "@." * 100_000,
        "1380000 " * 20_000,
    ):
        logs.mask(text)


def test_message_arguments_and_extra_fields_are_masked() -> None:
    written = line(
        "sent to %s, code %s", "13800000001", 123456, address="a@b.cn", who={"phone": "+8613800000001"}
    )
    assert written["message"] == "sent to 138****0001, code ******"
    assert (written["address"], written["who"]) == ("***@***", {"phone": "+86138****0001"})


def test_extra_fields_of_any_shape_are_masked() -> None:
    class Person:
        def __str__(self) -> str:
            return "13800000001"

    written = line(
        "x", people=[Person(), ("13800000002",)], phone=13800000003, names={"13800000004": 1}, count=3
    )
    assert written["people"] == ["138****0001", ["138****0002"]]
    assert (written["phone"], written["names"], written["count"]) == ("138****0003", {"138****0004": 1}, 3)


def test_secrets_are_known_by_their_names() -> None:
    written = line(
        "x", password="hunter2", Authorization="Bearer abc", form={"csrf_token": "t", "code": "123456"}
    )
    assert (written["password"], written["Authorization"]) == ("***", "***")
    assert written["form"] == {"csrf_token": "***", "code": "******"}


def test_a_stable_error_code_is_no_secret() -> None:
    written = line("x", code="NOT_FOUND", status_code=404, row=123456, ok=True, ms=1.5, nothing=None)
    assert (written["code"], written["status_code"], written["row"]) == ("NOT_FOUND", 404, 123456)
    assert (written["ok"], written["ms"], written["nothing"]) == (True, 1.5, None)


def test_tracebacks_are_masked() -> None:
    try:
        raise ValueError("Key (phone)=(+8613800000001) already exists")
    except ValueError:
        written = line("failed", exc=True)
    assert "ValueError: Key (phone)=(+86138****0001) already exists" in written["error"]


def test_whole_requests_are_never_written() -> None:
    assert "request" not in line("Not Found: /x", request=object(), status_code=404)


def test_wrong_arguments_do_not_cost_the_line() -> None:
    assert line("%d bills", "many")["message"] == "%d bills ('many',)"


def test_a_line_is_one_line_and_says_where_it_belongs() -> None:
    token = logs.request_id.set("req-12345678")
    try:
        written = line("第一行\n第二行")
    finally:
        logs.request_id.reset(token)
    assert (written["level"], written["logger"], written["request_id"]) == ("INFO", "tests", "req-12345678")
    assert written["message"] == "第一行\n第二行"
    assert written["at"].endswith("+00:00")


def test_the_settings_send_everything_through_the_filter() -> None:
    from django.conf import settings

    logging_settings: dict[str, Any] = settings.LOGGING
    assert all("personal" in handler["filters"] for handler in logging_settings["handlers"].values())
    assert all(handler["formatter"] == "json" for handler in logging_settings["handlers"].values())


def test_the_address_of_a_refused_request_is_told_as_its_route() -> None:
    request = RequestFactory().get("/p/secret-token/")
    request.resolver_match = resolve("/p/secret-token/")
    written = line("%s: %s", "Conflict", request.path, request=request)
    assert written["message"] == "Conflict: /p/<str:token>/"
