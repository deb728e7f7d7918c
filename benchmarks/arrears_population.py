"""A hall with accounts in arrears, as the daily pass finds it: what is owed, the cases of before, what was told.

Each account has a customer, a telephone and a mailbox, one line, three monthly bills. MIX says how many of a thousand
owe since when and how far their case is; rows of before stand as the passes of the days before would have left them,
every notice delivered. What the pass never reads is left out: lines of bills, ledger, receipts of providers.
"""

from contextlib import closing
from datetime import date
from typing import Any, NamedTuple

import psycopg2
from django.conf import settings
from django.db import connection

from accounts.models import Region
from arrears.choices import Stage
from benchmarks import homes

FIRST = 10_000_000  # ids begin here: whatever the hall itself writes is below
BILL_CENTS, MONTHS = 2600, 3
REFS = 3  # telephone, mailbox, our own page: each is told


class Group(NamedTuple):
    """So many of a thousand accounts: days since the oldest unpaid bill was due, and the stage of their case."""

    name: str
    share: int
    late: int = -20  # all bills but the newest, and that one too, are paid
    stage: Stage = Stage.NONE
    is_open: bool = True
    changes: int = 0  # rows of history that today's pass writes
    tells: int = 0  # notices that it sends, to each ref


S = Stage
MIX = (
    Group("due in ten days", 100, -10),
    Group("due in three days: first reminder today", 80, -3, changes=1, tells=1),
    Group("reminded", 20, -1, S.REMINDED),
    Group("overdue today", 20, 1, S.REMINDED, changes=1, tells=1),
    Group("overdue", 24, 10, S.OVERDUE),
    Group("overdue, exempt", 1, 12, S.OVERDUE),
    Group("suspension announced today", 8, 23, S.OVERDUE, changes=1, tells=1),
    Group("suspension announced", 10, 27, S.SUSPEND_WARNED),
    Group("suspension tomorrow", 4, 30, S.SUSPEND_WARNED, tells=1),
    Group("suspended today", 1, 31, S.SUSPEND_WARNED, changes=1, tells=1),
    Group("suspended", 20, 51, S.SUSPENDED),
    Group("disconnection announced today", 2, 81, S.SUSPENDED, changes=1, tells=1),
    Group("disconnection announced", 4, 86, S.DISCONNECT_WARNED),
    Group("paid since yesterday", 2, 10, S.OVERDUE, is_open=False, changes=1),
)
# Days after the due date on which a stage is reached and a notice told: 81 and 91 are 50 and 60 after the suspension.
REACHED = {S.REMINDED: -3, S.OVERDUE: 1, S.SUSPEND_WARNED: 23, S.SUSPENDED: 31, S.DISCONNECT_WARNED: 81}
AFTER_SUSPENSION = 31
IN_ARREARS = sum(each.share for each in MIX if each.is_open and each.late >= REACHED[S.REMINDED])


def expected(accounts: int) -> tuple[int, int]:
    """What today's pass writes, for whole thousands of accounts: rows of history, messages."""
    thousands = accounts // 1000
    changes = sum(each.share * each.changes for each in MIX)
    return changes * thousands, sum(each.share * each.tells for each in MIX) * REFS * thousands


# Neighbours are in different groups.
_PEOPLE = """
    CREATE TEMP TABLE resident AS
    SELECT %(first)s + n AS id, mix.* FROM generate_series(0, %(accounts)s - 1) n
      LEFT JOIN mix ON n::bigint * 7919 %% 1000 BETWEEN mix.place AND mix.place + mix.share - 1;
    INSERT INTO accounts_customer (id, number, kind, name, created_at)
    SELECT id, 'P' || id, 'PERSONAL', '张' || id, now() FROM resident;
    INSERT INTO accounts_billingaccount (id, number, customer_id, region_id, address, created_at)
    SELECT id, '9' || id, id, %(region)s, '幸福路' || id %% 900 || '号', now() FROM resident;
    INSERT INTO accounts_contact (id, account_id, kind, value, name, is_primary, created_at)
    SELECT id * 2, id, 'PHONE', '+86137' || id, '', true, now() FROM resident
    UNION ALL SELECT id * 2 + 1, id, 'EMAIL', id || '@example.com', '', true, now() FROM resident;
    INSERT INTO catalog_subscription (id, number, account_id, payer_id, offer_id, state, begins_on, service_number,
                                      address, source, source_number, created_at)
    SELECT id, 'H' || id, id, id, %(offer)s, 'ACTIVE', '2024-01-01', '', '', 'bench', '', now() FROM resident"""
