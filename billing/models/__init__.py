"""What is owed and what was paid. All money is in fen; ledgers only grow.

The identities that `manage.py check_ledgers` proves, for every account:
    balance = Σ ledger entries = Σ receipts + Σ adjustments ± Σ transfers − Σ refunds − Σ bills
            = credit (unallocated money) − owed (open bills)
"""

from billing.models.adjustments import Adjustment
from billing.models.bills import Bill, BillKind, BillLine
from billing.models.callbacks import CallbackState, GatewayCallback
from billing.models.counter import CashDeposit, CashDepositLine, CounterMethod, CounterMoney, CounterReversal
from billing.models.debits import (
    DEBIT_AGREEMENT_MACHINE,
    DebitAgreement,
    DebitAgreementHistory,
    DebitAgreementState,
    DebitNotice,
    DebitTry,
)
from billing.models.disputes import DISPUTE_MACHINE, Dispute, DisputeCause, DisputeHistory, DisputeState
from billing.models.email_subscriptions import (
    EMAIL_SUBSCRIPTION_MACHINE,
    BillMail,
    EmailSubscription,
    EmailSubscriptionHistory,
    EmailSubscriptionState,
)
from billing.models.ledger import AccountBalance, EntryKind, LedgerEntry
from billing.models.lookups import AccountLookup
from billing.models.pay_links import PAY_LINK_MACHINE, PayLink, PayLinkHistory, PayLinkState
from billing.models.payments import PAYMENT_MACHINE, Payment, PaymentHistory, PaymentPurpose, PaymentState
from billing.models.penalties import Penalty, PenaltyPolicy, PenaltyWaiver
from billing.models.preferences import BalancePreference
from billing.models.receipts import Allocation, Receipt, Refund, ReviewReason
from billing.models.refunds import (
    REFUND_MACHINE,
    RefundHistory,
    RefundReason,
    RefundRequest,
    RefundState,
    RefundWay,
)
from billing.models.statements import (
    DIFFERENCE_MACHINE,
    DifferenceHistory,
    DifferenceState,
    LineKind,
    Statement,
    StatementCoverage,
    StatementDifference,
    StatementLine,
    Verdict,
)
from billing.models.transfers import ReceiptTransfer
from billing.models.warnings import LargeBill, LargeBillSearch

__all__ = [
    "AccountBalance",
    "AccountLookup",
    "Adjustment",
    "Allocation",
    "BalancePreference",
    "Bill",
    "BillKind",
    "BillLine",
    "BillMail",
    "CallbackState",
    "CashDeposit",
    "CashDepositLine",
    "CounterMethod",
    "CounterMoney",
    "CounterReversal",
    "DEBIT_AGREEMENT_MACHINE",
    "DebitAgreement",
    "DebitAgreementHistory",
    "DebitAgreementState",
    "DebitNotice",
    "DebitTry",
    "DIFFERENCE_MACHINE",
    "DifferenceHistory",
    "DifferenceState",
    "Dispute",
    "DISPUTE_MACHINE",
    "DisputeCause",
    "DisputeHistory",
    "DisputeState",
    "EMAIL_SUBSCRIPTION_MACHINE",
    "EmailSubscription",
    "EmailSubscriptionHistory",
    "EmailSubscriptionState",
    "EntryKind",
    "GatewayCallback",
    "LargeBill",
    "LargeBillSearch",
    "LedgerEntry",
    "LineKind",
    "PAY_LINK_MACHINE",
    "PayLink",
    "PayLinkHistory",
    "PayLinkState",
    "Payment",
    "PAYMENT_MACHINE",
    "PaymentHistory",
    "PaymentPurpose",
    "PaymentState",
    "Penalty",
    "PenaltyPolicy",
    "PenaltyWaiver",
    "Receipt",
    "ReceiptTransfer",
    "Refund",
    "REFUND_MACHINE",
    "RefundHistory",
    "RefundReason",
    "RefundRequest",
    "RefundState",
    "RefundWay",
    "ReviewReason",
    "Statement",
    "StatementCoverage",
    "StatementDifference",
    "StatementLine",
    "Verdict",
]
