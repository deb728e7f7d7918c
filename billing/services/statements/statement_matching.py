"""A statement's lines against the books, set-wise: what is not simply MATCHED becomes a difference. Moves no money.

Money is the same when channel and trade number are; its day is that of the channel's finish time, which receipts and
refunds keep. Carried differences end by themselves when a later file or a later booking explains them.
"""

from datetime import datetime, time, timedelta
from typing import Any

from billing.models import Statement
from core import clock
from core.actor import Actor
from core.imports import staging

DAY_CUT = timedelta(minutes=30)  # so near to midnight the channel may count money to the neighbour day
_WHOLE_TABLES_FROM = (
    0.05  # a file that names so large a part of all receipts is joined by reading all of them
)
Counts = dict[str, dict[str, list[int]]]  # kind → verdict → [number, fen]


def match(statement: Statement) -> Counts:
    """Compares the statement's lines, which are stored, with the books; `write` keeps what this finds.

    Called in the transaction that stores the statement, before its row is there. LATE and all differences go into a
    temporary table; the rest is MATCHED.
    """
    values = _values(statement)
    staging.execute(_STAGE, {})
    _plan(statement)
    for sql in (
        _PAYMENTS,
        _ORDERS,
        _REPEATED_UNBOOKED,
        _REPEATED_BOOKED,
        _REFUNDS,
        _REPEATED_REFUNDS,
        _BY_TOTAL,
    ):
        staging.execute(sql, values)
    staging.execute(
        "SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on; SET LOCAL enable_nestloop = on", {}
    )
    if statement.coverage != "REFUNDS":
        staging.execute(_LOCAL_PAYMENTS, values)
    if statement.coverage != "PAYMENTS":
        staging.execute(_LOCAL_REFUNDS, values)
    return _counts(statement)


def write(statement: Statement, *, as_of: datetime, actor: Actor) -> None:
    """What `match` found becomes differences of the statement, whose row is there by now."""
    values = {"id": statement.pk, "gateway": statement.gateway}
    staging.execute(_WRITE, {**values, "at": as_of, "actor": actor.ref})
    _end(_LATE, values, as_of=as_of, actor=actor, reason="the same money, on another day of ours")


def supersede(statement: Statement, *, as_of: datetime, actor: Actor) -> None:
    """Differences of older versions of this file end: the newer one speaks for its day."""
    _end(_OF_OLDER_VERSIONS, _values(statement), as_of=as_of, actor=actor, reason="newer version")


def carry(statement: Statement, *, as_of: datetime, actor: Actor) -> None:
    """Carried differences that this statement's lines, or bookings since, explain are CLEARED; held ones whose
    neighbour day this is, and which it does not name, are OPEN."""
    values = _values(statement)
    if not staging.query(_ANY_UNSETTLED, values):
        return
    _end(_NAMED_NOW, values, as_of=as_of, actor=actor, reason=f"statement of {statement.day}")
    clear_booked(statement.gateway, as_of=as_of, actor=actor)
    staging.execute(
        _OPEN_HELD, {**values, "at": as_of, "actor": actor.ref, "reason": f"not in {statement.day}"}
    )


def clear_booked(gateway: str, *, as_of: datetime, actor: Actor) -> None:
    """Differences whose money has been booked, reviewed or given back since they were found are CLEARED."""
    for sql in (_PAYMENT_BOOKED, _REFUND_BOOKED):
        _end(sql, {"gateway": gateway}, as_of=as_of, actor=actor, reason="booked")


def _values(statement: Statement) -> dict[str, Any]:
    first = datetime.combine(statement.day, time.min, tzinfo=clock.SHANGHAI)
    return {
        "id": statement.pk,
        "gateway": statement.gateway,
        "merchant": statement.merchant,
        "coverage": statement.coverage,
        "day": statement.day,
        "from": first,
        "to": first + timedelta(days=1),
        "cut": DAY_CUT,
    }


def _plan(statement: Statement) -> None:
    """New lines have no statistics, so the way to the receipts is said here.

    A file that names many of all receipts reads the whole table once; any other looks its own up by index.
    """
    ((receipts,),) = staging.query(
        "SELECT reltuples FROM pg_class WHERE oid = 'billing_receipt'::regclass", {}
    )
    if statement.payments + statement.refunds >= _WHOLE_TABLES_FROM * receipts:
        staging.execute(
            "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '96MB'; SET LOCAL jit = off", {}
        )
    else:
        staging.execute(
            "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;"
            " SET LOCAL jit = off",
            {},
        )