# A month after the other, as bills are issued: those of one account do not lie side by side. The oldest unpaid one is
# as late as the group says, those after it a month less each.
_BILL = """
    INSERT INTO billing_bill (id, number, account_id, kind, period, issued_on, due_on, total_cents, paid_cents, source,
                              source_number, created_at)
    SELECT id * 10 + %(age)s, 'B' || id || '-' || %(age)s, id, 'PERIODIC', to_char(due_on - 25, 'YYYY-MM'),
           due_on - 25, due_on, %(cents)s, CASE WHEN %(age)s < unpaid THEN 0 ELSE %(cents)s END, 'bench',
           id || '-' || %(age)s, now()
      FROM (SELECT id, unpaid,
                   %(today)s::date - coalesce(late, -20) + 30 * (greatest(unpaid, 1) - 1 - %(age)s) AS due_on
              FROM (SELECT id, late, CASE WHEN is_open THEN least(1 + greatest(late, 0) / 30, %(months)s) ELSE 0 END
                           AS unpaid FROM resident) one) given"""
_OWED = """
    INSERT INTO billing_accountbalance (account_id, balance_cents)
    SELECT account_id, -sum(open_cents) FROM billing_bill WHERE source = 'bench' GROUP BY account_id;
    INSERT INTO arrears_exemption (account_id, reason, note, active_from, active_to, created_by, created_at)
    SELECT id, 'OTHER', '', %(today)s::date - 5, %(today)s::date + 25, 'bench', now() FROM resident
     WHERE name = 'overdue, exempt'"""
_CASES = """
    INSERT INTO arrears_arrearscase (id, number, account_id, stage, stage_since, policy_id, opened_at, close_reason,
                                     highest_stage, owed_cents)
    SELECT id, 'AR' || id, id, reached.stage, %(today)s::date - late + reached.days, %(policy)s,
           (%(today)s::date - late - 3) + time '12:00', '', reached.stage, %(cents)s
      FROM resident JOIN reached ON reached.stage = resident.stage;
    INSERT INTO arrears_stagechange (case_id, from_stage, to_stage, "on", at, actor, reason, owed_cents,
                                     earliest_due_on, policy_id)
    SELECT id, reached.before, reached.stage, %(today)s::date - late + reached.days, now(), 'bench',
           'REACHED_' || reached.stage, %(cents)s, %(today)s::date - late, %(policy)s
      FROM resident JOIN reached own ON own.stage = resident.stage JOIN reached ON reached.days <= own.days;
    INSERT INTO catalog_suspension (subscription_id, reason, begins_on, opened_at, opened_by, closed_by, note)
    SELECT id, 'ARREARS', %(today)s::date - late + %(suspended)s, now(), 'bench', '', '' FROM resident
     WHERE stage IN ('SUSPENDED', 'DISCONNECT_WARNED')"""
_TOLD = """
    CREATE TEMP TABLE said AS
    SELECT row_number() OVER () + %(first)s AS id, resident.id AS account_id, rule_id, told.stage, code, told_on,
           'arrears:' || key || ':' || ref AS key, ref.*
      FROM resident JOIN reached own ON own.stage = resident.stage
     CROSS JOIN LATERAL (
               SELECT rule.id AS rule_id, rule.stage, template_code AS code, resident.id || ':' || rule.id AS key,
                      %(today)s::date - late + rule.late_days AS told_on
                 FROM rule
                WHERE rule.late_days < late AND rule.stage IN (SELECT stage FROM reached WHERE days <= own.days)
               UNION ALL
               SELECT NULL, NULL, 'held_back', 'held:' || resident.id || ':EXEMPTION:' || (%(today)s::date + 24),
                      %(today)s::date - 5 WHERE resident.name = 'overdue, exempt') told
     CROSS JOIN LATERAL (VALUES ('contact:' || resident.id * 2, resident.id * 2, 'SMS', '+86137' || resident.id),
                           ('contact:' || resident.id * 2 + 1, resident.id * 2 + 1, 'EMAIL',
                            resident.id || '@example.com'),
                           ('inbox', NULL, 'INBOX', 'inbox')) ref (ref, contact_id, channel, address);
    INSERT INTO notices_message (id, code, recipient_ref, language, dedupe_key, context, created_at, attachment,
                                 unsubscribe_url, fallbacks)
    SELECT id, code, 'account:9' || account_id, 'zh-hans', key, '{}', told_on + time '12:00', '', '', '[]' FROM said;
    INSERT INTO notices_delivery (message_id, template_id, channel, address, body, state, provider, provider_message_id,
                                  attempts, error, failure, priority, created_at, next_attempt_at, sent_at,
                                  delivered_at)
    SELECT said.id, template.id, channel, address, '', 'DELIVERED', 'bench', said.id::text, 1, '', '', 3,
           told_on + time '12:00', told_on + time '12:00', told_on + time '12:01', told_on + time '12:02'
      FROM said JOIN (SELECT code, channel, min(id) AS id FROM notices_template WHERE language = 'zh-hans'
                       GROUP BY code, channel) template USING (code, channel);
    INSERT INTO notices_deliveryreceipt (delivery_id, provider, provider_message_id, status, received_at, is_verified,
                                         raw)
    SELECT d.id, d.provider, d.provider_message_id, 'DELIVERED', d.delivered_at, true, '{}'
      FROM notices_delivery d JOIN said ON said.id = d.message_id
     WHERE said.code = 'disconnection_ahead' AND d.channel <> 'INBOX';
    INSERT INTO arrears_casenotice (case_id, rule_id, stage, contact_ref, contact_id, message_id, told_on, created_at)
    SELECT account_id, rule_id, stage, ref, contact_id, id, told_on, now() FROM said WHERE rule_id IS NOT NULL"""
