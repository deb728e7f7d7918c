"""The pass as one would write it by hand in SQL for this very hall: the floor of the database itself.

One INSERT … SELECT (or UPDATE) for each table, all in one transaction, from a table that says who steps where today.
It writes as many rows as ours into the same tables, with the same laws, keys and indexes on, and the same values in
each message. It has one policy, no holds, no locks, no choice of language, and asks nobody to judge. What it reads to
find who steps where is measured beside it and is not part of the yardstick.
"""

import time
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg2
from django.conf import settings

from benchmarks.arrears_population import AFTER_SUSPENSION, REACHED
from notices import kinds

_POLICY = """
    CREATE TEMP TABLE step (before text, stage text, days int);
    CREATE TEMP TABLE patience (code text, seconds int);
    CREATE TEMP TABLE rule AS
    SELECT n.id, stage, template_code AS code,
           CASE WHEN stage = 'DISCONNECT_WARNED' THEN days + %(suspended)s ELSE days END AS late_days
      FROM arrears_policynotice n JOIN arrears_policy p ON p.id = n.policy_id WHERE p.code = 'default'"""
# Who is in arrears; the stage that today brings, if it brings one; "" where the case is over.
_READ = """
    CREATE TEMP TABLE today AS
    WITH owed AS (SELECT account_id, min(due_on) AS due_on, sum(open_cents) AS cents FROM billing_bill
                   WHERE open_cents > 0 GROUP BY account_id HAVING min(due_on) <= %(today)s::date + 3)
    SELECT account_id, account.number, c.id AS case_id, coalesce(c.stage, 'NONE') AS stage, cents, due_on,
           CASE WHEN cents IS NULL THEN '' ELSE step.stage END AS next
      FROM owed FULL JOIN (SELECT * FROM arrears_arrearscase WHERE closed_at IS NULL) c USING (account_id)
      JOIN accounts_billingaccount account ON account.id = account_id
      LEFT JOIN step ON step.before = coalesce(c.stage, 'NONE') AND %(today)s::date - due_on >= step.days;
    CREATE TEMP TABLE ref AS
    SELECT account_id, 'contact:' || id AS ref, id AS contact_id,
           CASE kind WHEN 'PHONE' THEN 'SMS' ELSE 'EMAIL' END AS channel, value AS address
      FROM accounts_contact WHERE account_id IN (SELECT account_id FROM today)
    UNION ALL SELECT account_id, 'inbox', NULL, 'INBOX', 'inbox' FROM today;
    CREATE TEMP TABLE tell AS
    SELECT today.account_id, rule.id AS rule_id, rule.stage, rule.code, ref.ref, ref.contact_id, ref.channel,
           ref.address, patience.seconds, other.channel AS other_channel, other.address AS other_address
      FROM today JOIN rule ON rule.stage = coalesce(next, today.stage) AND %(today)s::date - due_on >= late_days
      JOIN ref USING (account_id)
      LEFT JOIN patience ON patience.code = rule.code AND ref.channel <> 'INBOX'
      LEFT JOIN ref other ON other.account_id = ref.account_id AND other.channel NOT IN (ref.channel, 'INBOX')
                             AND patience.seconds IS NOT NULL
     WHERE NOT EXISTS (SELECT FROM arrears_casenotice told WHERE told.case_id = today.case_id
                          AND told.rule_id = rule.id AND told.contact_ref = ref.ref);
    ANALYZE today; ANALYZE tell"""