def _counts(statement: Statement) -> Counts:
    counts: Counts = {
        "PAYMENT": {"MATCHED": [statement.payments, statement.payment_cents]},
        "REFUND": {"MATCHED": [statement.refunds, statement.refund_cents]},
    }
    for kind, verdict, is_line, number, cents in staging.query(_COUNT, {}):
        counts[kind][verdict] = [number, int(cents)]
        if is_line:
            matched = counts[kind]["MATCHED"]
            counts[kind]["MATCHED"] = [matched[0] - number, matched[1] - int(cents)]
    return counts


def _end(due: str, values: dict[str, Any], *, as_of: datetime, actor: Actor, reason: str) -> None:
    sql = _CLEAR.replace("DUE", due)
    staging.execute(sql, {**values, "at": as_of, "actor": actor.ref, "reason": reason})


_STAGE = """
    DROP TABLE IF EXISTS pg_temp.statement_found;
    CREATE TEMPORARY TABLE statement_found (
        line_id bigint, kind text, verdict text, trade_no text, reference text, request_no text DEFAULT '',
        channel_cents bigint, hall_cents bigint, detail text DEFAULT '', at timestamptz, payment_id bigint,
        receipt_id bigint, refund_id bigint, is_held boolean DEFAULT false) ON COMMIT DROP"""

_COUNT = """
    SELECT kind, verdict, line_id IS NOT NULL, count(*), sum(coalesce(channel_cents, hall_cents))
      FROM statement_found GROUP BY 1, 2, 3"""

# What somebody must still decide about a receipt that was paid twice, or with another amount than its order's.
_UNDER_REVIEW = "r.reviewed_at IS NULL AND r.refunded_cents < r.amount_cents"

_PAYMENTS = f"""
    INSERT INTO statement_found (line_id, kind, verdict, trade_no, reference, channel_cents, hall_cents, at,
                                 payment_id, receipt_id)
    SELECT * FROM (
        SELECT l.id, l.kind,
               CASE WHEN r.id IS NULL THEN 'CHANNEL_ONLY'
                    WHEN r.amount_cents <> l.amount_cents THEN 'AMOUNT_MISMATCH'
                    WHEN r.review_reason = 'DUPLICATE' AND {_UNDER_REVIEW} THEN 'DUPLICATE'
                    WHEN r.review_reason = 'AMOUNT' AND {_UNDER_REVIEW} THEN 'AMOUNT_MISMATCH'
                    WHEN r.paid_at < %(from)s OR r.paid_at >= %(to)s THEN 'LATE'
                    ELSE 'MATCHED' END AS verdict,
               l.trade_no, l.reference, l.amount_cents, r.amount_cents AS hall_cents, l.finished_at, r.payment_id,
               r.id AS receipt_id
          FROM billing_statementline l
          LEFT JOIN billing_receipt r ON r.gateway = %(gateway)s AND r.trade_no = l.trade_no
         WHERE l.statement_id = %(id)s AND l.kind = 'PAYMENT') AS judged
     WHERE verdict <> 'MATCHED'"""

# Money that is not booked, for an order of ours: paid already by another trade, for another amount, or given up here.
_ORDERS = """
    UPDATE statement_found f
       SET payment_id = p.id,
           hall_cents = CASE WHEN p.amount_cents <> f.channel_cents THEN p.amount_cents END,
           verdict = CASE WHEN EXISTS (SELECT 1 FROM billing_receipt r WHERE r.payment_id = p.id) THEN 'DUPLICATE'
                          WHEN p.amount_cents <> f.channel_cents THEN 'AMOUNT_MISMATCH'
                          WHEN p.state IN ('EXPIRED', 'FAILED') THEN 'STATUS_MISMATCH'
                          ELSE f.verdict END,
           detail = 'SUCCESS / ' || p.state
      FROM billing_payment p
     WHERE f.kind = 'PAYMENT' AND f.receipt_id IS NULL AND f.reference <> ''
       AND p.reference = f.reference AND p.gateway = %(gateway)s"""

_REPEATED = """
    WITH repeated AS (SELECT reference FROM billing_statementline
                       WHERE statement_id = %(id)s AND kind = 'PAYMENT' AND reference <> ''
                       GROUP BY reference HAVING count(*) > 1),
         ranked AS (SELECT l.*, row_number() OVER (PARTITION BY l.reference ORDER BY l.finished_at, l.id) AS turn,
                           row_number() OVER (PARTITION BY l.trade_no ORDER BY l.id) AS copy
                      FROM billing_statementline l JOIN repeated USING (reference)
                     WHERE l.statement_id = %(id)s AND l.kind = 'PAYMENT')"""

