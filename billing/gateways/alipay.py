"""Alipay (支付宝) page pay, spoken directly: RSA2 over the open gateway, no SDK.

Knowledge of the protocol: parameter lists as client libraries quote them, captured notices and answers, and a second
implementation that the tests check this one against in both directions. Not tried against production.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from billing.gateways import alipay_wire as wire
from billing.gateways import rsa2, transport
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
from core import clock, money

CODE = "alipay"
_REFERENCE = re.compile(r"[0-9A-Za-z_]{1,64}")
_MAXIMUM_CENTS = 10_000_000_000
_FORBIDDEN_IN_SUBJECT = str.maketrans({"/": "／", "=": "＝", "&": "＆"})
_NOT_EXISTING = "ACQ.TRADE_NOT_EXIST"
_NOT_CLOSABLE = frozenset(
    (
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REASON_ILLEGAL_STATUS",
        "ACQ.TRADE_HAS_CLOSE",
    )
)
_TEMPORARY_CODES = frozenset(("20000", "40005"))  # service down · called too often
_TEMPORARY_SUB_CODES = frozenset(("ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.REASON_TRADE_BEEN_FREEZEN"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayConfig:
    """The merchant's contract with Alipay. `alipay_key` is Alipay's public key, not the public half of `app_key`."""

    app_id: str
    seller_id: str
    app_key: RSAPrivateKey
    alipay_key: RSAPublicKey
    gateway_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnClaim:
    """What a browser brought back. Genuine, but no proof of payment: only good for choosing the page to show."""

    reference: str
    trade_no: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class _Answer:
    code: str
    sub_code: str
    message: str
    values: Mapping[str, object]

    @property
    def succeeded(self) -> bool:
        return self.code == "10000"

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value)

    def error(self) -> GatewayError:
        temporary = (
            self.code in _TEMPORARY_CODES
            or self.sub_code in _TEMPORARY_SUB_CODES
            or self.sub_code.endswith("SYSTEM_ERROR")
            or self.sub_code.startswith(("isp.", "aop."))
        )
        return GatewayError(self.sub_code or self.code, self.message, permanent=not temporary)


class AlipayGateway:
    """`billing.gateways.base.Gateway` for Alipay. Holds no state but its keys: one instance serves all threads."""

    def __init__(
        self,
        config: AlipayConfig,
        *,
        post: transport.Post = transport.post,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._config = config
        self._post = post
        self._now = now

    @property
    def code(self) -> str:
        return CODE

    def create(self, charge: Charge) -> Instruction:
        """A signed cashier address. Alipay learns of the trade only when the customer opens it.

        `return_url` should have no query of its own: Alipay adds its parameters there.
        """
        _check_charge(charge)
        content = {
            "out_trade_no": charge.reference,
            "product_code": "FAST_INSTANT_TRADE_PAY",
            "total_amount": money.yuan(charge.amount_cents),
            "subject": clean_subject(charge.subject) or charge.reference,
            "time_expire": wire.format_time(charge.expires_at),
        }
        params = self._signed(
            "alipay.trade.page.pay", content, return_url=charge.return_url, notify_url=charge.notify_url
        )
        return Instruction(kind="redirect", url=f"{self._config.gateway_url}?{urlencode(params)}")

    def parse_callback(
        self, headers: Mapping[str, str], body: bytes, *, received_at: datetime | None = None
    ) -> Report:
        """Verify a notice and read it; neither headers nor the time of receipt decide anything at Alipay."""
        fields = self.verified_fields(body)
        read = wire.reader(fields)
        self._check_addressee(read)
        if read("notify_type") not in ("", "trade_status_sync"):
            raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, "this notice is not about a trade")
        return wire.read_trade(read, gateway=CODE)

    def parse_return(self, query: str) -> ReturnClaim:
        """Verify the query string that the browser came back with. Raises `CallbackRejected`."""
        read = wire.reader(self.verified_fields(query.encode("ascii", "replace")))
        self._check_addressee(read)
        return ReturnClaim(
            reference=wire.required(read, "out_trade_no"),
            trade_no=wire.required(read, "trade_no"),
            amount_cents=wire.parse_yuan(wire.required(read, "total_amount")),
        )

    def callback_reply(self, accepted: bool) -> tuple[int, bytes, str]:
        """Alipay reads nothing but the body, and stops only for exactly `success`."""
        return 200, b"success" if accepted else b"failure", "text/plain; charset=utf-8"

    def query(self, reference: str) -> Report:
        """alipay.trade.query. A partly refunded trade looks there like an untouched one (total_refunded_cents 0)."""
        answer = self._ask("alipay.trade.query", {"out_trade_no": reference})
        if answer.sub_code == _NOT_EXISTING:
            return _not_found(reference)
        self._require(answer, reference)
        try:
            return wire.read_trade(wire.json_reader(answer.values), gateway=CODE)
        except CallbackRejected as error:
            raise GatewayError("BAD_ANSWER", str(error), permanent=False) from error

    def close(self, reference: str) -> ReportStatus:
        """alipay.trade.close; when Alipay finds the trade not closable, its state is asked for."""
        answer = self._ask("alipay.trade.close", {"out_trade_no": reference})
        if answer.sub_code == _NOT_EXISTING:
            return ReportStatus.CLOSED
        if answer.sub_code in _NOT_CLOSABLE:
            return self.query(reference).status
        self._require(answer, reference)
        return ReportStatus.CLOSED

    def refund(self, trade: Trade, request_no: str, amount_cents: int, reason: str) -> RefundResult:
        """alipay.trade.refund; when no money moved (`fund_change` other than Y), the refund's state is asked for."""
        content = {
            **_named(trade),
            "refund_amount": money.yuan(amount_cents),
            "out_request_no": request_no,
            "refund_reason": reason[:256],
        }
        answer = self._ask("alipay.trade.refund", content)
        self._require(answer, trade.reference, trade.trade_no)
        if answer.text("fund_change") != "Y":
            return self._settled(trade, request_no, amount_cents)
        return RefundResult(
            request_no=request_no,
            status=RefundStatus.SUCCEEDED,
            amount_cents=amount_cents,
            total_refunded_cents=_answered_yuan(answer, "refund_fee"),
            refunded_at=_answered_time(answer),
        )

    def query_refund(self, trade: Trade, request_no: str) -> RefundResult:
        """alipay.trade.fastpay.refund.query. Its code 10000 alone proves nothing: the amount must be there."""
        content = {
            **_named(trade),
            "out_request_no": request_no,
            "query_options": ["gmt_refund_pay"],
        }
        answer = self._ask("alipay.trade.fastpay.refund.query", content)
        if answer.sub_code != _NOT_EXISTING:
            self._require(answer, trade.reference, trade.trade_no)
        amount = _answered_yuan(answer, "refund_amount")
        refused = answer.text("refund_status") not in ("", "REFUND_SUCCESS")
        return RefundResult(
            request_no=request_no,
            status=RefundStatus.NOT_FOUND if amount is None or refused else RefundStatus.SUCCEEDED,
            amount_cents=amount or 0,
            total_refunded_cents=None,
            refunded_at=_answered_time(answer),
        )

    def verified_fields(self, body: bytes) -> wire.Fields:
        """The fields of a form whose signature is Alipay's.

        Whom it is for is not checked. Raises `CallbackRejected`.
        """
        fields = wire.parse_form(body)
        signature = fields.get(b"sign")
        if not signature:
            raise CallbackRejected(RejectCode.MISSING_SIGNATURE, "sign is missing")
        if fields.get(b"sign_type") != b"RSA2":
            raise CallbackRejected(RejectCode.UNSUPPORTED_SIGN_TYPE, "sign_type is not RSA2")
        if not rsa2.verify(self._config.alipay_key, wire.signed_content(fields), signature):
            raise CallbackRejected(RejectCode.BAD_SIGNATURE, "the signature is not Alipay's")
        return fields

    def _check_addressee(self, read: wire.Read) -> None:
        if wire.required(read, "app_id") != self._config.app_id:
            raise CallbackRejected(RejectCode.WRONG_APP, "the notice is for another application")
        if wire.required(read, "seller_id") != self._config.seller_id:
            raise CallbackRejected(RejectCode.WRONG_SELLER, "the notice is for another seller")

    def _settled(self, trade: Trade, request_no: str, amount_cents: int) -> RefundResult:
        result = self.query_refund(trade, request_no)
        if result.status is RefundStatus.SUCCEEDED:
            return result
        return RefundResult(
            request_no=request_no,
            status=RefundStatus.PENDING,
            amount_cents=amount_cents,
            total_refunded_cents=None,
            refunded_at=None,
        )

    def _signed(self, method: str, content: Mapping[str, object], **more: str) -> dict[str, str]:
        params = {
            "app_id": self._config.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": wire.format_time(self._now()),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            **{name: value for name, value in more.items() if value},
        }
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return {**params, "sign": rsa2.sign(self._config.app_key, text.encode())}

    def _ask(self, method: str, content: Mapping[str, object]) -> _Answer:
        """Call one interface. The answer is genuine whatever it says; an unsigned one is an error."""
        params = self._signed(method, content)
        form = urlencode({"biz_content": params.pop("biz_content")}).encode()
        # Alipay reads the charset from the query before it can read the form, as its own client libraries send it.
        raw = self._post(f"{self._config.gateway_url}?{urlencode(params)}", form)
        try:
            signed, values, signature = wire.split_answer(raw.decode("utf-8"))
        except (ValueError, TypeError, RecursionError) as error:
            raise GatewayError("BAD_ANSWER", f"unreadable answer to {method}", permanent=False) from error
        if not rsa2.verify(self._config.alipay_key, signed.encode(), signature.encode()):
            said = f"{values.get('code')} {values.get('sub_code', '')}"
            raise GatewayError(
                "BAD_ANSWER_SIGNATURE", f"{method}: not signed by Alipay; it says {said}", permanent=False
            )
        return _Answer(
            code=str(values.get("code")),
            sub_code=str(values.get("sub_code") or ""),
            message=str(values.get("sub_msg") or values.get("msg") or ""),
            values=values,
        )

    def _require(self, answer: _Answer, reference: str, trade_no: str = "") -> None:
        if not answer.succeeded:
            raise answer.error()
        told = answer.text("trade_no")
        if answer.text("out_trade_no") not in ("", reference) or (told and trade_no and told != trade_no):
            raise GatewayError("BAD_ANSWER", "the answer is about another trade", permanent=False)


