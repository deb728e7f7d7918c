"""A hall full of customers, for what its pages cost: everything that the first page and the list of bills read.

An account has a customer, a user, a phone, four months of bills of which three are paid, slips and messages. Some
accounts are a family's and have a second member; some owe from before; now and then somebody is just paying. What
these pages never read is left out: lines of bills, the ledger, deliveries.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import Region, User
from billing.selectors import bills
from core import clock, sessions

FAMILY = 5  # one account in so many has a second member
LATE = 30  # one in so many has not paid the bill before the last
PAYING = 500  # one in so many is at a cashier's just now
UNDER_WAY = 50  # one in so many waits for the end of something that is no payment
MONTHS = 4
SLIPS = 2
MESSAGES = 2
_FIRST = 10_000_000  # ids and numbers begin here: whatever the hall itself writes meanwhile is below
_LAWS = (
    "accounts_membership",
    "billing_payment",
    "operations_slip",
)  # want each row to begin at its beginning

_PEOPLE = """
    INSERT INTO accounts_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                               date_joined, phone, phone_verified_at, name, language)
    SELECT n, '!', false, 'u' || n, '', '', '', false, true, now(), '+86138' || n, now(), '张' || n, 'zh-hans'
      FROM generate_series(%(first)s, %(last)s) n;
    INSERT INTO accounts_customer (id, number, kind, name, created_at)
    SELECT n, 'P' || n, 'PERSONAL', '张' || n, now() FROM generate_series(%(first)s, %(last)s) n;
    INSERT INTO accounts_billingaccount (id, number, customer_id, region_id, address, created_at)
    SELECT n, '9' || n, n, %(region)s, '幸福路' || n %% 900 || '号', now() FROM generate_series(%(first)s, %(last)s) n;
    INSERT INTO accounts_membership (role, account_id, user_id, created_at)
    SELECT 'OWNER', n, n, now() FROM generate_series(%(first)s, %(last)s) n;
    INSERT INTO accounts_membership (role, account_id, user_id, created_at)
    SELECT 'VIEWER', n, n + 1, now() FROM generate_series(%(first)s, %(last)s - 1, %(family)s) n;
    INSERT INTO accounts_contact (account_id, kind, value, name, is_primary, verified_at, created_at)
    SELECT n, 'PHONE', '+86138' || n, '', true, now(), now() FROM generate_series(%(first)s, %(last)s) n"""

# A month after the other, as bills are issued: those of one account do not lie side by side.
_BILL = """
    INSERT INTO billing_bill (id, number, account_id, kind, period, issued_on, due_on, total_cents, paid_cents, source,
                              source_number, created_at)
    SELECT n * 10 + %(month)s, 'B' || n || '-' || %(month)s, n, 'PERIODIC', to_char(issued_on, 'YYYY-MM'), issued_on,
           issued_on + 25, cents, CASE WHEN is_paid THEN cents ELSE 0 END, 'bench', n || '-' || %(month)s, now()
      FROM (SELECT n, 2600 + n %% 900 AS cents, %(issued_on)s::date AS issued_on,
                   %(month)s > 0 AND NOT (%(month)s = 1 AND n %% %(late)s = 0) AS is_paid
              FROM generate_series(%(first)s, %(last)s) n) AS given"""
_PAID = """
    INSERT INTO billing_payment (id, reference, account_id, payer_id, gateway, amount_cents, state, created_at,
                                 expires_at, next_query_at, queries, succeeded_at)
    SELECT id, 'HB' || id, account_id, account_id, 'alipay', total_cents, 'SUCCEEDED', issued_on, issued_on, issued_on,
           0, issued_on
      FROM billing_bill WHERE source = 'bench' AND paid_cents > 0;
    INSERT INTO billing_receipt (id, number, gateway, trade_no, payment_id, account_id, amount_cents, allocated_cents,
                                 refunded_cents, review_reason, paid_at, booked_at)
    SELECT id, 'R' || id, 'alipay', 'T' || id, id, account_id, total_cents, total_cents, 0, '', issued_on, issued_on
      FROM billing_bill WHERE source = 'bench' AND paid_cents > 0;
    INSERT INTO billing_allocation (receipt_id, bill_id, amount_cents, effective_on, at)
    SELECT id, id, total_cents, issued_on, issued_on FROM billing_bill WHERE source = 'bench' AND paid_cents > 0;
    INSERT INTO billing_accountbalance (account_id, balance_cents)
    SELECT account_id, -sum(open_cents) FROM billing_bill WHERE source = 'bench' GROUP BY account_id;
    INSERT INTO billing_payment (reference, account_id, payer_id, gateway, amount_cents, state, created_at, expires_at,
                                 next_query_at, queries)
    SELECT 'HP' || n, n, n, 'alipay', 2600, 'PENDING', now(), now() + interval '1 day', now() + interval '1 day', 0
      FROM generate_series(%(first)s, %(last)s, %(paying)s) n"""
_TRACES = """
    INSERT INTO operations_slip (number, operation, operation_version, state, channel, data, quote, quote_digest,
                                 price_cents, confirmation, idempotency_key, input_hash, subject_kind, subject_id,
                                 result, refusal_code, refusal_text, started_at, actor_id)
    SELECT 'S' || n || '-' || k, CASE WHEN is_under_way THEN 'bill.dispute' ELSE 'bill.pay' END, 1,
           CASE WHEN is_under_way THEN 'IN_PROGRESS' ELSE 'DONE' END, 'WEB', '{}', '{}', '', 2600, '{}', k::text, '',
           CASE WHEN is_under_way THEN '' ELSE 'payment' END, '', '{}', '', '', now() - interval '1 month' * k, n
      FROM (SELECT n, k, k = 1 AND n %% %(under_way)s = 0 AS is_under_way
              FROM generate_series(1, %(slips)s) k, generate_series(%(first)s, %(last)s) n) AS given;
    INSERT INTO notices_message (code, recipient_ref, language, dedupe_key, context, created_at, attachment,
                                 unsubscribe_url, fallbacks)
    SELECT 'payment_succeeded', 'user:' || n, 'zh-hans', 'bench:' || n || ':' || k, '{}',
           now() - interval '1 month' * k, '', '', '[]'
      FROM generate_series(1, %(messages)s) k, generate_series(%(first)s, %(last)s) n"""


def fill(database: str, *, accounts: int) -> None:
    """So many accounts with all that hangs on them, in a copy of this database; the planner knows them."""
    today = clock.local_date(clock.now())
    values: dict[str, Any] = {
        "first": _FIRST,
        "last": _FIRST + accounts - 1,
        "family": FAMILY,
        "late": LATE,
        "paying": PAYING,
        "under_way": UNDER_WAY,
        "slips": SLIPS,
        "messages": MESSAGES,
        "region": Region.objects.filter(level=Region.Level.DISTRICT).values_list("pk", flat=True).first(),
    }
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        _check_no_keys(cursor)
        for table in _LAWS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(_PEOPLE, values)
        for month in reversed(range(MONTHS)):
            issued_on = bills.months_before(today, month)
            cursor.execute(_BILL, {**values, "month": month, "issued_on": issued_on})
        cursor.execute(_PAID, values)
        cursor.execute(_TRACES, values)
        connection.commit()
        for table in _LAWS:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        connection.commit()
        connection.autocommit = True
        cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _check_no_keys(cursor: Any) -> None:
    """Foreign keys hold by how the rows are made; looking up each of some twenty million takes minutes."""
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone()[0]:  # others may not, and wait
        cursor.execute("SET session_replication_role = replica")


def log_in(database: str, *, accounts: int, people: int) -> list[str]:
    """The session keys of so many customers, evenly among all; they are logged in."""
    step = max(1, accounts // people)
    ids = [_FIRST + place for place in range(0, accounts, step)][:people]
    keys = [f"{pk:032d}" for pk in ids]
    ends = clock.now() + timedelta(days=1)
    rows = [(key, _session(pk), ends) for key, pk in zip(keys, ids, strict=True)]
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        _insert_sessions(cursor, rows)
        connection.commit()
    return keys


def _insert_sessions(cursor: Any, rows: Sequence[tuple[Any, ...]]) -> None:
    cursor.executemany(
        "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, %s, %s)", rows
    )


def _session(pk: int) -> str:
    """What Django keeps of a log-in. The users of `fill` have no password, which is what the hash is of."""
    user, now = User(pk=pk, password="!"), time.time()
    return SessionStore().encode(
        {
            sessions.AGE: {"since": now, "seen": now, "staff": False},
            "_session_expiry": settings.SESSION_IDLE_SECONDS,
            SESSION_KEY: str(pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
    )
