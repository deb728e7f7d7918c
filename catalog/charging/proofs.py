"""What the nightly check of the books proves about the bills of the runs (`check_ledgers`)."""

from billing.selectors import ledger_check

# Each revision beside the one before it; the difference is what its bill has of it.
_STEPS = """
    SELECT m.bill_id, m.account_id, m.period, m.revision,
           m.total_cents - coalesce(lag(m.total_cents) OVER (PARTITION BY m.account_id, m.period
                                                             ORDER BY m.revision), 0) AS cents
      FROM catalog_chargedmonth m"""
_BILLS = f"""
    SELECT b.number, coalesce(s.cents, 0) - coalesce(t.cents, 0) + coalesce(f.amount_cents, 0), b.total_cents
      FROM billing_bill b
      LEFT JOIN (SELECT bill_id, sum(cents) AS cents FROM ({_STEPS}) AS step GROUP BY bill_id) s ON s.bill_id = b.id
      LEFT JOIN (SELECT account_id, taken_in, sum(amount_cents) AS cents FROM catalog_carriedforward
                  WHERE taken_in <> '' GROUP BY account_id, taken_in) t
             ON t.account_id = b.account_id AND t.taken_in = b.period
      LEFT JOIN catalog_carriedforward f ON f.account_id = b.account_id AND f.from_period = b.period
     WHERE b.source = 'hall:run'
       AND coalesce(s.cents, 0) - coalesce(t.cents, 0) + coalesce(f.amount_cents, 0) <> b.total_cents"""
_UNBILLED = f"""
    SELECT a.number || ' ' || step.period, 0, step.cents
      FROM ({_STEPS}) AS step JOIN accounts_billingaccount a ON a.id = step.account_id
     WHERE step.bill_id IS NULL AND step.cents <> 0"""
_LINES = """
    SELECT a.number || ' ' || m.period, x.cents, m.total_cents
      FROM catalog_chargedmonth m JOIN accounts_billingaccount a ON a.id = m.account_id
     CROSS JOIN LATERAL (SELECT coalesce(sum((line->>'amount_cents')::bigint), 0)::bigint AS cents
                           FROM jsonb_array_elements(m.lines) AS line) x
     WHERE x.cents <> m.total_cents"""


def register() -> None:
    ledger_check.add_rule("bill of a run = what was charged, put right and carried", _BILLS)
    ledger_check.add_rule("charged month without a bill costs nothing", _UNBILLED)
    ledger_check.add_rule("charged month = Σ its lines", _LINES)
