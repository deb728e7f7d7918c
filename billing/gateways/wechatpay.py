"""WeChat Pay (微信支付) v3, native orders: the customer scans a QR code. Spoken directly, no SDK.

Knowledge of the protocol: the documentation as client libraries quote it, published samples, a signature vector of
Tencent's own, and a second implementation that the tests check this one against in both directions. Not tried against
production.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.gateways import rsa2, transport
from billing.gateways import wechatpay_wire as wire
from billing.gateways.base import (
    CallbackRejected,
    Charge,
    GatewayError,
    Instruction,
    RefundResult,
    RefundStatus,
    RejectCode,
    Report,
    ReportStatus,
    Trade,
)
from billing.gateways.wechatpay_keys import PlatformKeys
from core import clock
from core.clock import SHANGHAI

CODE = wire.CODE
Read = TypeVar("Read")
_REFERENCE = re.compile(r"[0-9A-Za-z_|*-]{6,32}")
_REFUNDS = "/v3/refund/domestic/refunds"
_PAID_EVENT = "TRANSACTION.SUCCESS"
_REFUND_EVENTS = frozenset(("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"))
_KEY_ID = "PUB_KEY_ID_"  # how the ids of public keys without a certificate begin
# Error codes are written with and without underscores, depending on the age of the interface.
_NOT_EXISTING = frozenset(("ORDERNOTEXIST", "RESOURCENOTEXISTS", "REFUNDNOTEXISTS", "REFUNDNOTEXIST"))
_NOT_CLOSABLE = frozenset(("ORDERPAID", "ORDERCLOSED", "TRADEERROR", "USERPAYING", "INVALIDREQUEST"))
_TEMPORARY = frozenset(
    ("FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEEDED", "RATELIMITEXCEED", "SYSTEMERROR")
    + ("BANKERROR", "USERPAYING", "BIZERRNEEDRETRY", "NOTENOUGH", "SIGNERROR")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatPayConfig:
    """The merchant's contract with WeChat Pay. `notify_url` is where notices of refunds go."""

    app_id: str
    mch_id: str
    mch_key: RSAPrivateKey
    mch_serial: str
    api_v3_key: bytes
    platform_keys: PlatformKeys
    gateway_url: str
    notify_url: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """A verified answer."""

    status: int
    values: wire.Values

    @property
    def code(self) -> str:
        """The error code without underscores; "" for a success."""
        return "" if self.status in (200, 204) else str(self.values.get("code", "")).replace("_", "")

    def require(self) -> None:
        if self.status not in (200, 204):
            raise self._error()

    def _error(self) -> GatewayError:
        temporary = self.status in (202, 401, 429) or self.status >= 500 or self.code in _TEMPORARY
        code = str(self.values.get("code") or f"HTTP_{self.status}")[:64]
        return GatewayError(code, str(self.values.get("message", ""))[:200], permanent=not temporary)


