"""The statements with which many bills are written at once, from a staged table of them.

The table has bill_id, account_id, number (the bill's at its source), issued_on, due_on, period and total_cents. The
ids are drawn beforehand, so that lines can be staged with them; the accounts' locks are held.
"""

# Values: prefix of the bill numbers, source, at.
BILLS = """
    INSERT INTO billing_bill (id, number, account_id, kind, period, issued_on, due_on, total_cents, paid_cents,
                              source, source_number, created_at)
    SELECT bill_id, %(prefix)s || lpad(nextval('bill_number')::text, 10, '0'), account_id, 'PERIODIC', period,
           issued_on, due_on, total_cents, 0, %(source)s, number, %(at)s
      FROM {stage};"""
LEDGER = """
    INSERT INTO billing_ledgerentry (account_id, kind, amount_cents, bill_id, at)
    SELECT account_id, 'BILL', -total_cents, bill_id, %(at)s FROM {stage};
    INSERT INTO billing_accountbalance (account_id, balance_cents)
    SELECT account_id, -sum(total_cents) FROM {stage} GROUP BY account_id ORDER BY account_id
        ON CONFLICT (account_id)
        DO UPDATE SET balance_cents = billing_accountbalance.balance_cents + excluded.balance_cents;"""
