"""What billing tells the rooms above, and its own handlers."""

from dataclasses import dataclass
from typing import ClassVar

from core.outbox import Event


@dataclass(frozen=True)
class PaymentSucceeded(Event):
    """A payment's money is booked. Amounts in fen; `paid_at` ISO 8601."""

    name: ClassVar[str] = "billing.payment_succeeded"
    reference: str
    account_id: int
    account_number: str
    payer_id: int | None
    amount_cents: int
    receipt_number: str
    paid_at: str

    @property
    def key(self) -> str:
        return f"payment:{self.reference}"


@dataclass(frozen=True)
class PaymentEnded(Event):
    """A payment ended without money: state EXPIRED or FAILED."""

    name: ClassVar[str] = "billing.payment_ended"
    reference: str
    state: str

    @property
    def key(self) -> str:
        return f"payment:{self.reference}"
