"""The file of the stand-ins: what an older one held is still there."""

import sqlite3
from pathlib import Path

from sandbox.store import Store

OLD = """
CREATE TABLE trades (
    out_trade_no TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, trade_no TEXT UNIQUE NOT NULL,
    subject TEXT NOT NULL, amount_cents INTEGER NOT NULL, status TEXT NOT NULL, charset TEXT NOT NULL,
    notify_url TEXT NOT NULL, return_url TEXT NOT NULL,
    created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL, closed_at REAL
);
CREATE TABLE refunds (
    out_trade_no TEXT NOT NULL REFERENCES trades, request_no TEXT NOT NULL, amount_cents INTEGER NOT NULL,
    reason TEXT NOT NULL, refunded_at REAL NOT NULL, PRIMARY KEY (out_trade_no, request_no)
);
CREATE TABLE wechat_orders (
    out_trade_no TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, transaction_id TEXT UNIQUE NOT NULL,
    description TEXT NOT NULL, total INTEGER NOT NULL, payer_total INTEGER NOT NULL, state TEXT NOT NULL,
    notify_url TEXT NOT NULL, request TEXT NOT NULL, next_refund TEXT NOT NULL DEFAULT 'SUCCESS',
    created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL
);
CREATE TABLE wechat_refunds (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT UNIQUE NOT NULL, out_trade_no TEXT NOT NULL REFERENCES wechat_orders,
    amount INTEGER NOT NULL, reason TEXT NOT NULL, notify_url TEXT NOT NULL, status TEXT NOT NULL,
    ending TEXT NOT NULL, created_at REAL NOT NULL, due_at REAL NOT NULL, success_at REAL
);
INSERT INTO trades VALUES ('P1', 'a', 'T1', '电视费', 2600, 'TRADE_SUCCESS', 'utf-8', '', '', 1, 2, 1.5, NULL);
INSERT INTO refunds VALUES ('P1', 'R1', 1000, '多收', 1.6);
INSERT INTO wechat_orders VALUES ('P2', 'b', '42', '电视费', 900, 900, 'REFUND', '', '{}', 'SUCCESS', 1, 2, 1.5);
INSERT INTO wechat_refunds VALUES ('R2', '50', 'P2', 300, '', '', 'SUCCESS', 'SUCCESS', 1.6, 1.7, 1.8);
"""


def opened(path: Path) -> list[tuple[object, ...]]:
    """What the file tells after the stand-ins have opened it."""
    store = Store(path)
    rows = [
        *store.all("SELECT trade_no, request_no, amount_cents, reason, refunded_at FROM refunds"),
        *store.all("SELECT out_trade_no, trade_no, status, paid_at FROM trades"),
        *store.all("SELECT transaction_id, out_refund_no, amount, status, success_at FROM wechat_refunds"),
        *store.all("SELECT out_trade_no, transaction_id, state, total FROM wechat_orders"),
    ]
    store.close()
    return [tuple(row) for row in rows]


def test_an_older_file_keeps_its_trades_and_refunds(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(OLD)
    connection.close()
    for _ in range(2):
        assert opened(path) == [
            ("T1", "R1", 1000, "多收", 1.6),
            ("P1", "T1", "TRADE_SUCCESS", 1.5),
            ("42", "R2", 300, "SUCCESS", 1.8),
            ("P2", "42", "REFUND", 900),
        ]
    with sqlite3.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        indexes = {"trades_order", "wechat_orders_order"}
    assert indexes <= tables
    assert not any(name.startswith("old_") for name in tables)


def test_an_older_file_without_wechat(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("".join(f"{part};" for part in OLD.split(";") if "wechat" not in part))
    connection.close()
    for _ in range(2):
        assert opened(path) == [("T1", "R1", 1000, "多收", 1.6), ("P1", "T1", "TRADE_SUCCESS", 1.5)]


def test_a_new_file_is_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        assert opened(tmp_path / "sandbox.sqlite") == []
