"""WeChat Pay v3's wire formats: the signed envelope, the sealed resource, fen, and RFC 3339 times. Pure functions.

A message is handled as bytes up to the end of its verification, because the signature stands over the bytes as sent.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.gateways import rsa2
from billing.gateways.base import (
    CallbackRejected,
    RefundReport,
    RefundStatus,
    RejectCode,
    Report,
    ReportStatus,
)
from billing.gateways.wechatpay_keys import PlatformKeys, normalised

CODE = "wechatpay"
ALGORITHM = "WECHATPAY2-SHA256-RSA2048"
MAXIMUM_BYTES = 65_536
FRESH_SECONDS = (
    300  # an honest message is younger than this by the receiver's clock, and no further in its future
)
_PROBE = "WECHATPAY/SIGNTEST/"
_SEAL_ALGORITHM = "AEAD_AES_256_GCM"
_SEAL_NONCE_BYTES = 12
_CURRENCY = "CNY"
_MAXIMUM_CENTS = 99_999_999_999
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[!-~]{1,128}")  # no line break: the signed text is cut into lines
_NUMBER = re.compile(r"[!-~]{1,64}")
_EVENT_ID = re.compile(r"[!-~]{1,128}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_STATES = {
    "SUCCESS": ReportStatus.SUCCEEDED,
    "REFUND": ReportStatus.SUCCEEDED,  # paid, and a refund was asked for
    "NOTPAY": ReportStatus.WAITING,
    "USERPAYING": ReportStatus.WAITING,
    "ACCEPT": ReportStatus.WAITING,
    # One try failed. WeChat does not promise that no other will succeed until the order is closed, so it is not CLOSED:
    # the customer may try again, and at its end the order is closed there first.
    "PAYERROR": ReportStatus.WAITING,
    "CLOSED": ReportStatus.CLOSED,
    "REVOKED": ReportStatus.CLOSED,
}
_REFUND_STATES = {
    "SUCCESS": RefundStatus.SUCCEEDED,
    "PROCESSING": RefundStatus.PENDING,
    "CLOSED": RefundStatus.FAILED,
    "ABNORMAL": RefundStatus.ABNORMAL,
}

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Signature:
    """What the headers say about the signature of a body."""

    timestamp: str
    nonce: str
    serial: str
    value: str


def authorization(*, mch_id: str, serial: str, timestamp: str, nonce: str, signature: str) -> str:
    """The Authorization header of a request."""
    return (
        f'{ALGORITHM} mchid="{mch_id}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial}"'
    )


def request_text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The bytes under the signature of a request; `target` is the path with its query."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def verify(headers: Mapping[str, str], body: bytes, keys: PlatformKeys, *, at: datetime) -> None:
    """The body was signed by WeChat, within `FRESH_SECONDS` of `at`. Raises `CallbackRejected`.

    Holds for notices and for answers to our requests alike.
    """
    signature = _signature(headers)
    if abs(int(signature.timestamp) - at.timestamp()) >= FRESH_SECONDS:
        raise CallbackRejected(RejectCode.STALE, "the signature was made too long ago, or is not due yet")
    if signature.value.startswith(_PROBE):
        raise CallbackRejected(RejectCode.SIGNATURE_PROBE, "a probe: WeChat expects it to be refused")
    key = keys.get(normalised(signature.serial))
    if key is None:
        raise CallbackRejected(RejectCode.UNKNOWN_KEY, "signed by a key that is not configured here")
    text = f"{signature.timestamp}\n{signature.nonce}\n".encode() + body + b"\n"
    if not rsa2.verify(key, text, signature.value.encode("ascii", "replace")):
        raise CallbackRejected(RejectCode.BAD_SIGNATURE, "the signature is not WeChat's")


def parse_object(raw: bytes) -> Values:
    """A JSON object. Raises `CallbackRejected`."""
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise CallbackRejected(RejectCode.UNREADABLE, "this is no JSON object")
    return values


def unseal(resource: Values, cipher: AESGCM) -> Values:
    """The object that an encrypted resource holds. Raises `CallbackRejected`."""
    if text(resource, "algorithm") != _SEAL_ALGORITHM:
        raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, "sealed by another algorithm")
    nonce = text(resource, "nonce").encode("utf-8", "replace")
    associated = text(resource, "associated_data").encode("utf-8", "replace")
    if len(nonce) != _SEAL_NONCE_BYTES:
        raise CallbackRejected(RejectCode.BAD_CIPHERTEXT, "the nonce of the seal has not 12 bytes")
    try:
        sealed = base64.b64decode(required(resource, "ciphertext"), validate=True)
        return parse_object(cipher.decrypt(nonce, sealed, associated))
    except (InvalidTag, binascii.Error, ValueError):
        raise CallbackRejected(RejectCode.BAD_CIPHERTEXT, "the seal does not open with our key") from None


def text(values: Values, name: str) -> str:
    """A text, "" when it is absent. Raises `CallbackRejected` for a value of another kind."""
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise CallbackRejected(RejectCode.UNREADABLE, f"{name} is no text")
    return value


def required(values: Values, name: str) -> str:
    """A text that must be there. Raises `CallbackRejected`."""
    value = text(values, name)
    if not value:
        raise CallbackRejected(RejectCode.MISSING_FIELD, f"{name} is missing")
    return value


def part(values: Values, name: str) -> Values:
    """An object inside the object, empty when it is absent. Raises `CallbackRejected` for another kind."""
    value = values.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CallbackRejected(RejectCode.UNREADABLE, f"{name} is no object")
    return value


def cents(amount: Values, name: str) -> int:
    """A sum above zero in whole fen. Raises `CallbackRejected` for everything else, 1.0 and true included."""
    value = amount.get(name)
    if type(value) is not int or not 0 < value <= _MAXIMUM_CENTS:
        raise CallbackRejected(RejectCode.BAD_AMOUNT, f"{name} is no amount in fen")
    return value


def parse_time(written: str) -> datetime | None:
    """An RFC 3339 time; None for "". Raises `CallbackRejected` for every other shape."""
    if not written:
        return None
    try:
        if _TIME.fullmatch(written):
            return datetime.fromisoformat(written)
    except ValueError:
        pass  # a well-shaped 30 February
    raise CallbackRejected(RejectCode.BAD_TIME, "this is no time")


def read_transaction(values: Values, *, notify_id: str = "") -> Report:
    """Turn a verified transaction (a notice's or an answer's) into a report. Raises `CallbackRejected`."""
    status = _STATES.get(required(values, "trade_state"))
    if status is None:
        raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, "unknown trade_state")
    paid = status is ReportStatus.SUCCEEDED
    paid_at = parse_time(text(values, "success_time"))
    return Report(
        gateway=CODE,
        reference=_number(values, "out_trade_no"),
        trade_no=_number(values, "transaction_id") if paid or "transaction_id" in values else "",
        status=status,
        amount_cents=_total(values, must=paid),
        paid_at=paid_at,
        refunds=(),
        total_refunded_cents=0,
        buyer=masked(text(part(values, "payer"), "openid")),
        occurred_at=paid_at,
        notify_id=notify_id,
    )


def read_refund_notice(values: Values, *, notify_id: str, created_at: datetime | None) -> Report:
    """Turn a verified notice of one refund into a report about its trade. Raises `CallbackRejected`.

    Who is refunded has paid: the report says SUCCEEDED. When he paid is not told (`paid_at` None).
    """
    refund = _refund(values)
    succeeded = refund.status is RefundStatus.SUCCEEDED
    return Report(
        gateway=CODE,
        reference=_number(values, "out_trade_no"),
        trade_no=_number(values, "transaction_id"),
        status=ReportStatus.SUCCEEDED,
        amount_cents=_total(values, must=True),
        paid_at=None,
        refunds=(refund,),
        total_refunded_cents=refund.amount_cents or 0 if succeeded else 0,
        buyer="",
        occurred_at=refund.refunded_at or created_at,
        notify_id=notify_id,
    )


def refund_status(values: Values, name: str) -> RefundStatus:
    """Raises `CallbackRejected` for a state that is not known here."""
    status = _REFUND_STATES.get(required(values, name))
    if status is None:
        raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, f"unknown {name}")
    return status


def event_id(values: Values) -> str:
    """What a notice is called on each of its sends; "" when that is not fit for keeping."""
    given = text(values, "id")
    return given if _EVENT_ID.fullmatch(given) else ""


def masked(openid: str) -> str:
    """A payer's openid for showing to staff: its ends."""
    if not openid:
        return ""
    return f"{openid[:4]}***{openid[-4:]}" if len(openid) > 12 and _NUMBER.fullmatch(openid) else "***"


