"""What is believed of the messages that claim to come from WeChat Pay."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways.base import (
    CallbackRejected,
    RefundReport,
    RefundStatus,
    RejectCode,
    Report,
    ReportStatus,
)
from billing.services.payments import reports
from tests.gateways.wechat_keys import (
    REFERENCE,
    STAMP,
    event,
    gateway,
    refund,
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


def refused(resource: object, kind: str = "TRANSACTION.SUCCESS") -> RejectCode:
    return rejected(*signed(event(resource, kind)))


def test_a_payment() -> None:
    assert read(event(transaction())) == Report(
        gateway="wechatpay",
        reference=REFERENCE,
        trade_no="4200001500000000000003151001",
        status=ReportStatus.SUCCEEDED,
        amount_cents=2600,
        paid_at=PAID_AT,
        refunds=(),
        total_refunded_cents=0,
        buyer="oTES***0001",
        occurred_at=PAID_AT,
        notify_id="EV-1",
    )


def test_a_coupon_lowers_what_the_payer_paid_not_what_was_paid() -> None:
    amount = {"total": 2600, "payer_total": 2500, "currency": "CNY"}
    assert read(event(transaction(amount=amount))).amount_cents == 2600


@pytest.mark.parametrize(
    ("kind", "state", "status", "total"),
    [
        ("REFUND.SUCCESS", "SUCCESS", RefundStatus.SUCCEEDED, 1000),
        ("REFUND.ABNORMAL", "ABNORMAL", RefundStatus.ABNORMAL, 0),
        ("REFUND.CLOSED", "CLOSED", RefundStatus.FAILED, 0),
    ],
)
def test_a_refund_tells_its_own_amount(kind: str, state: str, status: RefundStatus, total: int) -> None:
    done = state == "SUCCESS"
    values = refund(refund_status=state, success_time="2026-03-15T10:00:04+08:00" if done else None)
    report = read(event(values, kind))
    expected = RefundReport(
        request_no="RF1", amount_cents=1000, refunded_at=PAID_AT if done else None, status=status
    )
    assert report.refunds == (expected,)
    assert (report.status, report.amount_cents, report.paid_at) == (ReportStatus.SUCCEEDED, 2600, None)
    assert (report.reference, report.total_refunded_cents) == (REFERENCE, total)
    assert report.occurred_at == (PAID_AT if done else PAID_AT + timedelta(seconds=1))


def test_a_report_survives_being_stored() -> None:
    for report in (
        read(event(transaction())),
        read(event(refund(refund_status="ABNORMAL"), "REFUND.ABNORMAL")),
    ):
        assert reports.load(json.loads(json.dumps(reports.dump(report)))) == report


def test_a_refund_stored_before_refunds_had_a_status_was_successful() -> None:
    stored = reports.dump(read(event(refund(), "REFUND.SUCCESS")))
    del stored["refunds"][0]["status"]
    assert reports.load(stored).refunds[0].status is RefundStatus.SUCCEEDED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"event_type":1}',
    ],
)
def test_signed_garbage_is_unreadable(body: bytes) -> None:
    assert rejected(*signed(body)) is RejectCode.UNREADABLE


def test_a_message_that_is_too_long_is_not_even_verified() -> None:
    assert rejected({}, b"x" * 65_537) is RejectCode.UNREADABLE


@pytest.mark.parametrize("kind", ["SOMETHING.NEW", "PAYSCORE.USER_OPEN_SERVICE", "transaction.success"])
def test_a_kind_of_event_that_we_do_not_handle(kind: str) -> None:
    assert refused(transaction(), kind) is RejectCode.UNSUPPORTED_KIND


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ciphertext": "AAAA"}, RejectCode.BAD_CIPHERTEXT),
        ({"ciphertext": "A" * 60_000}, RejectCode.BAD_CIPHERTEXT),
        ({"ciphertext": "%%%"}, RejectCode.BAD_CIPHERTEXT),
        ({"ciphertext": "数"}, RejectCode.BAD_CIPHERTEXT),
        ({"ciphertext": ""}, RejectCode.MISSING_FIELD),
        ({"ciphertext": None}, RejectCode.MISSING_FIELD),
        ({"ciphertext": 1}, RejectCode.UNREADABLE),
        ({"nonce": "n0315100100"}, RejectCode.BAD_CIPHERTEXT),
        ({"nonce": "n031510010000"}, RejectCode.BAD_CIPHERTEXT),
        ({"nonce": "n03151001001"}, RejectCode.BAD_CIPHERTEXT),
        ({"nonce": "钥钥钥钥"}, RejectCode.BAD_CIPHERTEXT),
        ({"nonce": "\ud800" * 12}, RejectCode.BAD_CIPHERTEXT),
        ({"nonce": ""}, RejectCode.BAD_CIPHERTEXT),
        ({"associated_data": "refund"}, RejectCode.BAD_CIPHERTEXT),
        ({"associated_data": None}, RejectCode.BAD_CIPHERTEXT),
        ({"associated_data": ["transaction"]}, RejectCode.UNREADABLE),
        ({"algorithm": "AES-ECB"}, RejectCode.UNSUPPORTED_KIND),
        ({"algorithm": None}, RejectCode.UNSUPPORTED_KIND),
    ],
)
def test_a_genuine_message_with_a_seal_that_does_not_open(
    changes: dict[str, object], code: RejectCode
) -> None:
    message = event(transaction())
    message["resource"] |= changes
    assert rejected(*signed(message)) is code


@pytest.mark.parametrize("resource", [None, [], "x", 1])
def test_no_seal_at_all(resource: object) -> None:
    message = event(transaction()) | {"resource": resource}
    assert rejected(*signed(message)) in (RejectCode.UNREADABLE, RejectCode.UNSUPPORTED_KIND)


def test_another_key_of_the_seal() -> None:
    assert rejected(*signed(event(transaction(), key=b"k" * 32))) is RejectCode.BAD_CIPHERTEXT


@pytest.mark.parametrize("plain", [b"", b"null", b"[1]", b"\xff", b"{" * 1000])
def test_a_seal_around_garbage(plain: bytes) -> None:
    assert refused(plain) in (RejectCode.UNREADABLE, RejectCode.BAD_CIPHERTEXT)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mchid": "1900000099"}, RejectCode.WRONG_SELLER),
        ({"mchid": None}, RejectCode.MISSING_FIELD),
        ({"appid": "wx0000000000000099"}, RejectCode.WRONG_APP),
        ({"appid": None}, RejectCode.MISSING_FIELD),
        ({"out_trade_no": None}, RejectCode.MISSING_FIELD),
        ({"out_trade_no": "P\x00"}, RejectCode.BAD_REFERENCE),
        ({"out_trade_no": "订单"}, RejectCode.BAD_REFERENCE),
        ({"out_trade_no": 1}, RejectCode.UNREADABLE),
        ({"transaction_id": None}, RejectCode.MISSING_FIELD),
        ({"transaction_id": "4 2"}, RejectCode.BAD_REFERENCE),
        ({"trade_state": None}, RejectCode.MISSING_FIELD),
        ({"trade_state": "FINISHED"}, RejectCode.UNSUPPORTED_KIND),
        ({"amount": None}, RejectCode.BAD_AMOUNT),
        ({"amount": 2600}, RejectCode.UNREADABLE),
        ({"amount": {"total": 2600, "currency": "USD"}}, RejectCode.WRONG_CURRENCY),
        ({"amount": {"total": 2600, "currency": 156}}, RejectCode.UNREADABLE),
        ({"payer": "o1"}, RejectCode.UNREADABLE),
        ({"success_time": "2026-02-30T10:00:00+08:00"}, RejectCode.BAD_TIME),
        ({"success_time": "2026-03-15 10:00:04"}, RejectCode.BAD_TIME),
        ({"success_time": "2026-03-15T10:00:04"}, RejectCode.BAD_TIME),
        ({"success_time": "20260315T100004+0800"}, RejectCode.BAD_TIME),
        ({"success_time": 1773540005}, RejectCode.UNREADABLE),
    ],
)
def test_a_genuine_payment_that_is_not_for_us_or_not_exact(
    changes: dict[str, object], code: RejectCode
) -> None:
    assert refused(transaction(**changes)) is code


@pytest.mark.parametrize(
    "total", [0, -2600, 2600.0, 26.5, "2600", True, None, [2600], 10**12, 10**400, float("nan"), float("inf")]
)
def test_an_inexact_amount_is_refused_never_read_as_something_else(total: object) -> None:
    assert refused(transaction(amount={"total": total, "currency": "CNY"})) is RejectCode.BAD_AMOUNT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mchid": "1900000099"}, RejectCode.WRONG_SELLER),
        ({"out_refund_no": None}, RejectCode.MISSING_FIELD),
        ({"out_refund_no": "R" * 65}, RejectCode.BAD_REFERENCE),
        ({"refund_status": "DONE"}, RejectCode.UNSUPPORTED_KIND),
        ({"refund_status": None}, RejectCode.MISSING_FIELD),
        ({"transaction_id": None}, RejectCode.MISSING_FIELD),
        ({"amount": {"total": 2600}}, RejectCode.BAD_AMOUNT),
        ({"amount": {"total": 2600, "refund": 2601}}, RejectCode.BAD_AMOUNT),
        ({"amount": {"total": 2600, "refund": 0}}, RejectCode.BAD_AMOUNT),
        ({"amount": {"refund": 1000}}, RejectCode.BAD_AMOUNT),
        ({"amount": {"total": 2600, "refund": 1000, "currency": "USD"}}, RejectCode.WRONG_CURRENCY),
    ],
)
def test_a_genuine_refund_that_is_not_for_us_or_not_exact(
    changes: dict[str, object], code: RejectCode
) -> None:
    assert refused(refund(**changes), "REFUND.SUCCESS") is code


def test_a_payment_under_the_name_of_a_refund_and_the_other_way_round() -> None:
    assert refused(transaction(), "REFUND.SUCCESS") is RejectCode.BAD_AMOUNT
    assert refused(refund(appid="wx0000000000000001")) is RejectCode.MISSING_FIELD


@given(
    body=st.binary(max_size=300),
    values=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=8),
)
def test_no_bytes_and_no_headers_make_it_fail_otherwise(body: bytes, values: dict[str, str]) -> None:
    with pytest.raises(CallbackRejected):
        gateway().parse_callback(values, body)


junk = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.lists(st.integers())
)


@given(name=st.sampled_from(sorted(transaction())), value=junk)
def test_a_signed_payment_with_any_one_field_of_another_shape(name: str, value: object) -> None:
    changed = transaction() | {name: value}
    try:
        report = read(event(changed))
    except CallbackRejected:
        return
    assert (report.amount_cents, report.reference[:1]) == (2600, str(changed["out_trade_no"])[:1])


@given(openid=st.text(max_size=40))
def test_an_openid_is_never_shown_whole(openid: str) -> None:
    buyer = read(event(transaction(payer={"openid": openid.encode("utf-8", "replace").decode()}))).buyer
    assert len(buyer) <= 11
    assert bool(buyer) == bool(openid)


@pytest.mark.parametrize("name", ["", "E" * 129, "E\x00", "\ud800", "事件", None])
def test_a_name_of_a_notice_that_cannot_be_kept_is_left_out(name: str | None) -> None:
    report = read(event(transaction()) | {"id": name})
    assert (report.notify_id, report.amount_cents) == ("", 2600)


def test_the_reply_is_in_its_status() -> None:
    assert gateway().callback_reply(True)[:2] == (204, b"")
    status, body, content_type = gateway().callback_reply(False)
    assert (status, content_type) == (400, "application/json")
    assert json.loads(body)["code"] == "FAIL"


def test_a_redelivery_is_the_same_report() -> None:
    first = read(event(transaction()))
    assert read(event(transaction()), stamp=STAMP + 180, nonce="another") == replace(first)