class WechatPayGateway:
    """`billing.gateways.base.Gateway` for WeChat Pay. Holds no state but its keys: one instance serves all threads."""

    def __init__(
        self,
        config: WechatPayConfig,
        *,
        exchange: transport.Exchange = transport.exchange,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._config = config
        self._cipher = AESGCM(config.api_v3_key)
        self._exchange = exchange
        self._now = now

    @property
    def code(self) -> str:
        return CODE

    def create(self, charge: Charge) -> Instruction:
        """An order, and the text of its QR code. The same charge again is the same order."""
        _check_charge(charge)
        content = {
            **self._merchant(),
            "description": _cut(charge.subject, 127) or charge.reference,
            "out_trade_no": charge.reference,
            "time_expire": charge.expires_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            "notify_url": charge.notify_url,
            "amount": {"total": charge.amount_cents, "currency": "CNY"},
        }
        answer = self._ask("POST", "/v3/pay/transactions/native", content)
        answer.require()
        return Instruction(kind="qr", url=_read(lambda: wire.required(answer.values, "code_url")))

    def parse_callback(
        self, headers: Mapping[str, str], body: bytes, *, received_at: datetime | None = None
    ) -> Report:
        """Verify a notice, open it and read it. Raises `CallbackRejected`, for all that is not about an order too."""
        if len(body) > wire.MAXIMUM_BYTES:
            raise CallbackRejected(RejectCode.UNREADABLE, "the message is too long")
        wire.verify(headers, body, self._config.platform_keys, at=received_at or self._now())
        event = wire.parse_object(body)
        kind, notify_id = wire.required(event, "event_type"), wire.event_id(event)
        if kind != _PAID_EVENT and kind not in _REFUND_EVENTS:
            raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, "this notice is not about an order")
        values = wire.unseal(wire.part(event, "resource"), self._cipher)
        if kind == _PAID_EVENT:
            self._check_addressee(values)
            return wire.read_transaction(values, notify_id=notify_id)
        self._check_merchant(values)
        created_at = wire.parse_time(wire.text(event, "create_time"))
        return wire.read_refund_notice(values, notify_id=notify_id, created_at=created_at)

    def callback_reply(self, accepted: bool) -> tuple[int, bytes, str]:
        """WeChat reads the status alone: 2xx is accepted whatever the body says."""
        if accepted:
            return 204, b"", "application/json"
        return 400, b'{"code":"FAIL","message":"refused"}', "application/json"

    def query(self, reference: str) -> Report:
        """The order by our number. What was refunded of it is not told there (total_refunded_cents 0)."""
        return self._query(_order(reference), Trade(reference, ""))

    def close(self, reference: str) -> ReportStatus:
        """Close the order; when WeChat finds it not closable, its state is asked for."""
        answer = self._ask("POST", f"{_order(reference)}/close", {"mchid": self._config.mch_id})
        if answer.code in _NOT_EXISTING:
            return ReportStatus.CLOSED
        if answer.code in _NOT_CLOSABLE:
            return self.query(reference).status
        answer.require()
        return ReportStatus.CLOSED

    def refund(self, trade: Trade, request_no: str, amount_cents: int, reason: str) -> RefundResult:
        """Ask for a refund; mostly PENDING at first. The trade is asked for before: WeChat wants its total told."""
        order = self._query(_transaction(trade), trade)
        if order.status is not ReportStatus.SUCCEEDED:
            raise GatewayError("NOT_PAID", "there is no payment to refund", permanent=True)
        content: dict[str, object] = {
            **_named(trade),
            "out_refund_no": request_no,
            "notify_url": self._config.notify_url,
            "amount": {"refund": amount_cents, "total": order.amount_cents, "currency": "CNY"},
        }
        if text := _cut(reason, 80):
            content["reason"] = text
        answer = self._ask("POST", _REFUNDS, content)
        answer.require()
        return _read(lambda: _refund_result(answer.values, trade, request_no))

    def query_refund(self, trade: Trade, request_no: str) -> RefundResult:
        """The refund by our number, which WeChat knows without the trade; a refund of another trade is an error."""
        answer = self._ask("GET", f"{_REFUNDS}/{quote(request_no, safe='')}")
        if answer.code in _NOT_EXISTING:
            return RefundResult(
                request_no=request_no,
                status=RefundStatus.NOT_FOUND,
                amount_cents=0,
                total_refunded_cents=None,
                refunded_at=None,
            )
        answer.require()
        return _read(lambda: _refund_result(answer.values, trade, request_no))

    def _query(self, path: str, trade: Trade) -> Report:
        query = urlencode({"mchid": self._config.mch_id})
        answer = self._ask("GET", f"{path}?{query}")
        if answer.code in _NOT_EXISTING:
            return _not_found(trade.reference)
        answer.require()
        return _read(lambda: self._own_order(answer.values, trade))

    def _merchant(self) -> dict[str, str]:
        return {"appid": self._config.app_id, "mchid": self._config.mch_id}

    def _check_addressee(self, values: wire.Values) -> None:
        self._check_merchant(values)
        if wire.required(values, "appid") != self._config.app_id:
            raise CallbackRejected(RejectCode.WRONG_APP, "the message is for another application")

    def _check_merchant(self, values: wire.Values) -> None:
        if wire.required(values, "mchid") != self._config.mch_id:
            raise CallbackRejected(RejectCode.WRONG_SELLER, "the message is for another merchant")

    def _own_order(self, values: wire.Values, trade: Trade) -> Report:
        self._check_addressee(values)
        report = wire.read_transaction(values)
        if report.reference != trade.reference or trade.trade_no not in ("", report.trade_no):
            raise GatewayError("BAD_ANSWER", "the answer is about another order", permanent=False)
        return report

    def _ask(self, method: str, target: str, content: Mapping[str, object] | None = None) -> _Answer:
        """Call one interface. The answer is WeChat's whatever it says; an unsigned one is an error.

        WeChat signs every answer, refusals included, to a request whose own signature it could verify.
        """
        body = b""
        if content is not None:
            body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        url = self._config.gateway_url.rstrip("/") + target
        answer = self._exchange(method, url, self._headers(method, url, body), body)
        try:
            wire.verify(answer.headers, answer.body, self._config.platform_keys, at=self._now())
        except CallbackRejected as error:
            said = f"HTTP {answer.status} {answer.body[:200].decode('utf-8', 'replace')}"
            raise GatewayError(
                "BAD_ANSWER_SIGNATURE", f"{method} {target}: {error}; it says {said}", permanent=False
            ) from error
        values = _read(lambda: wire.parse_object(answer.body)) if answer.body else {}
        return _Answer(answer.status, values)

    def _headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        timestamp, nonce = str(int(self._now().timestamp())), secrets.token_hex(16)
        signature = rsa2.sign(self._config.mch_key, wire.request_text(method, target, timestamp, nonce, body))
        headers = {
            "Authorization": wire.authorization(
                mch_id=self._config.mch_id,
                serial=self._config.mch_serial,
                timestamp=timestamp,
                nonce=nonce,
                signature=signature,
            ),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "business-hall",  # a request without one is refused
        }
        # Who holds a key without a certificate must say so, or WeChat signs with a certificate's.
        named = [serial for serial in self._config.platform_keys if serial.startswith(_KEY_ID)]
        return {**headers, "Wechatpay-Serial": named[0]} if named else headers