_TABLES = """
    CREATE TEMP TABLE mix (name text, share int, late int, stage text, is_open boolean, place int);
    CREATE TEMP TABLE reached (stage text, before text, days int);
    CREATE TEMP TABLE rule AS
    SELECT id, stage, template_code, CASE WHEN stage = 'DISCONNECT_WARNED' THEN days + %(suspended)s ELSE days END
           AS late_days FROM arrears_policynotice WHERE policy_id = %(policy)s"""
_LAWS = ("arrears_arrearscase", "notices_delivery")  # want each row to begin at its beginning
_NEXT_IDS = """
    SELECT setval(pg_get_serial_sequence(name, 'id'), 20 * %s)
      FROM unnest(ARRAY['arrears_arrearscase', 'notices_message', 'accounts_contact', 'billing_bill']) name"""

_SIZE = """
    SELECT sum(reltuples) FILTER (WHERE reltuples > 0), pg_database_size(current_database())
      FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""


def fill(database: str, *, accounts: int, today: date) -> None:
    """So many accounts as they stand before the pass of that day, in this database; the planner knows them."""
    offer = homes.stock()["basic"]
    values: dict[str, Any] = {
        "first": FIRST,
        "accounts": accounts,
        "today": today,
        "cents": BILL_CENTS,
        "months": MONTHS,
        "suspended": AFTER_SUSPENSION,
        "offer": offer.pk,
        "region": Region.objects.filter(level=Region.Level.DISTRICT).values_list("pk", flat=True).first(),
        "policy": _policy(),
    }
    with closing(psycopg2.connect(database)) as own, own.cursor() as cursor:
        cursor.execute(f"SET timezone = '{settings.TIME_ZONE}'")
        # Keys and laws hold by how the rows are made; asking for each of millions takes the better part of an hour.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET work_mem = '256MB'")
        for table in _LAWS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(_TABLES, values)
        _describe(cursor)
        cursor.execute(_PEOPLE, values)
        cursor.execute("ANALYZE resident")
        for age in reversed(range(MONTHS)):
            cursor.execute(_BILL, {**values, "age": age})
        for statement in (_OWED, _CASES, _TOLD):
            cursor.execute(statement, values)
        cursor.execute(_NEXT_IDS, [FIRST])
        for table in _LAWS:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        own.commit()
        own.autocommit = True
        cursor.execute("VACUUM (ANALYZE, FREEZE)")
        cursor.execute("CHECKPOINT")


def size(database: str) -> tuple[int, float]:
    """About how many rows it holds, and gigabytes."""
    with closing(psycopg2.connect(database)) as own, own.cursor() as cursor:
        cursor.execute(_SIZE)
        [(rows, taken)] = cursor.fetchall()
        return int(rows), int(taken) / 1024**3


def _policy() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM arrears_policy WHERE code = 'default'")
        return int(cursor.fetchone()[0])


def _describe(cursor: Any) -> None:
    place = 0
    for group in MIX:
        row = (group.name, group.share, group.late, group.stage, group.is_open, place)
        cursor.execute("INSERT INTO mix VALUES (%s, %s, %s, %s, %s, %s)", row)
        place += group.share
    before = S.NONE
    for stage, days in REACHED.items():
        cursor.execute("INSERT INTO reached VALUES (%s, %s, %s)", (stage, before, days))
        before = stage
