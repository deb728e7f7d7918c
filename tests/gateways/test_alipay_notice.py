"""Reading Alipay's notices: what is believed, and what is refused with which code."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways.base import CallbackRejected, RejectCode, ReportStatus
from tests.gateways.keys import ALIPAY, STRANGER, encode, gateway, notice, signed

BEIJING = timezone(timedelta(hours=8))


def rejected(body: bytes) -> RejectCode:
    with pytest.raises(CallbackRejected) as caught:
        gateway().parse_callback({}, body)
    return caught.value.code


def test_a_payment_is_read_field_by_field() -> None:
    report = gateway().parse_callback({}, signed(notice()))
    assert report.gateway == "alipay"
    assert report.reference == "P20260315000001"
    assert report.trade_no == "2026031522001400000000000001"
    assert report.status is ReportStatus.SUCCEEDED
    assert report.amount_cents == 2600
    assert report.paid_at == datetime(2026, 3, 15, 10, 0, 4, tzinfo=BEIJING)
    assert report.occurred_at == report.paid_at
    assert (report.refunds, report.total_refunded_cents) == ((), 0)
    assert report.buyer == "138****0001"
    assert report.notify_id == "2026031500222100000000000000000001"


@pytest.mark.parametrize(
    ("trade_status", "changes", "status"),
    [
        ("WAIT_BUYER_PAY", {"gmt_payment": None}, ReportStatus.WAITING),
        ("TRADE_SUCCESS", {}, ReportStatus.SUCCEEDED),
        ("TRADE_FINISHED", {}, ReportStatus.SUCCEEDED),
        ("TRADE_CLOSED", {"gmt_payment": None}, ReportStatus.CLOSED),
        ("TRADE_CLOSED", {"refund_fee": "26.00", "gmt_payment": None}, ReportStatus.SUCCEEDED),
        ("TRADE_CLOSED", {}, ReportStatus.SUCCEEDED),  # it names a payment time: so it had been paid
    ],
)
def test_closed_means_never_paid(
    trade_status: str, changes: dict[str, str | None], status: ReportStatus
) -> None:
    report = gateway().parse_callback({}, signed(notice(**{"trade_status": trade_status, **changes})))
    assert report.status is status


def test_a_closed_trade_that_was_paid_has_all_its_money_refunded() -> None:
    report = gateway().parse_callback({}, signed(notice(trade_status="TRADE_CLOSED")))
    assert report.total_refunded_cents == 2600


def test_a_partial_refund_tells_the_total_and_its_request_but_not_its_own_amount() -> None:
    fields = notice(refund_fee="12.50", out_biz_no="RF2", gmt_refund="2026-03-16 09:00:00.143")
    report = gateway().parse_callback({}, signed(fields))
    assert report.status is ReportStatus.SUCCEEDED
    assert report.total_refunded_cents == 1250
    (refund,) = report.refunds
    assert refund.request_no == "RF2"
    assert refund.amount_cents is None
    assert refund.refunded_at == datetime(2026, 3, 16, 9, 0, 0, 143_000, tzinfo=BEIJING)
    assert report.occurred_at == refund.refunded_at


def test_an_unmasked_buyer_is_masked() -> None:
    assert gateway().parse_callback({}, signed(notice(buyer_logon_id="13812340001"))).buyer == "138***01"


def test_gbk_verifies_and_reads() -> None:
    fields = notice(charset="GBK", subject="数字电视收视维护费", buyer_logon_id="张**")
    report = gateway().parse_callback({}, signed(fields, codec="gbk"))
    assert (report.amount_cents, report.buyer) == (2600, "张**")


def test_bytes_of_no_charset_at_all_still_verify() -> None:
    """The signature stands over the bytes: a text that nobody can decode must not lose a payment."""
    fields = notice(subject="\xff\xfe\x80")
    assert gateway().parse_callback({}, signed(fields, codec="latin-1")).amount_cents == 2600


@given(subject=st.text(max_size=60), body=st.text(max_size=60), passback=st.text(max_size=30))
def test_odd_texts_verify(subject: str, body: str, passback: str) -> None:
    fields = notice(subject=subject, body=body, passback_params=passback)
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    assert gateway().parse_callback({}, signed(fields)).reference == "P20260315000001"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_id": "9021000000000002"}, RejectCode.WRONG_APP),
        ({"app_id": None}, RejectCode.MISSING_FIELD),
        ({"seller_id": "2088000000000002"}, RejectCode.WRONG_SELLER),
        ({"seller_id": None}, RejectCode.MISSING_FIELD),
        ({"out_trade_no": None}, RejectCode.MISSING_FIELD),
        ({"out_trade_no": "P\x00"}, RejectCode.BAD_REFERENCE),
        ({"out_trade_no": "订单"}, RejectCode.BAD_REFERENCE),
        ({"out_trade_no": "P" * 65}, RejectCode.BAD_REFERENCE),
        ({"trade_no": None}, RejectCode.MISSING_FIELD),
        ({"trade_no": "20 26"}, RejectCode.BAD_REFERENCE),
        ({"trade_status": None}, RejectCode.MISSING_FIELD),
        ({"trade_status": "TRADE_PENDING"}, RejectCode.UNSUPPORTED_KIND),
        ({"notify_type": "fund_trans_sync"}, RejectCode.UNSUPPORTED_KIND),
        ({"total_amount": None}, RejectCode.MISSING_FIELD),
        ({"refund_fee": "26.01"}, RejectCode.BAD_AMOUNT),
        ({"gmt_payment": "2026-02-30 10:00:00"}, RejectCode.BAD_TIME),
        ({"gmt_payment": "2026-03-15T10:00:04"}, RejectCode.BAD_TIME),
        ({"gmt_payment": "20260315100004"}, RejectCode.BAD_TIME),
    ],
)
def test_a_genuine_notice_that_is_not_for_us_or_not_exact_is_refused(
    changes: dict[str, str | None], code: RejectCode
) -> None:
    assert rejected(signed(notice(**changes))) is code


@pytest.mark.parametrize(
    "amount",
    [
        "26.001",
        "26.",
        ".26",
        "-26.00",
        "+26.00",
        "2,600.00",
        "26.00 ",
        " 26",
        "2.6e1",
        "NaN",
        "inf",
        "２６.00",
        "0x1a",
    ]
    + ["1234567890.00", "26,00", "26.00元", "0.00", "0", "٢٦", "26_0"],
)
def test_an_inexact_amount_is_refused_never_read_as_something_else(amount: str) -> None:
    assert rejected(signed(notice(total_amount=amount))) is RejectCode.BAD_AMOUNT


@pytest.mark.parametrize(
    ("amount", "cents"), [("26", 2600), ("26.5", 2650), ("0.01", 1), ("999999999.99", 99_999_999_999)]
)
def test_exact_amounts_become_whole_fen(amount: str, cents: int) -> None:
    assert gateway().parse_callback({}, signed(notice(total_amount=amount))).amount_cents == cents


def test_without_a_signature() -> None:
    assert rejected(encode({**notice(), "sign_type": "RSA2"})) is RejectCode.MISSING_SIGNATURE
    assert rejected(encode({**notice(), "sign": "", "sign_type": "RSA2"})) is RejectCode.MISSING_SIGNATURE


@pytest.mark.parametrize("sign_type", ["RSA", "rsa2", "", "MD5"])
def test_another_sign_type_is_refused_even_with_a_good_signature(sign_type: str) -> None:
    body = signed(notice()).replace(b"sign_type=RSA2", f"sign_type={sign_type}".encode())
    assert rejected(body) is RejectCode.UNSUPPORTED_SIGN_TYPE


def test_signed_by_a_stranger() -> None:
    assert rejected(signed(notice(), by=STRANGER)) is RejectCode.BAD_SIGNATURE


@pytest.mark.parametrize("sign", ["AAAA", "%%%", "数", "A" * 5000])
def test_a_signature_that_is_none(sign: str) -> None:
    assert rejected(encode({**notice(), "sign": sign, "sign_type": "RSA2"})) is RejectCode.BAD_SIGNATURE


@pytest.mark.parametrize("field", sorted(notice()))
def test_any_field_changed_after_signing_is_refused(field: str) -> None:
    fields = dict(part.split("=", 1) for part in signed(notice()).decode().split("&"))
    fields[field] += "1"
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    assert rejected(body) is RejectCode.BAD_SIGNATURE


def test_a_field_added_after_signing_is_refused() -> None:
    assert rejected(signed(notice()) + b"&refund_fee=26.00") is RejectCode.BAD_SIGNATURE


def test_a_field_twice_is_refused_before_anything_is_believed() -> None:
    body = signed(notice())
    assert rejected(body + b"&total_amount=26.00") is RejectCode.DUPLICATE_FIELD
    assert rejected(body + b"&tot%61l_amount=26.00") is RejectCode.DUPLICATE_FIELD


def test_the_signed_text_cannot_be_cut_into_other_fields() -> None:
    """The join has no escapes: what stood inside a genuine text must not come back as a field of its own."""
    honest = notice(body="x&out_trade_no=P99&passback_params=y", buyer_logon_id=None, charset=None)
    content = "&".join(f"{name}={honest[name]}" for name in sorted(honest))
    body = signed(honest)
    assert rejected(body) is RejectCode.AMBIGUOUS
    # The same signature over the same bytes, cut so that the order number comes out of the text.
    rest = content.split("&passback_params=", 1)[1]
    forged = {"app_id": honest["app_id"], "body": "x", "out_trade_no": "P99", "passback_params": rest}
    sign = dict(part.split("=", 1) for part in body.decode().split("&"))["sign"]
    forged_body = encode({**forged, "sign": "", "sign_type": "RSA2"}).replace(
        b"sign=&", f"sign={sign}&".encode()
    )
    assert rejected(forged_body) is RejectCode.AMBIGUOUS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&",
        b"=",
        b"hello",
        b"a=1&&b=2",
        b"=x",
        b"\x00\xff\xfe",
        b"{}",
        b'{"sign":"x"}',
        b"<xml/>",
        b"a%00=1",
    ]
    + [b"a=" + b"x" * 70_000, b"a b=1", "钱=1".encode()],
)
def test_what_is_no_form_is_unreadable(body: bytes) -> None:
    assert rejected(body) is RejectCode.UNREADABLE


@given(body=st.binary(max_size=300))
def test_no_bytes_at_all_make_it_fail_otherwise(body: bytes) -> None:
    with pytest.raises(CallbackRejected):
        gateway().parse_callback({}, body)


@given(data=st.data())
def test_no_single_changed_byte_is_believed_as_something_else(data: st.DataObject) -> None:
    body = bytearray(signed(notice()))
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] ^= data.draw(st.integers(1, 255))
    try:
        report = gateway().parse_callback({}, bytes(body))
    except CallbackRejected:
        return
    # Only a change that decodes to the same bytes gets here, such as %3a for %3A or + for %20.
    assert report == gateway().parse_callback({}, signed(notice()))


def test_the_reply_is_exactly_what_alipay_waits_for() -> None:
    assert gateway().callback_reply(True)[:2] == (200, b"success")
    assert gateway().callback_reply(False)[:2] == (200, b"failure")


def test_a_return_is_verified_and_claims_only() -> None:
    fields = {"charset": "utf-8", "out_trade_no": "P1", "method": "alipay.trade.page.pay.return"}
    fields |= {"total_amount": "26.00", "trade_no": "T1", "app_id": notice()["app_id"]}
    fields |= {"seller_id": notice()["seller_id"], "timestamp": "2026-03-15 10:00:06", "version": "1.0"}
    query = signed(fields).decode()
    claim = gateway().parse_return(query)
    assert (claim.reference, claim.trade_no, claim.amount_cents) == ("P1", "T1", 2600)
    with pytest.raises(CallbackRejected):
        gateway().parse_return(query.replace("out_trade_no=P1", "out_trade_no=P2"))
    with pytest.raises(CallbackRejected):
        gateway().parse_return("付款成功")


def test_the_key_must_be_alipays_not_our_own() -> None:
    """The classic mistake of configuration: the public half of our own key in the place of Alipay's."""
    with pytest.raises(CallbackRejected):
        gateway(alipay_key=STRANGER.public).parse_callback({}, signed(notice(), by=ALIPAY))
