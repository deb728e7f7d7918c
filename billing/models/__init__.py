"""What is owed and what was paid. All money is in fen; ledgers only grow.

The identities that `manage.py check_ledgers` proves, for every account:
    balance = Σ ledger entries = Σ receipts − Σ refunds − Σ bills = credit (unallocated money) − owed (open bills)
"""

from billing.models.bills import Bill, BillKind, BillLine
from billing.models.callbacks import CallbackState, GatewayCallback
from billing.models.ledger import AccountBalance, EntryKind, LedgerEntry
from billing.models.payments import PAYMENT_MACHINE, Payment, PaymentHistory, PaymentState
from billing.models.receipts import Allocation, Receipt, Refund, ReviewReason

__all__ = [
    "PAYMENT_MACHINE",
    "AccountBalance",
    "Allocation",
    "Bill",
    "BillKind",
    "BillLine",
    "CallbackState",
    "EntryKind",
    "GatewayCallback",
    "LedgerEntry",
    "Payment",
    "PaymentHistory",
    "PaymentState",
    "Receipt",
    "Refund",
    "ReviewReason",
]