# One order paid by two trades, neither of them booked: the first is missing here, the second is one too many.
_REPEATED_UNBOOKED = f"""{_REPEATED}
    UPDATE statement_found f SET verdict = 'DUPLICATE' FROM ranked
     WHERE f.line_id = ranked.id AND ranked.turn > 1 AND f.receipt_id IS NULL"""

# The same trade named twice: one booking cannot stand for both.
_REPEATED_BOOKED = f"""{_REPEATED}
    INSERT INTO statement_found (line_id, kind, verdict, trade_no, reference, channel_cents, at)
    SELECT id, kind, 'DUPLICATE', trade_no, reference, amount_cents, finished_at FROM ranked
     WHERE copy > 1 AND NOT EXISTS (SELECT 1 FROM statement_found f WHERE f.line_id = ranked.id)"""

_DONE = "l.status IN ('SUCCESS', 'REVOKED', 'REFUND')"  # the money went back
_REFUNDS = f"""
    INSERT INTO statement_found (line_id, kind, verdict, trade_no, reference, request_no, channel_cents, hall_cents,
                                 detail, at, payment_id, receipt_id, refund_id)
    SELECT * FROM (
        SELECT l.id, l.kind,
               CASE WHEN f.id IS NOT NULL AND NOT {_DONE} THEN 'STATUS_MISMATCH'
                    WHEN f.amount_cents <> l.amount_cents THEN 'AMOUNT_MISMATCH'
                    WHEN f.refunded_at < %(from)s OR f.refunded_at >= %(to)s THEN 'LATE'
                    WHEN f.id IS NOT NULL THEN 'MATCHED'
                    WHEN {_DONE} THEN CASE WHEN q.id IS NULL THEN 'CHANNEL_ONLY' ELSE 'STATUS_MISMATCH' END
                    WHEN l.status = 'PROCESSING' THEN
                         CASE WHEN q.id IS NULL THEN 'CHANNEL_ONLY'
                              WHEN q.state IN ('APPROVED', 'ACCEPTED', 'ABNORMAL') THEN 'MATCHED'
                              ELSE 'STATUS_MISMATCH' END
                    WHEN q.id IS NULL OR q.state IN ('FAILED', 'ABNORMAL') THEN 'MATCHED'
                    ELSE 'STATUS_MISMATCH' END AS verdict,
               l.trade_no, l.reference, l.request_no, l.amount_cents, f.amount_cents AS hall_cents,
               l.status || ' / ' || coalesce(q.state, CASE WHEN f.id IS NULL THEN '-' ELSE 'SUCCEEDED' END),
               l.finished_at, r.payment_id, r.id AS receipt_id, f.id AS refund_id
          FROM billing_statementline l
          LEFT JOIN billing_receipt r ON r.gateway = %(gateway)s AND r.trade_no = l.trade_no
          LEFT JOIN billing_refund f ON f.receipt_id = r.id AND f.request_no = l.request_no
          LEFT JOIN billing_refundrequest q ON q.number = l.request_no AND q.receipt_id = r.id
         WHERE l.statement_id = %(id)s AND l.kind = 'REFUND') AS judged
     WHERE verdict <> 'MATCHED'"""

_REPEATED_REFUNDS = """
    INSERT INTO statement_found (line_id, kind, verdict, trade_no, reference, request_no, channel_cents, at)
    SELECT id, kind, 'DUPLICATE', trade_no, reference, request_no, amount_cents, finished_at
      FROM (SELECT l.*, row_number() OVER (PARTITION BY trade_no, request_no ORDER BY id) AS copy
              FROM billing_statementline l WHERE statement_id = %(id)s AND kind = 'REFUND') AS ranked
     WHERE copy > 1 AND NOT EXISTS (SELECT 1 FROM statement_found f WHERE f.line_id = ranked.id)"""