_WRITE = {
    "arrears_arrearscase": """
        INSERT INTO arrears_arrearscase (number, account_id, stage, stage_since, policy_id, opened_at, close_reason,
                                         highest_stage, owed_cents)
        SELECT 'AR' || lpad(nextval('arrears_case_number')::text, 18, '0'), account_id, next, %(today)s, %(policy)s,
               %(at)s, '', next, cents FROM today WHERE case_id IS NULL""",
    "cases that move": """
        UPDATE arrears_arrearscase c
           SET stage = CASE next WHEN '' THEN 'NONE' ELSE next END, stage_since = %(today)s,
               highest_stage = coalesce(nullif(next, ''), highest_stage), owed_cents = coalesce(cents, 0),
               closed_at = CASE next WHEN '' THEN %(at)s::timestamptz END,
               close_reason = CASE next WHEN '' THEN 'PAID' ELSE '' END
          FROM today WHERE c.id = today.case_id AND next IS NOT NULL""",
    "arrears_stagechange": """
        INSERT INTO arrears_stagechange (case_id, from_stage, to_stage, "on", at, actor, reason, owed_cents,
                                         earliest_due_on, policy_id)
        SELECT c.id, today.stage, coalesce(nullif(next, ''), 'NONE'), %(today)s, %(at)s, 'bench', 'REACHED_' || next,
               coalesce(cents, 0), due_on, %(policy)s
          FROM today JOIN arrears_arrearscase c USING (account_id) WHERE next IS NOT NULL""",
    "catalog_suspension": """
        INSERT INTO catalog_suspension (subscription_id, reason, begins_on, opened_at, opened_by, closed_by, note)
        SELECT s.id, 'ARREARS', %(today)s, %(at)s, 'bench', '', '' FROM today
          JOIN catalog_subscription s ON s.payer_id = today.account_id AND s.state = 'ACTIVE'
         WHERE next = 'SUSPENDED'""",
    "notices_message": """
        INSERT INTO notices_message (code, recipient_ref, language, dedupe_key, context, created_at, attachment,
                                     unsubscribe_url, fallbacks)
        SELECT code, 'account:' || today.number, 'zh-hans', 'arrears:' || c.id || ':' || rule_id || ':' || ref,
               jsonb_build_object('account_tail', right(today.number, 4), 'url', 'https://hall.example/bills/',
                   'help_line', '96396', 'amount', to_char(cents / 100.0, 'FM9990.00'), 'due_on', due_on::text,
                   'suspend_on', (due_on + 31)::text, 'suspended_on', (due_on + 31)::text,
                   'disconnect_on', (due_on + 92)::text),
               %(at)s, '', '',
               CASE WHEN seconds IS NULL THEN '[]' ELSE jsonb_build_array(
                    jsonb_build_object('channel', channel, 'address', address, 'after', seconds),
                    jsonb_build_object('channel', other_channel, 'address', other_address, 'after', seconds)) END
          FROM tell JOIN today USING (account_id)
          JOIN arrears_arrearscase c ON c.account_id = tell.account_id AND c.closed_at IS NULL""",
    "notices_delivery": """
        INSERT INTO notices_delivery (message_id, template_id, channel, address, body, state, provider,
                                      provider_message_id, attempts, error, failure, priority, created_at,
                                      next_attempt_at, fallback_at)
        SELECT m.id, template.id, tell.channel, address, '', 'QUEUED', '', '', 0, '', '', 3, %(at)s, %(at)s,
               %(at)s::timestamptz + seconds * interval '1 second'
          FROM tell JOIN arrears_arrearscase c ON c.account_id = tell.account_id AND c.closed_at IS NULL
          JOIN notices_message m ON m.dedupe_key = 'arrears:' || c.id || ':' || rule_id || ':' || ref
          JOIN (SELECT code, channel, min(id) AS id FROM notices_template WHERE language = 'zh-hans'
                 GROUP BY code, channel) template
            ON template.code = tell.code AND template.channel = tell.channel""",
    "arrears_casenotice": """
        INSERT INTO arrears_casenotice (case_id, rule_id, stage, contact_ref, contact_id, message_id, told_on,
                                        created_at)
        SELECT c.id, rule_id, tell.stage, ref, contact_id, m.id, %(today)s, %(at)s
          FROM tell JOIN arrears_arrearscase c ON c.account_id = tell.account_id AND c.closed_at IS NULL
          JOIN notices_message m ON m.dedupe_key = 'arrears:' || c.id || ':' || rule_id || ':' || ref""",
}


