"""What the stand-ins remember: one SQLite database, in memory or in a file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trades (
    out_trade_no TEXT NOT NULL, token TEXT UNIQUE NOT NULL, trade_no TEXT PRIMARY KEY,
    subject TEXT NOT NULL, amount_cents INTEGER NOT NULL, status TEXT NOT NULL, charset TEXT NOT NULL,
    notify_url TEXT NOT NULL, return_url TEXT NOT NULL,
    created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL, closed_at REAL
);
CREATE INDEX IF NOT EXISTS trades_order ON trades (out_trade_no);
CREATE TABLE IF NOT EXISTS refunds (
    trade_no TEXT NOT NULL REFERENCES trades, request_no TEXT NOT NULL, amount_cents INTEGER NOT NULL,
    reason TEXT NOT NULL, refunded_at REAL NOT NULL, PRIMARY KEY (trade_no, request_no)
);
CREATE TABLE IF NOT EXISTS wechat_orders (
    out_trade_no TEXT NOT NULL, token TEXT UNIQUE NOT NULL, transaction_id TEXT PRIMARY KEY,
    description TEXT NOT NULL, total INTEGER NOT NULL, payer_total INTEGER NOT NULL, state TEXT NOT NULL,
    notify_url TEXT NOT NULL, request TEXT NOT NULL, next_refund TEXT NOT NULL DEFAULT 'SUCCESS',
    created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL
);
CREATE INDEX IF NOT EXISTS wechat_orders_order ON wechat_orders (out_trade_no);
CREATE TABLE IF NOT EXISTS wechat_refunds (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT UNIQUE NOT NULL,
    transaction_id TEXT NOT NULL REFERENCES wechat_orders, amount INTEGER NOT NULL, reason TEXT NOT NULL,
    notify_url TEXT NOT NULL, status TEXT NOT NULL,
    ending TEXT NOT NULL, created_at REAL NOT NULL, due_at REAL NOT NULL, success_at REAL
);
CREATE TABLE IF NOT EXISTS debit_agreements (
    reference TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, agreement_no TEXT NOT NULL, account_number TEXT NOT NULL,
    max_cents INTEGER NOT NULL, sign_by REAL NOT NULL, return_url TEXT NOT NULL, status TEXT NOT NULL,
    mood TEXT NOT NULL, created_at REAL NOT NULL, signed_at REAL
);
CREATE TABLE IF NOT EXISTS debits (
    reference TEXT PRIMARY KEY, trade_no TEXT UNIQUE NOT NULL, agreement_no TEXT NOT NULL,
    amount_cents INTEGER NOT NULL, subject TEXT NOT NULL, status TEXT NOT NULL, refusal TEXT NOT NULL,
    created_at REAL NOT NULL, paid_at REAL
);
CREATE TABLE IF NOT EXISTS debit_refunds (
    reference TEXT NOT NULL REFERENCES debits, request_no TEXT NOT NULL, amount_cents INTEGER NOT NULL,
    refunded_at REAL NOT NULL, PRIMARY KEY (reference, request_no)
);
CREATE TABLE IF NOT EXISTS provisioning_commands (
    key TEXT PRIMARY KEY, reference TEXT UNIQUE NOT NULL, action TEXT NOT NULL, subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL, payload TEXT NOT NULL, created_at REAL NOT NULL, done_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS provisioning_mood (mood TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    provider_message_id TEXT PRIMARY KEY, message_id TEXT UNIQUE NOT NULL, phone TEXT NOT NULL, text TEXT NOT NULL,
    status TEXT NOT NULL, received_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS letters (
    key TEXT PRIMARY KEY, message_id TEXT UNIQUE NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL,
    raw TEXT NOT NULL, status TEXT NOT NULL, received_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL,
    delays TEXT NOT NULL, losses INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'WAITING', last_answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due_at);
CREATE INDEX IF NOT EXISTS deliveries_subject ON deliveries (kind, subject);
CREATE INDEX IF NOT EXISTS messages_received ON messages (received_at);
"""

# A file in which an order had one trade only, with refunds by the order's number.
_OLD = {
    "trades": "SELECT * FROM old_trades",
    "refunds": "SELECT t.trade_no, r.request_no, r.amount_cents, r.reason, r.refunded_at"
    " FROM old_refunds r JOIN trades t USING (out_trade_no)",
    "wechat_orders": "SELECT * FROM old_wechat_orders",
    "wechat_refunds": "SELECT r.out_refund_no, r.refund_id, o.transaction_id, r.amount, r.reason, r.notify_url,"
    " r.status, r.ending, r.created_at, r.due_at, r.success_at"
    " FROM old_wechat_refunds r JOIN wechat_orders o USING (out_trade_no)",
}
_VERSION = 1

Value = str | int | float | None


class Store:
    """One connection, one writer at a time; every method may be called from any thread."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;")
        with self.transaction():
            self._shape(self._old())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and no other thread in between. Does not nest."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, sql: str, *values: Value) -> int:
        """Execute one statement and return how many rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """The first row, if there is one."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """All rows."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _old(self) -> dict[str, str]:
        """What is to be filled from which tables; an old file may not have all of them."""
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version:
            return {}
        there = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
        return {table: rows for table, rows in _OLD.items() if table in there}

    def _shape(self, old: dict[str, str]) -> None:
        """All tables as they are now, filled from those of an old file."""
        for table in reversed(old):
            self._connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        for statement in _SCHEMA.split(";"):
            self._connection.execute(statement)
        for table, rows in old.items():
            self._connection.execute(f"INSERT INTO {table} {rows}")
        for table in reversed(old):
            self._connection.execute(f"DROP TABLE old_{table}")
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Write everything down and let the file go."""
        with self._lock:
            self._connection.close()