def _order(reference: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{quote(reference, safe='')}"


def _transaction(trade: Trade) -> str:
    if not trade.trade_no:
        return _order(trade.reference)
    return f"/v3/pay/transactions/id/{quote(trade.trade_no, safe='')}"


def _named(trade: Trade) -> dict[str, str]:
    """WeChat takes exactly one of the two numbers."""
    return {"transaction_id": trade.trade_no} if trade.trade_no else {"out_trade_no": trade.reference}


def _read(read: Callable[[], Read]) -> Read:
    """What cannot be read of an answer is a passing error: the gateway's word is only put off."""
    try:
        return read()
    except CallbackRejected as error:
        raise GatewayError("BAD_ANSWER", str(error), permanent=False) from error


def _check_charge(charge: Charge) -> None:
    if not _REFERENCE.fullmatch(charge.reference):
        raise GatewayError(
            "BAD_CHARGE", "WeChat takes 6 to 32 letters and digits as reference", permanent=True
        )
    if charge.amount_cents <= 0:
        raise GatewayError("BAD_CHARGE", "WeChat takes 0.01 yuan and more", permanent=True)


def _cut(text: str, most_bytes: int) -> str:
    """One line of printable characters of at most that many bytes."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split()).encode("utf-8", "ignore")[:most_bytes].decode("utf-8", "ignore")


def _not_found(reference: str) -> Report:
    return Report(
        gateway=CODE,
        reference=reference,
        trade_no="",
        status=ReportStatus.NOT_FOUND,
        amount_cents=0,
        paid_at=None,
        refunds=(),
        total_refunded_cents=0,
        buyer="",
        occurred_at=None,
        notify_id="",
    )


def _refund_result(values: wire.Values, trade: Trade, request_no: str) -> RefundResult:
    told = wire.text(values, "out_trade_no"), wire.text(values, "out_refund_no")
    if told != (trade.reference, request_no):
        raise GatewayError("BAD_ANSWER", "the answer is about another refund", permanent=False)
    if trade.trade_no and wire.text(values, "transaction_id") not in ("", trade.trade_no):
        raise GatewayError("OTHER_TRADE", "the refund was paid out of another trade", permanent=False)
    return RefundResult(
        request_no=request_no,
        status=wire.refund_status(values, "status"),
        amount_cents=wire.cents(wire.part(values, "amount"), "refund"),
        total_refunded_cents=None,
        refunded_at=wire.parse_time(wire.text(values, "success_time")),
    )
