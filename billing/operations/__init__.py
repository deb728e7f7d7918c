"""The business operations that billing offers, one module each; importing this room registers them."""

from billing.operations import (
    balance_auto_debit,
    balance_auto_use,
    balance_refund,
    balance_topup,
    bill_dispute,
    bill_email_subscribe,
    bill_pay,
    bill_pay_other,
    counter_receive,
)

__all__ = [
    "balance_auto_debit",
    "balance_auto_use",
    "balance_refund",
    "balance_topup",
    "bill_dispute",
    "bill_email_subscribe",
    "bill_pay",
    "bill_pay_other",
    "counter_receive",
]