def _named(trade: Trade) -> dict[str, str]:
    """Where both numbers are sent, Alipay goes by its own: of an order paid twice the right trade is found."""
    own = {"trade_no": trade.trade_no} if trade.trade_no else {}
    return {"out_trade_no": trade.reference, **own}


def clean_subject(text: str) -> str:
    """A subject that Alipay takes: no `/`, `=`, `&`, no control characters, at most 256 characters."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.translate(_FORBIDDEN_IN_SUBJECT).split())[:256]


def _check_charge(charge: Charge) -> None:
    if not _REFERENCE.fullmatch(charge.reference):
        raise GatewayError(
            "BAD_CHARGE", "Alipay takes 1 to 64 letters, digits and _ as reference", permanent=True
        )
    if not 0 < charge.amount_cents <= _MAXIMUM_CENTS:
        raise GatewayError("BAD_CHARGE", "Alipay takes 0.01 to 100,000,000 yuan", permanent=True)


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


def _answered_yuan(answer: _Answer, name: str) -> int | None:
    text = answer.text(name)
    try:
        return wire.parse_yuan(text) if text else None
    except CallbackRejected as error:
        raise GatewayError("BAD_ANSWER", str(error), permanent=False) from error


def _answered_time(answer: _Answer) -> datetime | None:
    try:
        return wire.parse_time(answer.text("gmt_refund_pay"))
    except CallbackRejected:
        return None  # a nicety: a refund is not doubted because its time is unreadable
