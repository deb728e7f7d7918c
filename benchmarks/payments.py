"""`script/bench payments`: intake, applying, end to end, and imports."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.conf import settings
from django.db import connection

from benchmarks import load, processes, state
from benchmarks.exports import open_accounts, write_bills
from benchmarks.harness import Sheet, in_turn, rate
from benchmarks.intake import BARE, measured
from billing.gateways import rsa2
from billing.gateways.base import Report, ReportStatus
from billing.models import GatewayCallback
from billing.services.payments import callbacks, reports
from core import clock

CALLBACK_URL = "/payments/callbacks/alipay/"
APPLIED = 600
END_TO_END_SECONDS = 60
END_TO_END_PACE = 165.0
DRAIN_SECONDS = 60
IMPORT_ROWS = 1_000_000


def run(parts: list[str]) -> bool:
    """All parts, or those named: intake, apply, end_to_end, import. False: a figure is missing."""
    sheet = Sheet("payments")
    known: dict[str, Callable[[Sheet], None]] = {
        "intake": intake,
        "apply": apply,
        "end_to_end": end_to_end,
        "import": import_bills,
    }
    for name in parts or known:
        state.settle()
        known[name](sheet)
    return sheet.show()


def intake(sheet: Sheet) -> None:
    """Callbacks over HTTP against a bare view with one ORM INSERT, on the same server and database."""
    references = state.payments(1_000)
    notices = [load.request(CALLBACK_URL, _notice(reference)) for reference in references]
    bare = load.request(BARE, _notice(references[0]))
    pair = measured(notices, bare)
    sheet.at_least("callback_intake_vs_bare_insert", pair.ratio, 0.5, pair.note)


def apply(sheet: Sheet) -> None:
    """Applying one payment in the worker's process against pgbench with one client doing the same by bare SQL."""
    state.forget_old_work()
    _peer_tables()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "apply.sql"
        script.write_text(PEER_SCRIPT)
        pair = in_turn(_apply_rate, lambda: _pgbench_rate(script))
    sheet.at_least("payment_apply_vs_pgbench", pair.ratio, 0.25, pair.note)


def end_to_end(sheet: Sheet) -> None:
    """Callbacks at a steady pace into one web process; two prefork workers apply them and carry out the news."""
    state.forget_old_work()
    count = round(END_TO_END_PACE * END_TO_END_SECONDS)
    references = state.payments(count)
    notices = [load.request(CALLBACK_URL, _notice(reference)) for reference in references]
    with processes.web({}) as port, processes.worker({}), processes.beat({}):
        time.sleep(6)  # the workers' own start is not the measurement
        started = clock.now()
        answers = load.paced(port, iter(notices), per_second=END_TO_END_PACE, seconds=END_TO_END_SECONDS)
        ended = clock.now()
        applied = _applied_since(started, count=count)
    if answers.accepted != count:
        raise RuntimeError(f"only {answers.accepted} of {count} callbacks were accepted")
    in_time = sum(at <= ended for at, _wait in applied)
    # Every callback counts, those that were applied after the load too: the slowest are among them.
    waits = sorted(wait for _at, wait in applied)
    sent_for = (ended - started).total_seconds()
    note = f"{in_time:,} of {count:,} sent in {sent_for:.0f} s; median wait {statistics.median(waits):.3f} s"
    sheet.at_least("end_to_end_per_s", in_time / sent_for, 150, note)
    sheet.at_most("end_to_end_p95_s", waits[int(count * 0.95)], 2.0, "callback stored → payment SUCCEEDED")


def import_bills(sheet: Sheet) -> None:
    """A million bills by the command, as an operator runs it."""
    open_accounts()
    with tempfile.TemporaryDirectory() as folder:
        export, profile = write_bills(Path(folder), rows=IMPORT_ROWS)
        command = [
            sys.executable,
            "manage.py",
            "import_bills",
            str(export),
            "--profile",
            str(profile),
            "--json",
        ]
        ended = processes.timed(command)
    if ended.code:
        raise RuntimeError(f"import_bills ended with {ended.code}: {ended.output[-500:]}")
    sheet.at_least(
        "import_bills_per_s",
        IMPORT_ROWS / ended.seconds,
        20_000,
        f"{IMPORT_ROWS:,} rows in {ended.seconds:.1f} s",
    )
    sheet.at_most("import_peak_mb", ended.peak_mb, 300, "largest child process")


# ---- messages -------------------------------------------------------------------------------------------------


@cache
def _gateway_key() -> RSAPrivateKey:
    return rsa2.read_private_key(Path(os.environ["BENCH_KEYS"]) / "alipay_private_key.pem")


