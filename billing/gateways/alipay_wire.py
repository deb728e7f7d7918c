"""Alipay's wire formats: the signed form, the signed JSON answer, yuan, and Beijing times. Pure functions.

A form is handled as bytes all the way to the signature, because Alipay signs the bytes of whatever charset it chose
(GBK included). The charset only matters for showing a text to a person.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import unquote_to_bytes

from billing.gateways.base import CallbackRejected, RefundReport, RejectCode, Report, ReportStatus
from core import money
from core.clock import SHANGHAI

MAXIMUM_FORM_BYTES = 65_536
_UNSIGNED = frozenset((b"sign", b"sign_type"))
_NAME = re.compile(rb"[A-Za-z0-9_]{1,64}")
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
_NUMBER = re.compile(r"[!-~]{1,64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
_STATUSES = {
    "WAIT_BUYER_PAY": ReportStatus.WAITING,
    "TRADE_SUCCESS": ReportStatus.SUCCEEDED,
    "TRADE_FINISHED": ReportStatus.SUCCEEDED,
    "TRADE_CLOSED": ReportStatus.CLOSED,
}
_DECISIVE = tuple(
    b"&" + name + b"="
    for name in (b"app_id", b"seller_id", b"out_trade_no", b"trade_no", b"trade_status", b"total_amount")
    + (b"refund_fee", b"out_biz_no", b"gmt_payment", b"gmt_refund", b"notify_id", b"notify_type")
)

Fields = dict[bytes, bytes]
Read = Callable[[str], str]
"""Gives a field's text, "" when it is absent."""


def parse_form(body: bytes) -> Fields:
    """Percent-decode a form to bytes. Raises `CallbackRejected` for anything but a plain list of distinct fields."""
    if len(body) > MAXIMUM_FORM_BYTES:
        raise CallbackRejected(RejectCode.UNREADABLE, "the form is too long")
    fields: Fields = {}
    for pair in body.split(b"&"):
        raw_name, equals, raw_value = pair.partition(b"=")
        name = _unquote(raw_name)
        if not equals or not _NAME.fullmatch(name):
            raise CallbackRejected(RejectCode.UNREADABLE, "this is no form")
        if name in fields:
            raise CallbackRejected(RejectCode.DUPLICATE_FIELD, f"{name.decode()} occurs twice")
        fields[name] = _unquote(raw_value)
    return fields


def signed_content(fields: Fields) -> bytes:
    """The bytes under the signature: all fields but sign and sign_type, by name, joined as k=v&k=v.

    The join does not escape, so one signed text can be cut into fields in several ways: a subject that holds
    `&total_amount=0.01` would do. Each field that decides something must therefore begin at only one place.
    """
    content = b"&".join(name + b"=" + fields[name] for name in sorted(fields) if name not in _UNSIGNED)
    anchored = b"&" + content
    for marker in _DECISIVE:
        if anchored.count(marker) != (marker[1:-1] in fields):
            raise CallbackRejected(
                RejectCode.AMBIGUOUS, f"{marker[1:-1].decode()} occurs inside another field"
            )
    return content


def reader(fields: Fields) -> Read:
    """Text access to a form; what the charset cannot read becomes U+FFFD (only texts for people can hold such)."""
    charset = fields.get(b"charset", b"utf-8").lower()
    encoding = "gb18030" if charset.startswith(b"gb") else "utf-8"
    return lambda name: fields.get(name.encode(), b"").decode(encoding, "replace")


def json_reader(values: Mapping[str, object]) -> Read:
    """Text access to an answer of the query interface, which calls the payment time otherwise than a notice does."""
    other = {"gmt_payment": "send_pay_date"}

    def read(name: str) -> str:
        value = values.get(other.get(name, name))
        return "" if value is None else str(value)

    return read


def required(read: Read, name: str) -> str:
    """The field's text. Raises `CallbackRejected` when it is absent or empty."""
    value = read(name)
    if not value:
        raise CallbackRejected(RejectCode.MISSING_FIELD, f"{name} is missing")
    return value


def parse_yuan(text: str) -> int:
    """ "26", "26.5" or "26.00" yuan in fen. Raises `CallbackRejected` for every other shape."""
    if not _AMOUNT.fullmatch(text):
        raise CallbackRejected(RejectCode.BAD_AMOUNT, "this is no amount in yuan")
    return money.parse_yuan(text)


def parse_time(text: str) -> datetime | None:
    """A Beijing time, milliseconds optional; None for "". Raises `CallbackRejected` for every other shape."""
    if not text:
        return None
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    except ValueError:
        pass  # a well-shaped 30 February
    raise CallbackRejected(RejectCode.BAD_TIME, "this is no time")


