"""The identities of the books, as queries that return only what breaks them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Difference:
    """One broken identity: which rule, on what, what it should be and what it is (fen)."""

    rule: str
    subject: str
    expected_cents: int
    actual_cents: int


RULES: dict[str, str] = {
    "balance = Σ ledger entries": """
        SELECT a.number, coalesce(e.total, 0), coalesce(b.balance_cents, 0)
          FROM accounts_billingaccount a
          LEFT JOIN billing_accountbalance b ON b.account_id = a.id
          LEFT JOIN (SELECT account_id, sum(amount_cents) total FROM billing_ledgerentry GROUP BY account_id) e
                 ON e.account_id = a.id
         WHERE coalesce(e.total, 0) <> coalesce(b.balance_cents, 0)""",
    "balance = unallocated money − open bills": """
        SELECT a.number, coalesce(r.credit, 0) - coalesce(o.owed, 0), coalesce(b.balance_cents, 0)
          FROM accounts_billingaccount a
          LEFT JOIN billing_accountbalance b ON b.account_id = a.id
          LEFT JOIN (SELECT account_id, sum(amount_cents - allocated_cents - refunded_cents) credit
                       FROM billing_receipt GROUP BY account_id) r ON r.account_id = a.id
          LEFT JOIN (SELECT account_id, sum(open_cents) owed
                       FROM billing_bill GROUP BY account_id) o ON o.account_id = a.id
         WHERE coalesce(r.credit, 0) - coalesce(o.owed, 0) <> coalesce(b.balance_cents, 0)""",
    "bill total = Σ lines": """
        SELECT b.number, coalesce(l.total, 0), b.total_cents
          FROM billing_bill b
          LEFT JOIN (SELECT bill_id, sum(amount_cents) total FROM billing_billline GROUP BY bill_id) l
                 ON l.bill_id = b.id
         WHERE coalesce(l.total, 0) <> b.total_cents""",
    "bill paid = Σ allocations": """
        SELECT b.number, coalesce(x.total, 0), b.paid_cents
          FROM billing_bill b
          LEFT JOIN (SELECT bill_id, sum(amount_cents) total FROM billing_allocation GROUP BY bill_id) x
                 ON x.bill_id = b.id
         WHERE coalesce(x.total, 0) <> b.paid_cents""",
    "receipt allocated = Σ allocations": """
        SELECT r.number, coalesce(x.total, 0), r.allocated_cents
          FROM billing_receipt r
          LEFT JOIN (SELECT receipt_id, sum(amount_cents) total FROM billing_allocation GROUP BY receipt_id) x
                 ON x.receipt_id = r.id
         WHERE coalesce(x.total, 0) <> r.allocated_cents""",
    "receipt refunded = Σ refunds": """
        SELECT r.number, coalesce(x.total, 0), r.refunded_cents
          FROM billing_receipt r
          LEFT JOIN (SELECT receipt_id, sum(amount_cents) total FROM billing_refund GROUP BY receipt_id) x
                 ON x.receipt_id = r.id
         WHERE coalesce(x.total, 0) <> r.refunded_cents""",
    "receipt refunding = Σ requests under way": """
        SELECT r.number, coalesce(x.total, 0), r.refunding_cents
          FROM billing_receipt r
          LEFT JOIN (SELECT receipt_id, sum(amount_cents) total FROM billing_refundrequest
                      WHERE state IN ('REQUESTED', 'APPROVED', 'ACCEPTED', 'ABNORMAL') GROUP BY receipt_id) x
                 ON x.receipt_id = r.id
         WHERE coalesce(x.total, 0) <> r.refunding_cents""",
    "bill in the ledger": """
        SELECT b.number, -b.total_cents, coalesce(e.amount_cents, 0)
          FROM billing_bill b
          LEFT JOIN billing_ledgerentry e ON e.bill_id = b.id AND e.kind = 'BILL' AND e.account_id = b.account_id
         WHERE e.id IS NULL OR e.amount_cents <> -b.total_cents""",
    "receipt in the ledger": """
        SELECT r.number, r.amount_cents, coalesce(e.amount_cents, 0)
          FROM billing_receipt r
          LEFT JOIN billing_ledgerentry e ON e.receipt_id = r.id AND e.kind = 'RECEIPT'
         WHERE e.id IS NULL OR e.amount_cents <> r.amount_cents""",
    "receipt in the ledger of its account": """
        SELECT r.number, r.account_id, last.account_id
          FROM billing_receipt r
          LEFT JOIN billing_ledgerentry e ON e.receipt_id = r.id AND e.kind = 'RECEIPT'
          LEFT JOIN LATERAL (
               SELECT coalesce((SELECT t.to_account_id FROM billing_receipttransfer t WHERE t.receipt_id = r.id
                                 ORDER BY t.id DESC LIMIT 1), e.account_id) account_id) last ON true
         WHERE last.account_id <> r.account_id""",
    "transfer in the ledger, leaving and arriving": """
        SELECT r.number, t.amount_cents, coalesce(sum(e.amount_cents) FILTER (WHERE e.account_id = t.to_account_id), 0)
          FROM billing_receipttransfer t
          JOIN billing_receipt r ON r.id = t.receipt_id
          LEFT JOIN billing_ledgerentry e ON e.transfer_id = t.id
         GROUP BY t.id, r.id
        HAVING coalesce(sum(e.amount_cents), -1) <> 0 OR t.amount_cents <> r.amount_cents
            OR t.amount_cents <> coalesce(sum(e.amount_cents) FILTER (WHERE e.account_id = t.to_account_id), 0)
            OR t.amount_cents <> coalesce(-sum(e.amount_cents) FILTER (WHERE e.account_id = t.from_account_id), 0)""",
    "bill adjusted = Σ adjustments": """
        SELECT b.number, coalesce(x.total, 0), b.adjusted_cents
          FROM billing_bill b
          LEFT JOIN (SELECT bill_id, sum(amount_cents) total FROM billing_adjustment GROUP BY bill_id) x
                 ON x.bill_id = b.id
         WHERE coalesce(x.total, 0) <> b.adjusted_cents""",
    "adjustment in the ledger": """
        SELECT a.number, a.amount_cents, coalesce(e.amount_cents, 0)
          FROM billing_adjustment a
          JOIN billing_bill b ON b.id = a.bill_id
          LEFT JOIN billing_ledgerentry e
                 ON e.adjustment_id = a.id AND e.kind = 'ADJUSTMENT' AND e.account_id = b.account_id
         WHERE e.id IS NULL OR e.amount_cents <> a.amount_cents""",
    "penalty bill = computed − waived − billed before": """
        SELECT b.number, p.computed_cents - p.waived_cents - p.billed_before_cents, b.total_cents
          FROM billing_bill b LEFT JOIN billing_penalty p ON p.bill_id = b.id
         WHERE b.kind = 'PENALTY'
           AND (p.bill_id IS NULL OR b.total_cents <> p.computed_cents - p.waived_cents - p.billed_before_cents)""",
    "refund in the ledger": """
        SELECT f.request_no, -f.amount_cents, coalesce(e.amount_cents, 0)
          FROM billing_refund f
          JOIN billing_receipt r ON r.id = f.receipt_id
          LEFT JOIN billing_ledgerentry e
                 ON e.refund_id = f.id AND e.kind = 'REFUND' AND e.account_id = r.account_id
         WHERE e.id IS NULL OR e.amount_cents <> -f.amount_cents""",
    "money stays with its account": """
        SELECT r.number, r.account_id, b.account_id
          FROM billing_allocation x
          JOIN billing_receipt r ON r.id = x.receipt_id
          JOIN billing_bill b ON b.id = x.bill_id
         WHERE r.account_id <> b.account_id""",
    "payment that succeeded has its receipt": """
        SELECT p.reference, p.amount_cents, coalesce(r.amount_cents, 0)
          FROM billing_payment p
          LEFT JOIN billing_receipt r ON r.payment_id = p.id AND r.review_reason = ''
         WHERE p.state = 'SUCCEEDED' AND (r.id IS NULL OR r.amount_cents <> p.amount_cents)""",
}

_of_rooms_above: dict[str, str] = {}


def add_rule(name: str, sql: str) -> None:
    """What a room above this one has to prove about its money: rows of (subject, expected, actual) that break it."""
    _of_rooms_above[name] = sql


def differences() -> Iterator[Difference]:
    """Everything that breaks a rule, rule by rule. Reads one snapshot when called inside REPEATABLE READ."""
    for rule, sql in (RULES | _of_rooms_above).items():
        with connection.cursor() as cursor:
            cursor.execute(sql)
            for subject, expected, actual in cursor.fetchall():
                yield Difference(rule, subject, int(expected), int(actual))
