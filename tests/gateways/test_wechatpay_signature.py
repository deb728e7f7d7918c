"""Whose messages are believed: signatures, keys, and the five minutes either way."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways.base import (
    CallbackRejected,
    RejectCode,
    Report,
)
from billing.gateways.wechatpay_keys import normalised
from tests.gateways.wechat_keys import (
    NOW,
    PLATFORM,
    SERIAL,
    STAMP,
    STRANGER,
    event,
    gateway,
    headers,
    signed,
    transaction,
)

PAID_AT = datetime(2026, 3, 15, 2, 0, 4, tzinfo=UTC)


def read(values: object, **how: object) -> Report:
    return gateway().parse_callback(*signed(values, **how))


def rejected(given_headers: dict[str, str], body: bytes) -> RejectCode:
    with pytest.raises(CallbackRejected) as caught:
        gateway().parse_callback(given_headers, body)
    return caught.value.code


@pytest.mark.parametrize("write", [str, str.lower, str.upper, lambda name: f"{name}".title()])
def test_header_names_in_any_case(write: type[str]) -> None:
    given_headers, body = signed(event(transaction()))
    written = {write(name): value for name, value in given_headers.items()}
    assert gateway().parse_callback(written, body).amount_cents == 2600


def test_the_kind_of_signature_may_be_left_out() -> None:
    given_headers, body = signed(event(transaction()))
    del given_headers["Wechatpay-Signature-Type"]
    assert gateway().parse_callback(given_headers, body).amount_cents == 2600


@pytest.mark.parametrize("seconds", [0, 299, -299])
def test_a_fresh_message_either_way_of_our_clock(seconds: int) -> None:
    assert read(event(transaction()), stamp=STAMP + seconds).amount_cents == 2600


@pytest.mark.parametrize("seconds", [300, -300, 3600, -3600, 10**9])
def test_a_stale_message_is_refused_however_well_signed(seconds: int) -> None:
    assert rejected(*signed(event(transaction()), stamp=STAMP + seconds)) is RejectCode.STALE


def test_just_inside_and_just_at_the_window() -> None:
    message = signed(event(transaction()))
    inside = NOW + timedelta(seconds=299, milliseconds=999)
    assert gateway().parse_callback(*message, received_at=inside).amount_cents == 2600
    with pytest.raises(CallbackRejected):
        gateway().parse_callback(*message, received_at=NOW + timedelta(seconds=300))


def test_a_stored_message_is_read_again_as_of_its_receipt() -> None:
    message = signed(event(transaction()))
    years_later = gateway(now=NOW + timedelta(days=1000))
    with pytest.raises(CallbackRejected):
        years_later.parse_callback(*message)
    assert years_later.parse_callback(*message, received_at=NOW) == gateway().parse_callback(*message)


@pytest.mark.parametrize(
    "stamp",
    [
        "1e400",
        "NaN",
        "inf",
        "-1",
        "+1773540005",
        "1773540005.0",
        " 1773540005",
        "１７７３５４０００５",
        "",
        "0x69",
    ]
    + ["1773540005,1773540005", "9" * 13, "9" * 5000, "1773540005\n", "٣"],
)
def test_a_time_that_is_none(stamp: str) -> None:
    given_headers, body = signed(event(transaction()))
    given_headers["Wechatpay-Timestamp"] = stamp
    expected = RejectCode.BAD_TIME if stamp else RejectCode.MISSING_SIGNATURE
    assert rejected(given_headers, body) is expected


@pytest.mark.parametrize("name", ["Timestamp", "Nonce", "Serial", "Signature"])
def test_a_header_is_missing_or_occurs_twice(name: str) -> None:
    given_headers, body = signed(event(transaction()))
    twice = {**given_headers, f"WECHATPAY-{name.upper()}": given_headers[f"Wechatpay-{name}"]}
    assert rejected(twice, body) is RejectCode.DUPLICATE_FIELD
    joined = {**given_headers, f"Wechatpay-{name}": ",".join([given_headers[f"Wechatpay-{name}"]] * 2)}
    assert rejected(joined, body) in (RejectCode.BAD_TIME, RejectCode.UNKNOWN_KEY, RejectCode.BAD_SIGNATURE)
    del given_headers[f"Wechatpay-{name}"]
    assert rejected(given_headers, body) is RejectCode.MISSING_SIGNATURE


def test_another_kind_of_signature() -> None:
    given_headers, body = signed(event(transaction()))
    given_headers["Wechatpay-Signature-Type"] = "WECHATPAY2-SM2-WITH-SM3"
    assert rejected(given_headers, body) is RejectCode.UNSUPPORTED_SIGN_TYPE


@pytest.mark.parametrize("serial", ["7" * 40, "0", "PUB_KEY_ID_01", "钥", "A" * 5000])
def test_an_unknown_key(serial: str) -> None:
    assert rejected(*signed(event(transaction()), serial=serial)) is RejectCode.UNKNOWN_KEY


@pytest.mark.parametrize("serial", [SERIAL.lower(), f"00{SERIAL}"])
def test_a_serial_number_is_a_number(serial: str) -> None:
    assert read(event(transaction()), serial=serial).amount_cents == 2600


def test_both_keys_hold_while_wechat_changes_over() -> None:
    both = gateway(platform_keys={normalised(SERIAL): PLATFORM.public, "AB": STRANGER.public})
    assert both.parse_callback(*signed(event(transaction()))).amount_cents == 2600
    assert both.parse_callback(*signed(event(transaction()), serial="AB", by=STRANGER)).amount_cents == 2600
    with pytest.raises(CallbackRejected):
        both.parse_callback(*signed(event(transaction()), serial="AB", by=PLATFORM))


def test_a_probe_is_refused_by_its_name_and_would_be_without() -> None:
    given_headers, body = signed(event(transaction()))
    given_headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + given_headers["Wechatpay-Signature"]
    assert rejected(given_headers, body) is RejectCode.SIGNATURE_PROBE


@pytest.mark.parametrize("signature", ["AAAA", "%%%", "数", "A" * 50_000, "A\x00=="])
def test_a_signature_that_is_none(signature: str) -> None:
    given_headers, body = signed(event(transaction()))
    given_headers["Wechatpay-Signature"] = signature
    assert rejected(given_headers, body) is RejectCode.BAD_SIGNATURE


def test_signed_by_a_stranger() -> None:
    assert rejected(*signed(event(transaction()), by=STRANGER)) is RejectCode.BAD_SIGNATURE


def test_a_line_of_the_body_does_not_become_part_of_the_nonce() -> None:
    """The signed text is cut into lines: a nonce with a line break could swallow the beginning of a body."""
    body = b"first line\n" + json.dumps(event(transaction())).encode()
    given_headers = headers(body)
    given_headers["Wechatpay-Nonce"] += "\nfirst line"
    assert rejected(given_headers, body.partition(b"\n")[2]) is RejectCode.UNREADABLE


@given(data=st.data())
def test_no_single_changed_byte_of_a_body_is_believed(data: st.DataObject) -> None:
    given_headers, body = signed(event(transaction()))
    position = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[position] ^= data.draw(st.integers(1, 255))
    assert rejected(given_headers, bytes(changed)) is RejectCode.BAD_SIGNATURE


@given(data=st.data())
def test_no_single_changed_bit_of_a_signature_is_believed(data: st.DataObject) -> None:
    given_headers, body = signed(event(transaction()))
    signature = given_headers["Wechatpay-Signature"]
    position = data.draw(st.integers(0, 300))
    other = data.draw(st.sampled_from("ABCDEFabcdef0123456789+/"))
    given_headers["Wechatpay-Signature"] = signature[:position] + other + signature[position + 1 :]
    if other != signature[position]:
        assert rejected(given_headers, body) is RejectCode.BAD_SIGNATURE