def _signature(headers: Mapping[str, str]) -> Signature:
    """Reads the four headers, whatever the case of their names; each of them once."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in found and lower.startswith("wechatpay-"):
            raise CallbackRejected(RejectCode.DUPLICATE_FIELD, f"{lower} occurs twice")
        found[lower] = value
    if found.get("wechatpay-signature-type", ALGORITHM) != ALGORITHM:
        raise CallbackRejected(RejectCode.UNSUPPORTED_SIGN_TYPE, "signed by another algorithm")
    values = [found.get(f"wechatpay-{name}", "") for name in ("timestamp", "nonce", "serial", "signature")]
    if not all(values):
        raise CallbackRejected(RejectCode.MISSING_SIGNATURE, "a header of the signature is missing")
    signature = Signature(*values)
    if not _TIMESTAMP.fullmatch(signature.timestamp):
        raise CallbackRejected(RejectCode.BAD_TIME, "the time of the signature is no number of seconds")
    if not _NONCE.fullmatch(signature.nonce):
        raise CallbackRejected(RejectCode.UNREADABLE, "the nonce of the signature is none")
    return signature


def _total(values: Values, *, must: bool) -> int:
    """The order's full amount, coupons included; of an order without payment, WeChat may leave it out: 0."""
    amount = part(values, "amount")
    if text(amount, "currency") not in ("", _CURRENCY):
        raise CallbackRejected(RejectCode.WRONG_CURRENCY, "not in CNY")
    return cents(amount, "total") if must or "total" in amount else 0


def _refund(values: Values) -> RefundReport:
    amount = part(values, "amount")
    refunded = cents(amount, "refund")
    if refunded > cents(amount, "total"):
        raise CallbackRejected(RejectCode.BAD_AMOUNT, "a refund greater than the amount")
    return RefundReport(
        request_no=_number(values, "out_refund_no"),
        amount_cents=refunded,
        refunded_at=parse_time(text(values, "success_time")),
        status=refund_status(values, "refund_status"),
    )


def _number(values: Values, name: str) -> str:
    value = required(values, name)
    if not _NUMBER.fullmatch(value):
        raise CallbackRejected(RejectCode.BAD_REFERENCE, f"{name} has a shape that no number has")
    return value
