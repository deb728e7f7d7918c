"""A statement of a million lines, imported by the command and matched against as many payments and receipts."""

import json
import sys
import tempfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection

from benchmarks import processes, state, statement_files
from benchmarks.exports import ACCOUNTS, open_accounts
from benchmarks.harness import ROUNDS, Sheet
from core import clock

PAYMENTS = 990_000
LINES = statement_files.lines(PAYMENTS)
DIFFER = 9_900  # of one payment in so many we hold another amount
DIFFERING = PAYMENTS // DIFFER
ONLY_OURS = 100  # so many payments the statement does not name

# The laws want each payment to begin as CREATED and walk to its end. They sleep while the past is written.
_LAWS = "ALTER TABLE billing_payment {} TRIGGER USER"
_BOOKS = """
    WITH account AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place
                       FROM accounts_billingaccount WHERE number LIKE '82%%'),
    paid AS (
        SELECT n, account.id AS account_id, %(prefix)s || lpad(n::text, 12, '0') AS reference,
               1000 + n * 7919 %% 9000 + (n %% %(differ)s = 7)::int AS cents,
               %(midnight)s + make_interval(secs => 3600 + n * 79200 / %(payments)s) AS at
          FROM generate_series(0::bigint, %(payments)s + %(more)s - 1) n JOIN account ON place = n %% %(accounts)s),
    payment AS (
        INSERT INTO billing_payment (reference, account_id, gateway, amount_cents, state, created_at, expires_at,
                                     next_query_at, queries, succeeded_at)
        SELECT reference, account_id, %(gateway)s, cents, 'SUCCEEDED', at, at, at, 0, at FROM paid
        RETURNING id, reference),
    receipt AS (
        INSERT INTO billing_receipt (number, gateway, trade_no, payment_id, account_id, amount_cents, allocated_cents,
                                     refunded_cents, review_reason, paid_at, booked_at)
        SELECT 'R' || reference, %(gateway)s, lpad(n::text, 28, '0'), payment.id, account_id, cents, 0,
               CASE WHEN n %% %(every)s = 0 AND n < %(payments)s THEN %(refund)s ELSE 0 END, '', at, at
          FROM paid JOIN payment USING (reference)
        RETURNING id, number, refunded_cents, paid_at)
    INSERT INTO billing_refund (receipt_id, request_no, amount_cents, refunded_at, booked_at)
    SELECT id, 'RF' || substr(number, 2), refunded_cents, paid_at, paid_at FROM receipt WHERE refunded_cents > 0"""


def statement_import(sheet: Sheet) -> None:
    """Each channel's file against books of its own; the slower and the larger of the two are the figures."""
    open_accounts()
    day = clock.local_date(clock.now()) - timedelta(days=1)
    runs = {gateway: _rounds(gateway, day) for gateway in statement_files.MERCHANTS}
    rates = {gateway: [LINES / run.seconds for run in ended] for gateway, ended in runs.items()}
    peaks = {gateway: max(run.peak_mb for run in ended) for gateway, ended in runs.items()}
    slowest = min(median(each) for each in rates.values())
    told = (f"{name} {min(each):,.0f}–{max(each):,.0f}/s" for name, each in rates.items())
    sheet.at_least("statement_lines_per_s", slowest, 50_000, f"{LINES:,} lines; {', '.join(told)}")
    told = (f"{name} {peak:.0f}" for name, peak in peaks.items())
    sheet.at_most("statement_peak_mb", max(peaks.values()), 400, ", ".join(told))


def _rounds(gateway: str, day: date) -> list[processes.Ended]:
    """The same day again and again, each time as a newer version of its file."""
    _write_books(gateway, day)
    with tempfile.TemporaryDirectory() as folder:
        return [_imported(Path(folder), gateway, day, version) for version in range(1, ROUNDS + 1)]


def _imported(folder: Path, gateway: str, day: date, version: int) -> processes.Ended:
    path = statement_files.write(folder, gateway=gateway, day=day, payments=PAYMENTS, version=version)
    state.settle()
    command = [sys.executable, "manage.py", "import_statement", "--gateway", gateway, str(path), "--json"]
    ended = processes.timed([*command, "--new-version"] if version > 1 else command)
    _check(ended, version)
    return ended


def _write_books(gateway: str, day: date) -> None:
    """As many payments, receipts and refunds as the file has lines, and no others."""
    values: dict[str, Any] = {
        "gateway": gateway,
        "prefix": statement_files.PREFIXES[gateway],
        "midnight": datetime.combine(day, time(), tzinfo=clock.SHANGHAI),
        "payments": PAYMENTS,
        "more": ONLY_OURS,
        "accounts": ACCOUNTS,
        "differ": DIFFER,
        "every": statement_files.EVERY,
        "refund": statement_files.REFUND_CENTS,
    }
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE billing_payment, billing_receipt CASCADE")
        cursor.execute(_LAWS.format("DISABLE"))
        cursor.execute(_BOOKS, values)
        cursor.execute(_LAWS.format("ENABLE"))


def _check(ended: processes.Ended, version: int) -> None:
    """Each line was found to be what it is; a quick import of anything else would be no figure."""
    wanted = {
        "PAYMENT": {"MATCHED": PAYMENTS - DIFFERING, "AMOUNT_MISMATCH": DIFFERING, "LOCAL_ONLY": ONLY_OURS},
        "REFUND": {"MATCHED": statement_files.refunds(PAYMENTS)},
    }
    try:
        told = json.loads(ended.output)
        found = {
            kind: {verdict: number for verdict, (number, _fen) in verdicts.items() if number}
            for kind, verdicts in told["counts"].items()
        }
    except (ValueError, KeyError):
        raise RuntimeError(f"import_statement ended with {ended.code}: {ended.output[-500:]}") from None
    if (told["outcome"], told["version"], found) != ("IMPORTED", version, wanted):
        raise RuntimeError(f"import_statement found {told['outcome']}, version {told['version']}: {found}")
