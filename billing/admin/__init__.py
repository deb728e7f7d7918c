"""Staff pages of the receivables: everything is read-only, money moves through services alone."""

from billing.admin import (
    bills,
    callbacks,
    counter,
    debits,
    disputes,
    email_subscriptions,
    ledger,
    payments,
    penalties,
    receipts,
    refunds,
    statements,
)

__all__ = [
    "bills",
    "callbacks",
    "counter",
    "debits",
    "disputes",
    "email_subscriptions",
    "ledger",
    "payments",
    "penalties",
    "receipts",
    "refunds",
    "statements",
]