class Took(NamedTuple):
    """Seconds of finding who steps where, and of writing it."""

    reading: float
    writing: float


def carry_out(database: str, *, today: date) -> Took:
    """The pass of that day in this database."""
    with closing(psycopg2.connect(database)) as own, own.cursor() as cursor:
        cursor.execute(f"SET timezone = '{settings.TIME_ZONE}'")
        cursor.execute("SELECT id FROM arrears_policy WHERE code = 'default'")
        values: dict[str, Any] = {
            "today": today,
            "at": f"{today} 12:00",
            "policy": _number(cursor),
            "suspended": AFTER_SUSPENSION,
        }
        cursor.execute(_POLICY, values)
        before = "NONE"
        for stage, days in REACHED.items():
            cursor.execute("INSERT INTO step VALUES (%s, %s, %s)", (before, stage, days))
            before = stage
        for kind in kinds.everything():
            if kind.fallback_after:
                seconds = int(kind.fallback_after.total_seconds())
                cursor.execute("INSERT INTO patience VALUES (%s, %s)", (kind.code, seconds))
        begun = time.perf_counter()
        cursor.execute(_READ, values)
        own.commit()
        read = time.perf_counter()
        for statement in _WRITE.values():
            cursor.execute(statement, values)
        own.commit()
        return Took(read - begun, time.perf_counter() - read)


# What a pass leaves, without ids and moments: as many rows, and the same ones.
_STATE = """
    SELECT 'cases', count(*), sum(hashtextextended(concat_ws('|', account_id, stage, stage_since, highest_stage,
                                                             owed_cents, close_reason), 0))
      FROM arrears_arrearscase
    UNION ALL
    SELECT 'steps', count(*), sum(hashtextextended(concat_ws('|', account_id, from_stage, to_stage, s.owed_cents,
                                                             earliest_due_on, s.policy_id), 0))
      FROM arrears_stagechange s JOIN arrears_arrearscase c ON c.id = case_id WHERE s."on" = %(today)s
    UNION ALL
    SELECT 'lines off', count(*), sum(hashtextextended(concat_ws('|', subscription_id, reason, begins_on, ends_on), 0))
      FROM catalog_suspension
    UNION ALL
    SELECT 'messages', count(*), sum(hashtextextended(concat_ws('|', n.stage, contact_ref, n.contact_id, rule_id,
                                         m.code, recipient_ref, language, fallbacks, template_id, channel, address,
                                         priority, fallback_at - d.created_at), 0))
      FROM arrears_casenotice n JOIN notices_message m ON m.id = n.message_id
      JOIN notices_delivery d ON d.message_id = m.id WHERE told_on = %(today)s
    UNION ALL
    SELECT 'all messages', count(*), 0 FROM notices_message"""
State = dict[str, tuple[int, Decimal]]


def state(database: str, *, today: date) -> State:
    """How many rows there are of what a pass writes, and a sum over what they say."""
    with closing(psycopg2.connect(database)) as own, own.cursor() as cursor:
        cursor.execute(_STATE, {"today": today})
        return {name: (count, digest) for name, count, digest in cursor.fetchall()}


def steps_written(database: str, today: date) -> int:
    """Rows of history of that day."""
    with closing(psycopg2.connect(database)) as own, own.cursor() as cursor:
        cursor.execute('SELECT count(*) FROM arrears_stagechange WHERE "on" = %s', [today])
        return _number(cursor)


def tuples_written(database: str) -> int:
    """Rows inserted, changed and deleted in this database since its beginning, as its own statistics count them.

    But for the heartbeat: that a run began and ended is kept of each.
    """
    with closing(psycopg2.connect(database)) as own, own.cursor() as cursor:
        cursor.execute("""
            SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables
             WHERE relname <> 'core_heartbeat'""")
        return _number(cursor)


def _number(cursor: Any) -> int:
    return int(cursor.fetchone()[0])
