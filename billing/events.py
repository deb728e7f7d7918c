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


@dataclass(frozen=True)
class MoneyReceived(Event):
    """Money that came without a payment (at the counter) is booked. Amount in fen."""

    name: ClassVar[str] = "billing.money_received"
    receipt_number: str
    account_id: int
    account_number: str
    amount_cents: int

    @property
    def key(self) -> str:
        return f"receipt:{self.receipt_number}"


@dataclass(frozen=True)
class ReceiptsImported(Event):
    """Money that another system took is booked on these accounts. Nobody is sent a receipt for it: he has one."""

    name: ClassVar[str] = "billing.receipts_imported"
    account_ids: list[int]  # rising, each once, up to 500

    @property
    def key(self) -> str:
        return f"receipts_from:{self.account_ids[0]}"


@dataclass(frozen=True)
class MoneyUnderReview(Event):
    """Money that somebody must look at is booked on this account: it is there, and settles no bill yet."""

    name: ClassVar[str] = "billing.money_under_review"
    receipt_number: str
    account_id: int

    @property
    def key(self) -> str:
        return f"receipt:{self.receipt_number}"


@dataclass(frozen=True)
class OrderBillPaid(Event):
    """Nothing is owed any more on a bill of kind ORDER. An import of receipts does not tell: see the room of orders."""

    name: ClassVar[str] = "billing.order_bill_paid"
    bill_number: str
    account_id: int

    @property
    def key(self) -> str:
        return f"bill:{self.bill_number}"


@dataclass(frozen=True)
class CounterMoneyReversed(Event):
    """Money that was taken at the counter went back over it. Amount in fen."""

    name: ClassVar[str] = "billing.counter_money_reversed"
    receipt_number: str
    account_id: int
    account_number: str
    amount_cents: int

    @property
    def key(self) -> str:
        return f"receipt:{self.receipt_number}"


@dataclass(frozen=True)
class ReceiptMoved(Event):
    """Staff moved a receipt to this account (`is_here`) or away from it: two events for one move. Amount in fen."""

    name: ClassVar[str] = "billing.receipt_moved"
    receipt_number: str
    transfer_id: int
    account_id: int
    account_number: str
    amount_cents: int
    is_here: bool

    @property
    def key(self) -> str:
        return f"receipt:{self.receipt_number}"


@dataclass(frozen=True)
class MoneyRefunded(Event):
    """Money of this receipt went back, asked for here or not. Over the counter: CounterMoneyReversed. In fen."""

    name: ClassVar[str] = "billing.money_refunded"
    receipt_number: str
    account_id: int
    amount_cents: int

    @property
    def key(self) -> str:
        return f"receipt:{self.receipt_number}"


@dataclass(frozen=True)
class RefundEnded(Event):
    """A refund request is over: state SUCCEEDED, FAILED, REJECTED or CANCELLED. Amounts in fen."""

    name: ClassVar[str] = "billing.refund_ended"
    number: str
    state: str
    account_id: int
    user_id: int | None  # the customer who asked for it
    amount_cents: int

    @property
    def key(self) -> str:
        return f"refund:{self.number}"


@dataclass(frozen=True)
class DisputeOpened(Event):
    """A bill is disputed: it does not count until there is an answer."""

    name: ClassVar[str] = "billing.dispute_opened"
    number: str
    bill_number: str
    account_id: int

    @property
    def key(self) -> str:
        return f"bill:{self.bill_number}"


@dataclass(frozen=True)
class DisputeClosed(Event):
    """A dispute is over: state UPHELD, REJECTED or WITHDRAWN. What is taken off the bill is told by BillAdjusted."""

    name: ClassVar[str] = "billing.dispute_closed"
    number: str
    bill_number: str
    account_id: int
    state: str

    @property
    def key(self) -> str:
        return f"bill:{self.bill_number}"


@dataclass(frozen=True)
class BillAdjusted(Event):
    """So much less is owed on a bill: it was wrong, was taken back, or is given up. Amounts in fen."""

    name: ClassVar[str] = "billing.bill_adjusted"
    adjustment_number: str
    bill_number: str
    account_id: int
    amount_cents: int
    open_cents: int  # what is left

    @property
    def key(self) -> str:
        return f"bill:{self.bill_number}"
