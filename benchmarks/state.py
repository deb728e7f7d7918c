"""What a benchmark starts from: accounts with an open bill each, and payments on their way for those bills."""

import itertools
import os

from django.db import connection

BILL_CENTS = 2_600

_batches = itertools.count(1)

_BILLS = """
    WITH customer AS (
        INSERT INTO accounts_customer (number, kind, name, created_at)
        SELECT 'C' || %(batch)s || '-' || n, 'PERSONAL', '客户', now() FROM generate_series(1, %(count)s) n
        RETURNING id, number),
    account AS (
        INSERT INTO accounts_billingaccount (number, customer_id, address, created_at)
        SELECT 'A' || number, id, '', now() FROM customer RETURNING id, number),
    bill AS (
        INSERT INTO billing_bill (number, account_id, kind, period, issued_on, due_on, total_cents, paid_cents,
                                  source, source_number, created_at)
        SELECT 'B' || number, id, 'PERIODIC', '2026-11', current_date - 10, current_date + 20, %(cents)s, 0, 'bench',
               number, now()
          FROM account RETURNING id, account_id, number),
    line AS (
        INSERT INTO billing_billline (bill_id, position, code, text, amount_cents, source_kind, source_id)
        SELECT id, 1, 'BASIC', '基本收视维护费', %(cents)s, '', '' FROM bill),
    entry AS (
        INSERT INTO billing_ledgerentry (account_id, kind, amount_cents, bill_id, at)
        SELECT account_id, 'BILL', -%(cents)s, id, now() FROM bill),
    balance AS (
        INSERT INTO billing_accountbalance (account_id, balance_cents) SELECT account_id, -%(cents)s FROM bill)
    SELECT account_id, id FROM bill"""

_PAYMENTS = """
    INSERT INTO billing_payment (reference, account_id, bill_id, gateway, amount_cents, state, created_at,
                                 expires_at, next_query_at, queries)
    SELECT 'HB' || %(batch)s || 'X' || lpad(nextval('payment_reference')::text, 10, '0'), account_id, id, %(gateway)s,
           total_cents, 'CREATED', now(), now() + interval '1 day', now() + interval '1 day', 0
      FROM billing_bill WHERE id = ANY(%(bills)s) RETURNING reference"""

_SLIPS = """
    WITH slip AS (
        INSERT INTO operations_slip (number, operation, operation_version, state, channel, data, quote, quote_digest,
                                     price_cents, confirmation, idempotency_key, input_hash, subject_kind,
                                     subject_id, result, refusal_code, refusal_text, started_at)
        SELECT 'S' || r, 'bill.pay', 1, 'DRAFT', 'WEB', '{}', '{}', '', %(cents)s, '{}', r, '', 'payment', r, '{}', '',
               '', now()
          FROM unnest(%(references)s::text[]) r RETURNING id)
    SELECT count(*) FROM slip"""


def open_bills(count: int) -> list[tuple[int, int]]:
    """(account id, bill id) of `count` new accounts, each with one open bill."""
    with connection.cursor() as cursor:
        cursor.execute(_BILLS, {"batch": _batch(), "count": count, "cents": BILL_CENTS})
        found = [(int(account), int(bill)) for account, bill in cursor.fetchall()]
        cursor.execute("ANALYZE")
    return found


def payments(count: int, *, gateway: str = "alipay") -> list[str]:
    """The references of `count` payments, each PENDING for an account's one open bill, its slip waiting for the end."""
    bills = [bill for _account, bill in open_bills(count)]
    with connection.cursor() as cursor:
        cursor.execute(_PAYMENTS, {"batch": _batch(), "gateway": gateway, "bills": bills})
        references = [str(reference) for (reference,) in cursor.fetchall()]
        cursor.execute("UPDATE billing_payment SET state = 'PENDING' WHERE state = 'CREATED'")
        cursor.execute(_SLIPS, {"references": references, "cents": BILL_CENTS})
        for step in ("QUOTED", "CONFIRMED", "IN_PROGRESS"):
            cursor.execute(
                "UPDATE operations_slip SET state = %s WHERE subject_id = ANY(%s)", [step, references]
            )
        cursor.execute("ANALYZE")
    return references


def settle() -> None:
    """What one part left behind (dirty pages, dead rows) is not the next one's to carry."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def forget_old_work() -> None:
    """Nothing is left for workers to do."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_gatewaycallback SET state = 'APPLIED' WHERE state = 'NEW'")
        cursor.execute("UPDATE core_outboxrow SET state = 'DONE' WHERE state = 'PENDING'")


def _batch() -> str:
    return f"{os.getpid()}{next(_batches)}"