def format_time(moment: datetime) -> str:
    """An aware datetime as Alipay writes it: Beijing time without a zone."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def read_trade(read: Read, *, gateway: str) -> Report:
    """Turn the verified fields of a notice or of a query answer into a report. Raises `CallbackRejected`."""
    amount = parse_yuan(required(read, "total_amount"))
    refunded = parse_yuan(read("refund_fee") or "0")
    if not 0 <= refunded <= amount or not amount:
        raise CallbackRejected(RejectCode.BAD_AMOUNT, "no amount, or a refund greater than the amount")
    paid_at = parse_time(read("gmt_payment"))
    refunds = _refunds(read) if refunded else ()
    status = _status(read)
    if status is ReportStatus.CLOSED and (refunded or paid_at):
        # Alipay uses one word for "never paid" and "paid, then refunded in full"; a query answer names no refund.
        status, refunded = ReportStatus.SUCCEEDED, refunded or amount
    return Report(
        gateway=gateway,
        reference=_number(read, "out_trade_no"),
        trade_no=_number(read, "trade_no"),
        status=status,
        amount_cents=amount,
        paid_at=paid_at,
        refunds=refunds,
        total_refunded_cents=refunded,
        buyer=masked(read("buyer_logon_id")),
        occurred_at=_occurred_at(read, status, refunded) or paid_at,
        notify_id=read("notify_id")[:128],
    )


def masked(account: str) -> str:
    """A buyer's account for showing. Alipay masks it already; one that is not masked is masked here."""
    if not account or "*" in account:
        return account[:100]
    return f"{account[:3]}***{account[-2:] if len(account) > 7 else ''}"


def split_answer(text: str) -> tuple[str, dict[str, object], str]:
    """Cut a JSON answer into (the exact text that was signed, its values, the signature or "").

    The signature covers the characters as they stand, so the answer must not be parsed and dumped again.
    Raises ValueError or TypeError when it is not one object with a single answer in it.
    """
    members = _members(text)
    answers = [name for name in members if name.endswith("_response")]
    if len(answers) != 1:
        raise ValueError("there is not exactly one answer")
    signed, values = members[answers[0]]
    signature = members.get("sign", ("", ""))[1]
    if not isinstance(values, dict) or not isinstance(signature, str):
        raise TypeError("the answer has another shape")
    return signed, values, signature


def _members(text: str) -> dict[str, tuple[str, object]]:
    """The members of a JSON object as {name: (source text, value)}."""
    decoder = json.JSONDecoder()
    members: dict[str, tuple[str, object]] = {}
    position = _expect(text, 0, "{")
    while True:
        name, position = decoder.raw_decode(text, _blank(text, position))
        start = _blank(text, _expect(text, position, ":"))
        value, end = decoder.raw_decode(text, start)
        if not isinstance(name, str) or name in members:
            raise ValueError("a name occurs twice")
        members[name] = (text[start:end], value)
        position = _blank(text, end)
        if text[position : position + 1] != ",":
            break
        position += 1
    if _blank(text, _expect(text, position, "}")) != len(text):
        raise ValueError("something follows the answer")
    return members


def _blank(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n"):
        position += 1
    return position


def _expect(text: str, position: int, character: str) -> int:
    position = _blank(text, position)
    if text[position : position + 1] != character:
        raise ValueError(f"{character} expected")
    return position + 1


def _unquote(raw: bytes) -> bytes:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unquote_to_bytes(raw) if b"%" in raw else raw


def _status(read: Read) -> ReportStatus:
    try:
        return _STATUSES[required(read, "trade_status")]
    except KeyError:
        raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, "unknown trade_status") from None


def _number(read: Read, name: str) -> str:
    value = required(read, name)
    if not _NUMBER.fullmatch(value):
        raise CallbackRejected(RejectCode.BAD_REFERENCE, f"{name} has a shape that no number has")
    return value


def _refunds(read: Read) -> tuple[RefundReport, ...]:
    """The refund that a notice is about, if it is about one.

    `refund_fee` is the trade's *total* ("总退款金额" in the parameter list; the refund interface's field of that name
    is documented as 该笔交易累计已经退款成功的金额), so what this one request paid back is not told: None.
    `out_biz_no` is the number of the refund request (商户业务ID，退款通知中返回退款申请的流水号). Known from the
    parameter lists that several client libraries quote and from captured notices; not tried against production.
    """
    request_no = read("out_biz_no")[:64]
    if not request_no:
        return ()
    return (
        RefundReport(request_no=request_no, amount_cents=None, refunded_at=parse_time(read("gmt_refund"))),
    )


def _occurred_at(read: Read, status: ReportStatus, refunded: int) -> datetime | None:
    decisive = "gmt_close" if status is ReportStatus.CLOSED else "gmt_refund" if refunded else "gmt_payment"
    return parse_time(read(decisive) or read("notify_time"))
