"""What every payment gateway speaks: charges go out, verified reports come back.

All amounts are whole fen, all datetimes are aware. A `Report` only ever exists after its signature, application and
seller have been checked, so whoever holds one may believe it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the customer shall pay. `reference` is ours and unique for ever: at most 32 of `[0-9A-Za-z]`."""

    reference: str
    amount_cents: int
    subject: str
    created_at: datetime
    expires_at: datetime  # the gateway itself refuses payment after this moment
    return_url: str
    notify_url: str


@dataclass(frozen=True, slots=True)
class Trade:
    """One payment of an order. An order that was paid twice has two, and only `trade_no` tells them apart."""

    reference: str
    trade_no: str  # the gateway's own number, as its report told it; "" when it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """How the customer gets to the cashier: send the browser to `url`, or show `url` as a QR code."""

    kind: Literal["redirect", "qr"]
    url: str


class ReportStatus(StrEnum):
    """Where a trade stands at the gateway."""

    WAITING = "WAITING"  # the trade exists and may still be paid
    SUCCEEDED = "SUCCEEDED"  # money was paid, even when all of it has been refunded since
    CLOSED = "CLOSED"  # closed without ever having been paid
    NOT_FOUND = (
        "NOT_FOUND"  # the gateway does not know the reference (the customer may not have arrived there yet)
    )


class RefundStatus(StrEnum):
    """Where one refund request stands at the gateway."""

    SUCCEEDED = "SUCCEEDED"
    PENDING = "PENDING"  # taken, not certain: ask again
    NOT_FOUND = "NOT_FOUND"  # no successful refund by that number; repeating it with the same number is safe
    FAILED = "FAILED"  # closed at the gateway: no money will move by this number
    ABNORMAL = (
        "ABNORMAL"  # the money cannot reach the payer (a closed bank card): a person must arrange it there
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReport:
    """One refund that a message names. `amount_cents` is None when the message tells only the trade's total."""

    request_no: str
    amount_cents: int | None
    refunded_at: datetime | None
    status: RefundStatus = RefundStatus.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verified statement of the gateway about one trade."""

    gateway: str
    reference: str
    trade_no: str  # the gateway's own number; "" when NOT_FOUND, and at some gateways until it is paid
    status: ReportStatus
    amount_cents: int  # the full amount of the trade; 0 when NOT_FOUND
    paid_at: datetime | None
    refunds: tuple[RefundReport, ...]
    total_refunded_cents: int  # all refunds of the trade so far, as far as this message tells: a lower bound
    buyer: str  # masked, for showing to staff; "" when not told
    occurred_at: datetime | None  # when the event happened, not when the message was sent
    notify_id: str  # the same on each redelivery of one notice; "" for a query


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundResult:
    """The answer to a refund request, or to the question about one."""

    request_no: str
    status: RefundStatus
    amount_cents: int
    total_refunded_cents: int | None  # cumulative for the trade, None when not told
    refunded_at: datetime | None


class RejectCode(StrEnum):
    """Why a message that claims to come from the gateway was not believed."""

    UNREADABLE = "UNREADABLE"
    DUPLICATE_FIELD = "DUPLICATE_FIELD"
    MISSING_FIELD = "MISSING_FIELD"
    MISSING_SIGNATURE = "MISSING_SIGNATURE"
    UNSUPPORTED_SIGN_TYPE = "UNSUPPORTED_SIGN_TYPE"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    AMBIGUOUS = "AMBIGUOUS"  # the signed text could be cut into fields in more than one way
    WRONG_APP = "WRONG_APP"
    WRONG_SELLER = "WRONG_SELLER"
    UNSUPPORTED_KIND = "UNSUPPORTED_KIND"
    BAD_REFERENCE = "BAD_REFERENCE"
    BAD_AMOUNT = "BAD_AMOUNT"
    BAD_TIME = "BAD_TIME"
    STALE = "STALE"  # signed too long before or after it arrived: perhaps sent again by somebody else
    UNKNOWN_KEY = "UNKNOWN_KEY"  # says that it is signed by a key that we do not hold
    SIGNATURE_PROBE = (
        "SIGNATURE_PROBE"  # a wrong signature that the gateway sends on purpose, to see it refused
    )
    BAD_CIPHERTEXT = "BAD_CIPHERTEXT"
    WRONG_CURRENCY = "WRONG_CURRENCY"


class CallbackRejected(Exception):
    """A message was not believed: nothing may be changed because of it. `code` is stable, `message` is for staff."""

    def __init__(self, code: RejectCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class GatewayError(Exception):
    """The gateway could not be asked, or refused.

    `permanent` False: the same call may work later, and *may have worked already*. True: repeating it is pointless.
    """

    def __init__(self, code: str, message: str, *, permanent: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.permanent = permanent


class Gateway(Protocol):
    """One payment provider. Every call that uses the network raises `GatewayError` when it fails."""

    @property
    def code(self) -> str:
        """Short stable name, stored with every payment and receipt."""

    def create(self, charge: Charge) -> Instruction:
        """Where to send the customer. Uses no network at gateways that take the charge from the browser."""

    def parse_callback(
        self, headers: Mapping[str, str], body: bytes, *, received_at: datetime | None = None
    ) -> Report:
        """Verify a notice as received and read it. Raises `CallbackRejected`.

        A notice that tells when it was signed must be fresh at `received_at`: now, unless a stored one is read again.
        """

    def callback_reply(self, accepted: bool) -> tuple[int, bytes, str]:
        """HTTP status, body and content type that tell the gateway to stop (True) or to send again (False)."""

    def query(self, reference: str) -> Report:
        """The state of one trade, straight from the gateway. An unknown reference is a report with NOT_FOUND."""

    def close(self, reference: str) -> ReportStatus:
        """Make sure that the trade cannot be paid any more.

        CLOSED: closed now, earlier, or unknown there. SUCCEEDED: too late, it has been paid. Safe to repeat.
        """

    def refund(self, trade: Trade, request_no: str, amount_cents: int, reason: str) -> RefundResult:
        """Give money of this very trade back; without its number, of a trade of the order that the gateway chooses.

        Safe to repeat with the same `request_no`, also after a time-out: it pays out once.
        """

    def query_refund(self, trade: Trade, request_no: str) -> RefundResult:
        """What became of one refund request of this trade."""