# A gateway that tells only running totals leaves refunds without its numbers ("…#total"): they are the same money
# when, for one trade and day, what the lines say and what was booked so sum to the same.
_BY_TOTAL = """
    WITH said AS (SELECT receipt_id, sum(channel_cents) AS cents FROM statement_found
                   WHERE kind = 'REFUND' AND verdict = 'CHANNEL_ONLY' AND receipt_id IS NOT NULL GROUP BY receipt_id)
    DELETE FROM statement_found f USING said
     WHERE f.receipt_id = said.receipt_id AND f.kind = 'REFUND' AND f.verdict = 'CHANNEL_ONLY'
       AND said.cents = (SELECT sum(b.amount_cents) FROM billing_refund b
                          WHERE b.receipt_id = said.receipt_id AND b.request_no LIKE '%%#%%'
                            AND b.refunded_at >= %(from)s AND b.refunded_at < %(to)s)"""

# The statements that speak for this day and its neighbours: the newest version of each, and the new one.
_CURRENT = """
    current AS (
        SELECT s.id FROM billing_statement s
         WHERE s.gateway = %(gateway)s AND s.day BETWEEN %(day)s::date - 1 AND %(day)s::date + 1
           AND (s.merchant, s.day, s.coverage) <> (%(merchant)s, %(day)s, %(coverage)s)
           AND NOT EXISTS (SELECT 1 FROM billing_statement n
                            WHERE n.gateway = s.gateway AND n.day = s.day AND n.merchant = s.merchant
                              AND n.coverage = s.coverage AND n.version > s.version)
        UNION ALL SELECT %(id)s),
    named AS MATERIALIZED (
        SELECT l.trade_no, l.request_no FROM billing_statementline l JOIN current ON current.id = l.statement_id
         WHERE l.kind = """

# The neighbour day's file may still come and name what lies at the border.
_HELD = """
    (({at} < %(from)s + %(cut)s AND NOT EXISTS (SELECT 1 FROM billing_statement
        WHERE gateway = %(gateway)s AND day = %(day)s::date - 1))
     OR ({at} >= %(to)s - %(cut)s AND NOT EXISTS (SELECT 1 FROM billing_statement
        WHERE gateway = %(gateway)s AND day = %(day)s::date + 1)))"""

_REFERENCE = (
    "coalesce((SELECT p.reference FROM billing_payment p WHERE p.id = r.payment_id), '')"  # of the few found
)

_LOCAL_PAYMENTS = f"""
    WITH {_CURRENT} 'PAYMENT')
    INSERT INTO statement_found (kind, verdict, trade_no, reference, hall_cents, at, payment_id, receipt_id, is_held)
    SELECT 'PAYMENT', 'LOCAL_ONLY', r.trade_no, {_REFERENCE}, r.amount_cents, r.paid_at, r.payment_id, r.id,
           {_HELD.format(at="r.paid_at")}
      FROM billing_receipt r
     WHERE r.gateway = %(gateway)s AND r.paid_at >= %(from)s AND r.paid_at < %(to)s
       AND r.booked_at >= %(from)s - interval '1 day'
       AND NOT EXISTS (SELECT 1 FROM named WHERE named.trade_no = r.trade_no)
       AND NOT EXISTS (SELECT 1 FROM billing_statementdifference d
                        WHERE d.receipt_id = r.id AND d.kind = 'PAYMENT' AND d.verdict = 'LOCAL_ONLY'
                          AND d.state <> 'CLEARED')"""

_LOCAL_REFUNDS = f"""
    WITH {_CURRENT} 'REFUND')
    INSERT INTO statement_found (kind, verdict, trade_no, reference, request_no, hall_cents, at, payment_id,
                                 receipt_id, refund_id, is_held)
    SELECT 'REFUND', 'LOCAL_ONLY', r.trade_no, {_REFERENCE}, f.request_no, f.amount_cents, f.refunded_at,
           r.payment_id, r.id, f.id, {_HELD.format(at="f.refunded_at")}
      FROM billing_refund f
      JOIN billing_receipt r ON r.id = f.receipt_id
     WHERE r.gateway = %(gateway)s AND f.refunded_at >= %(from)s AND f.refunded_at < %(to)s
       AND NOT EXISTS (SELECT 1 FROM named WHERE named.trade_no = r.trade_no
                          AND (named.request_no = f.request_no OR f.request_no LIKE '%%#%%'))
       AND NOT EXISTS (SELECT 1 FROM billing_refundrequest q WHERE q.refund_id = f.id AND q.way = 'BY_HAND')
       AND NOT EXISTS (SELECT 1 FROM billing_statementdifference d
                        WHERE d.refund_id = f.id AND d.verdict = 'LOCAL_ONLY' AND d.state <> 'CLEARED')"""

