"""Bank debit (银行代扣) as a bank's small JSON interface: one POST per question, both directions signed by one secret.

A request is `{merchant_id, nonce, at, …}` with X-Signature = HMAC-SHA256(secret, path LF body). An answer repeats the
nonce and is signed over `status LF body`, so that no other answer can stand in for it.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from billing.gateways import transport
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
from billing.gateways.debit.base import AgreementReport, AgreementRequest, AgreementStatus, DebitRefused
from core import clock

CODE = "bank_debit"
_OK, _NOT_FOUND = "OK", "NOT_FOUND"
_TEMPORARY = frozenset(("SYSTEM_BUSY",))
_STATUS = {
    "SUCCEEDED": ReportStatus.SUCCEEDED,
    "FAILED": ReportStatus.CLOSED,
    "CLOSED": ReportStatus.CLOSED,
}
_REFERENCE = re.compile(r"[0-9A-Za-z]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankConfig:
    """The contract with the bank. `gateway_url` has no slash at its end."""

    merchant_id: str
    secret: str
    gateway_url: str


class BankDebitGateway:
    """`billing.gateways.debit.base.DebitGateway`. Holds no state: one instance serves all threads."""

    def __init__(
        self,
        config: BankConfig,
        *,
        exchange: transport.Exchange = transport.exchange,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._config = config
        self._exchange = exchange
        self._now = now

    @property
    def code(self) -> str:
        return CODE

    def sign(self, request: AgreementRequest) -> str:
        values = {
            "reference": request.reference,
            "account_number": request.account_number,
            "max_cents": request.max_cents,
            "sign_by": request.sign_by.isoformat(),
            "return_url": request.return_url,
        }
        return _text(self._asked("agreements", values), "sign_url")

    def query_agreement(self, reference: str) -> AgreementReport:
        values = self._ask("agreements/query", {"reference": reference})
        if values["code"] == _NOT_FOUND:
            return AgreementReport(
                reference=reference, status=AgreementStatus.NOT_FOUND, agreement_no="", signed_at=None
            )
        _check(values, reference)
        try:
            status = AgreementStatus(_text(values, "status"))
        except ValueError as error:
            raise _bad_answer("status") from error
        return AgreementReport(
            reference=reference,
            status=status,
            agreement_no=_text(values, "agreement_no"),
            signed_at=_moment(values, "signed_at"),
        )

    def end_agreement(self, reference: str) -> None:
        self._asked("agreements/end", {"reference": reference})

    def debit(self, charge: Charge, agreement_no: str) -> Report:
        values = self._asked(
            "debits",
            {
                "reference": charge.reference,
                "agreement_no": agreement_no,
                "amount_cents": charge.amount_cents,
                "subject": charge.subject,
                "expires_at": charge.expires_at.isoformat(),
            },
        )
        report = self._report(values, charge.reference)
        if report.status != ReportStatus.SUCCEEDED:
            raise DebitRefused(_text(values, "refusal") or "REFUSED")
        return report

    def create(self, charge: Charge) -> Instruction:
        """Nobody is sent anywhere: raises GatewayError."""
        raise GatewayError("NO_CASHIER", "a debit has no cashier", permanent=True)

    def parse_callback(
        self, headers: Mapping[str, str], body: bytes, *, received_at: datetime | None = None
    ) -> Report:
        """The bank sends none: raises CallbackRejected."""
        raise CallbackRejected(RejectCode.UNSUPPORTED_KIND, "this gateway sends no messages")

    def callback_reply(self, accepted: bool) -> tuple[int, bytes, str]:
        return (204, b"", "text/plain") if accepted else (404, b"", "text/plain")

    def query(self, reference: str) -> Report:
        values = self._ask("debits/query", {"reference": reference})
        if values["code"] == _NOT_FOUND:
            return _not_found(reference)
        return self._report(values, reference)

    def close(self, reference: str) -> ReportStatus:
        return self._report(self._asked("debits/close", {"reference": reference}), reference).status

    def refund(self, trade: Trade, request_no: str, amount_cents: int, reason: str) -> RefundResult:
        """By our reference alone: a debit takes money once, so that there is no second trade of it."""
        values = {
            "reference": trade.reference,
            "request_no": request_no,
            "amount_cents": amount_cents,
            "reason": reason,
        }
        return _refund(self._asked("refunds", values), trade.reference, request_no)

    def query_refund(self, trade: Trade, request_no: str) -> RefundResult:
        values = self._ask("refunds/query", {"reference": trade.reference, "request_no": request_no})
        if values["code"] == _NOT_FOUND:
            return RefundResult(
                request_no=request_no,
                status=RefundStatus.NOT_FOUND,
                amount_cents=0,
                total_refunded_cents=None,
                refunded_at=None,
            )
        return _refund(values, trade.reference, request_no)

    def _report(self, values: Mapping[str, Any], reference: str) -> Report:
        _check(values, reference)
        status = _text(values, "status")
        if status == "PROCESSING":
            raise GatewayError("PROCESSING", "the bank still works on it", permanent=False)
        if status not in _STATUS:
            raise _bad_answer("status")
        return Report(
            gateway=CODE,
            reference=reference,
            trade_no=_text(values, "trade_no"),
            status=_STATUS[status],
            amount_cents=_cents(values, "amount_cents"),
            paid_at=_moment(values, "paid_at"),
            refunds=(),
            total_refunded_cents=_cents(values, "refunded_cents"),
            buyer=_text(values, "payer"),
            occurred_at=_moment(values, "paid_at"),
            notify_id="",
        )

    def _asked(self, what: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a question that must be answered with OK."""
        answer = self._ask(what, values)
        if answer["code"] == _OK:
            return answer
        raise GatewayError(_text(answer, "code"), _text(answer, "message"), permanent=True)

    def _ask(self, what: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """A verified answer whose code is no temporary one."""
        if not _REFERENCE.fullmatch(str(values["reference"])):
            raise GatewayError("BAD_REFERENCE", "the reference is not of the form", permanent=True)
        url = f"{self._config.gateway_url}/{what}"
        nonce = secrets.token_hex(16)
        given = {
            "merchant_id": self._config.merchant_id,
            "nonce": nonce,
            "at": int(self._now().timestamp()),
            **values,
        }
        body = json.dumps(given, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": self._signature(urlsplit(url).path, body),
        }
        answer = self._exchange("POST", url, headers, body)
        signature = answer.headers.get("x-signature", "")
        if not hmac.compare_digest(
            self._signature(str(answer.status), answer.body).encode(), signature.encode()
        ):
            raise GatewayError(
                "BAD_SIGNATURE", f"HTTP {answer.status} without its signature", permanent=False
            )
        return _read(answer.body, nonce)

    def _signature(self, first: str, body: bytes) -> str:
        return hmac.new(
            self._config.secret.encode(), f"{first}\n".encode() + body, hashlib.sha256
        ).hexdigest()


def _read(body: bytes, nonce: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad_answer("JSON") from error
    if (
        not isinstance(values, dict)
        or values.get("nonce") != nonce
        or not isinstance(values.get("code"), str)
    ):
        raise _bad_answer("nonce")
    if values["code"] in _TEMPORARY:
        raise GatewayError(values["code"], _text(values, "message"), permanent=False)
    if values["code"] not in (_OK, _NOT_FOUND):
        raise GatewayError(values["code"], _text(values, "message"), permanent=True)
    return values


def _refund(values: Mapping[str, Any], reference: str, request_no: str) -> RefundResult:
    _check(values, reference)
    if values.get("request_no") != request_no or values.get("status") != "SUCCEEDED":
        raise _bad_answer("refund")
    return RefundResult(
        request_no=request_no,
        status=RefundStatus.SUCCEEDED,
        amount_cents=_cents(values, "amount_cents"),
        total_refunded_cents=_cents(values, "refunded_cents"),
        refunded_at=_moment(values, "refunded_at"),
    )


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


def _check(values: Mapping[str, Any], reference: str) -> None:
    if values.get("reference") != reference:
        raise _bad_answer("reference")


def _text(values: Mapping[str, Any], name: str) -> str:
    found = values.get(name, "")
    if not isinstance(found, str):
        raise _bad_answer(name)
    return found


def _cents(values: Mapping[str, Any], name: str) -> int:
    found = values.get(name, 0)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise _bad_answer(name)
    return found


def _moment(values: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(values, name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad_answer(name) from error
    if found.tzinfo is None:
        raise _bad_answer(name)
    return found


def _bad_answer(what: str) -> GatewayError:
    """Whatever it was: the other side may have acted."""
    return GatewayError("BAD_ANSWER", f"{what} is not as it must be", permanent=False)