def _notice(reference: str) -> bytes:
    """A success notice as the gateway signs it."""
    fields = {
        "app_id": settings.ALIPAY_APP_ID,
        "auth_app_id": settings.ALIPAY_APP_ID,
        "buyer_id": "2088100000000001",
        "buyer_logon_id": "138****0001",
        "buyer_pay_amount": "26.00",
        "charset": "utf-8",
        "fund_bill_list": '[{"amount":"26.00","fundChannel":"ALIPAYACCOUNT"}]',
        "gmt_create": "2026-11-20 10:00:00",
        "gmt_payment": "2026-11-20 10:00:04",
        "invoice_amount": "26.00",
        "notify_id": f"n{reference}",
        "notify_time": "2026-11-20 10:00:05",
        "notify_type": "trade_status_sync",
        "out_trade_no": reference,
        "point_amount": "0.00",
        "receipt_amount": "26.00",
        "seller_id": settings.ALIPAY_SELLER_ID,
        "subject": "有线电视费",
        "total_amount": "26.00",
        "trade_no": f"2026112022{reference}",
        "trade_status": "TRADE_SUCCESS",
        "version": "1.0",
    }
    content = "&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
    signature = rsa2.sign(_gateway_key(), content)
    everything = {**fields, "sign_type": "RSA2", "sign": signature}
    return "&".join(f"{name}={quote_plus(value)}" for name, value in everything.items()).encode()


# ---- applying against pgbench ----------------------------------------------------------------------------------

PEER_SCRIPT = """\\set n random(1, 1000000000)
\\set p random(1, 20000)
BEGIN;
INSERT INTO peer_callback (notify_id, body) VALUES (:n, 'x') ON CONFLICT DO NOTHING;
SELECT * FROM peer_payment WHERE id = :p FOR UPDATE;
UPDATE peer_payment SET state = 'SUCCEEDED' WHERE id = :p;
UPDATE peer_bill SET paid_cents = paid_cents + 1 WHERE id = :p;
INSERT INTO peer_entry (account_id, amount_cents) VALUES (:p, 2600);
UPDATE peer_balance SET balance_cents = balance_cents + 2600 WHERE account_id = :p;
COMMIT;
"""

_PEER_TABLES = """
    CREATE TABLE peer_callback (id bigserial PRIMARY KEY, notify_id bigint UNIQUE, body text);
    CREATE TABLE peer_payment (id bigint PRIMARY KEY, state text);
    CREATE TABLE peer_bill (id bigint PRIMARY KEY, paid_cents bigint);
    CREATE TABLE peer_entry (id bigserial PRIMARY KEY, account_id bigint, amount_cents bigint);
    CREATE TABLE peer_balance (account_id bigint PRIMARY KEY, balance_cents bigint);
    INSERT INTO peer_payment SELECT n, 'PENDING' FROM generate_series(1, 20000) n;
    INSERT INTO peer_bill SELECT n, 0 FROM generate_series(1, 20000) n;
    INSERT INTO peer_balance SELECT n, 0 FROM generate_series(1, 20000) n;
    ANALYZE"""


def _peer_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PEER_TABLES)


def _apply_rate() -> float:
    """Stored callbacks applied one after the other, as the worker does it; per second."""
    stored = _stored_callbacks(state.payments(APPLIED))

    def work() -> None:
        done = 0
        while claimed := callbacks.claim(as_of=clock.now()):
            for callback in claimed:
                callbacks.apply_claimed(callback, as_of=clock.now())
            done += len(claimed)
        if done != stored:
            raise RuntimeError(f"{done} of {stored} callbacks applied")

    return rate(stored, work)


def _stored_callbacks(references: list[str]) -> int:
    now = clock.now()
    rows = [
        GatewayCallback(
            gateway="alipay",
            reference=reference,
            payment_id=payment_id,
            report=reports.dump(_report(reference, now)),
            verdict="OK",
            body=b"",
            received_at=now,
            next_attempt_at=now,
        )
        for payment_id, reference in _ids(references)
    ]
    GatewayCallback.objects.bulk_create(rows)
    return len(rows)


def _ids(references: list[str]) -> list[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, reference FROM billing_payment WHERE reference = ANY(%s)", [references])
        return list(cursor.fetchall())


def _report(reference: str, at: datetime) -> Report:
    return Report(
        gateway="alipay",
        reference=reference,
        trade_no=f"T{reference}",
        status=ReportStatus.SUCCEEDED,
        amount_cents=state.BILL_CENTS,
        paid_at=at,
        refunds=(),
        total_refunded_cents=0,
        buyer="",
        occurred_at=at,
        notify_id=f"n{reference}",
    )


def _pgbench_rate(script: Path) -> float:
    command = ["pgbench", "-n", "-c", "1", "-T", "4", "-f", str(script)]
    database = connection.settings_dict
    command += ["-h", str(database["HOST"]), "-p", str(database["PORT"]), "-U", str(database["USER"])]
    environment = {**os.environ, "PGPASSWORD": str(database["PASSWORD"] or "")}
    done = subprocess.run(
        [*command, str(database["NAME"])], env=environment, capture_output=True, text=True, check=True
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench printed no rate: {done.stdout}")
    return float(found[1])


def _applied_since(started: datetime, *, count: int) -> list[tuple[datetime, float]]:
    """(when, seconds waited) of the `count` callbacks that came since; waits until the last of them is applied."""
    ends_at = time.monotonic() + DRAIN_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT applied_at, extract(epoch FROM applied_at - received_at) FROM billing_gatewaycallback"
                " WHERE received_at >= %s AND applied_at IS NOT NULL",
                [started],
            )
            applied = [(at, float(wait)) for at, wait in cursor.fetchall()]
        if len(applied) >= count:
            return applied
        if time.monotonic() > ends_at:
            raise RuntimeError(f"only {len(applied)} of {count} callbacks were applied")
        time.sleep(0.5)