_WRITE = """
    WITH written AS (
        INSERT INTO billing_statementdifference (
               statement_id, line_id, kind, verdict, state, gateway, trade_no, reference, request_no, channel_cents,
               hall_cents, detail, at, payment_id, receipt_id, refund_id, found_at)
        SELECT %(id)s, line_id, kind, verdict, CASE WHEN is_held THEN 'HELD' ELSE 'OPEN' END, %(gateway)s, trade_no,
               reference, request_no, channel_cents, hall_cents, detail, at, payment_id, receipt_id, refund_id, %(at)s
          FROM statement_found ORDER BY line_id NULLS LAST, at
        RETURNING id, state)
    INSERT INTO billing_differencehistory (difference_id, from_state, to_state, actor, reason, at)
    SELECT id, '', state, %(actor)s, '', %(at)s FROM written"""

_LATE = "SELECT id, state FROM billing_statementdifference WHERE statement_id = %(id)s AND verdict = 'LATE'"

_CLEAR = """
    WITH due AS (SELECT DISTINCT id, state FROM (DUE) AS d),
         ended AS (UPDATE billing_statementdifference d SET state = 'CLEARED', ended_at = %(at)s FROM due
                    WHERE d.id = due.id AND d.state = due.state RETURNING d.id, due.state)
    INSERT INTO billing_differencehistory (difference_id, from_state, to_state, actor, reason, at)
    SELECT id, state, 'CLEARED', %(actor)s, %(reason)s, %(at)s FROM ended"""

_UNSETTLED = "d.gateway = %(gateway)s AND d.state IN ('HELD', 'OPEN')"
_ANY_UNSETTLED = f"SELECT 1 FROM billing_statementdifference d WHERE {_UNSETTLED} LIMIT 1"

_OF_OLDER_VERSIONS = f"""
    SELECT d.id, d.state FROM billing_statementdifference d JOIN billing_statement s ON s.id = d.statement_id
     WHERE {_UNSETTLED} AND s.day = %(day)s AND s.merchant = %(merchant)s AND s.coverage = %(coverage)s"""

_NAMED_NOW = f"""
    SELECT d.id, d.state FROM billing_statementdifference d
      JOIN billing_statementline l ON l.trade_no = d.trade_no AND l.kind = d.kind
       AND (l.kind = 'PAYMENT' OR l.request_no = d.request_no)
     WHERE {_UNSETTLED} AND d.verdict = 'LOCAL_ONLY' AND l.statement_id = %(id)s"""

_PAYMENT_BOOKED = f"""
    SELECT d.id, d.state FROM billing_statementdifference d
      JOIN billing_receipt r ON r.gateway = d.gateway AND r.trade_no = d.trade_no
     WHERE {_UNSETTLED} AND d.kind = 'PAYMENT' AND d.line_id IS NOT NULL AND r.amount_cents = d.channel_cents
       AND (d.verdict <> 'DUPLICATE' OR d.receipt_id IS NOT NULL OR r.review_reason <> '')
       AND NOT (r.review_reason IN ('DUPLICATE', 'AMOUNT') AND {_UNDER_REVIEW})"""

_REFUND_BOOKED = f"""
    SELECT d.id, d.state FROM billing_statementdifference d
      JOIN billing_statementline l ON l.id = d.line_id
      JOIN billing_receipt r ON r.gateway = d.gateway AND r.trade_no = d.trade_no
      JOIN billing_refund f ON f.receipt_id = r.id AND f.request_no = d.request_no
     WHERE {_UNSETTLED} AND d.kind = 'REFUND' AND d.verdict <> 'DUPLICATE' AND {_DONE}
       AND f.amount_cents = d.channel_cents"""

_OPEN_HELD = f"""
    WITH opened AS (
        UPDATE billing_statementdifference d SET state = 'OPEN' FROM billing_statement s
         WHERE s.id = d.statement_id AND {_UNSETTLED} AND d.state = 'HELD'
           AND (s.day < %(day)s::date - 1
                OR (s.day = %(day)s::date - 1 AND d.at >= %(from)s - %(cut)s)
                OR (s.day = %(day)s::date + 1 AND d.at < %(to)s + %(cut)s))
        RETURNING d.id)
    INSERT INTO billing_differencehistory (difference_id, from_state, to_state, actor, reason, at)
    SELECT id, 'HELD', 'OPEN', %(actor)s, %(reason)s, %(at)s FROM opened"""
