"""The orders that the stand-in WeChat Pay keeps: their states and refunds."""

import secrets
import sqlite3
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sandbox.config import Config
from sandbox.store import Store
from sandbox.wechatpay.notices import Notices, Trouble

ENDINGS = ("SUCCESS", "ABNORMAL", "CLOSED")
_BEIJING = timezone(timedelta(hours=8))


class Refused(Exception):
    """A refusal as WeChat words it: HTTP status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request for a native order asks for. `request` is its whole body: the same again is the same order."""

    out_trade_no: str
    description: str
    total: int
    notify_url: str
    seconds: float
    request: str


class Orders:
    """All orders. What WeChat would refuse raises `Refused`."""

    def __init__(self, store: Store, notices: Notices, config: Config) -> None:
        self._store = store
        self._config = config
        self.notices = notices

    def open(self, wanted: Wanted) -> str:
        """Take an order and return the token of its QR code; the same order again has the same."""
        now = time.time()
        self._store.run(
            "INSERT INTO wechat_orders (out_trade_no, token, transaction_id, description, total, payer_total, state,"
            " notify_url, request, created_at, expires_at) SELECT ?, ?, ?, ?, ?, ?, 'NOTPAY', ?, ?, ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM wechat_orders WHERE out_trade_no = ?)",
            *(wanted.out_trade_no, secrets.token_hex(8), _number("4200"), wanted.description, wanted.total),
            *(
                wanted.total,
                wanted.notify_url,
                wanted.request,
                now,
                now + wanted.seconds,
                wanted.out_trade_no,
            ),
        )
        order = self.find(wanted.out_trade_no)
        if order["state"] in ("SUCCESS", "REFUND"):
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if order["state"] == "CLOSED":
            raise Refused(400, "ORDER_CLOSED", "该订单已关闭")
        if order["request"] != wanted.request:
            raise Refused(400, "INVALID_REQUEST", "201 商户订单号重复")
        return str(order["token"])

    def find(self, out_trade_no: str) -> sqlite3.Row:
        """By the merchant's number; of an order that was paid twice the first trade."""
        return self._found("SELECT * FROM wechat_orders WHERE out_trade_no = ? ORDER BY rowid", out_trade_no)

    def find_paid(self, transaction_id: str) -> sqlite3.Row:
        """By WeChat's own number, which nobody knows before the payment."""
        return self._found(
            "SELECT * FROM wechat_orders WHERE transaction_id = ? AND paid_at IS NOT NULL", transaction_id
        )

    def by_token(self, token: str) -> sqlite3.Row:
        """By what its QR code holds."""
        row = self._store.one("SELECT * FROM wechat_orders WHERE token = ?", token)
        if row is None:
            raise Refused(404, "ORDER_NOT_EXIST", "没有这个二维码")
        return row

    def latest(self, limit: int = 50) -> list[sqlite3.Row]:
        """Newest first."""
        return self._store.all("SELECT * FROM wechat_orders ORDER BY created_at DESC LIMIT ?", limit)

    def pay(self, transaction_id: str, trouble: Trouble, *, coupon: int = 0) -> None:
        """The customer pays: once, whatever he presses. `coupon` fen of it are somebody else's."""
        now = time.time()
        with self._store.transaction():
            changed = self._store.run(
                "UPDATE wechat_orders SET state = 'SUCCESS', paid_at = ?, payer_total = max(total - ?, 0)"
                " WHERE transaction_id = ? AND state = 'NOTPAY' AND expires_at > ?",
                *(now, coupon, transaction_id, now),
            )
            if not changed:
                raise Refused(400, "ORDERPAID", "订单已经付款或已经关闭")
            self.notices.paid(self.find_paid(transaction_id), trouble)

    def pay_again(self, transaction_id: str) -> None:
        """The order of a paid trade is paid once more: a trade of its own, with its own notice."""
        now, another = time.time(), _number("4200")
        with self._store.transaction():
            added = self._store.run(
                "INSERT INTO wechat_orders (out_trade_no, token, transaction_id, description, total, payer_total,"
                " state, notify_url, request, created_at, expires_at, paid_at) SELECT out_trade_no, ?, ?, description,"
                " total, total, 'SUCCESS', notify_url, request, ?, expires_at, ?"
                " FROM wechat_orders WHERE transaction_id = ? AND paid_at IS NOT NULL",
                *(secrets.token_hex(8), another, now, now, transaction_id),
            )
            if not added:
                raise Refused(400, "INVALID_REQUEST", "订单未支付")
            self.notices.paid(self.find_paid(another), Trouble())

    def close(self, out_trade_no: str) -> None:
        """Close an order that nobody has paid; closed before is as good."""
        changed = self._store.run(
            "UPDATE wechat_orders SET state = 'CLOSED' WHERE out_trade_no = ? AND state IN ('NOTPAY', 'CLOSED')",
            out_trade_no,
        )
        if not changed:
            self.find(out_trade_no)
            raise Refused(400, "ORDERPAID", "该订单已支付")

    def sweep(self) -> None:
        """Close what was not paid in time, and bring refunds to their end. No notice tells of a closed order."""
        now = time.time()
        self._store.run(
            "UPDATE wechat_orders SET state = 'CLOSED' WHERE state = 'NOTPAY' AND expires_at <= ?", now
        )
        for row in self._store.all(
            "SELECT * FROM wechat_refunds WHERE status = 'PROCESSING' AND due_at <= ?", now
        ):
            self._end(row, now)

    def end_refunds_with(self, transaction_id: str, ending: str) -> None:
        """What is to become of this trade's next refunds."""
        self._store.run(
            "UPDATE wechat_orders SET next_refund = ? WHERE transaction_id = ?", ending, transaction_id
        )

    def refunds(self, transaction_id: str) -> list[sqlite3.Row]:
        """Those of one trade, oldest first."""
        return self._store.all(
            "SELECT * FROM wechat_refunds WHERE transaction_id = ? ORDER BY created_at", transaction_id
        )

    def refund(
        self, order: sqlite3.Row, number: str, cents: int, reason: str, notify_url: str
    ) -> sqlite3.Row:
        """Begin to pay back; the same refund again is only told of."""
        transaction_id = order["transaction_id"]
        with self._store.transaction():
            earlier = self._refund(number)
            if earlier is not None:
                if (earlier["transaction_id"], earlier["amount"]) != (transaction_id, cents):
                    raise Refused(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致")
                return earlier
            self._check_refundable(order, cents)
            now = time.time()
            self._store.run(
                "INSERT INTO wechat_refunds VALUES (?, ?, ?, ?, ?, ?, 'PROCESSING', ?, ?, ?, NULL)",
                *(number, _number("5030"), transaction_id, cents, reason, notify_url, order["next_refund"]),
                *(now, now + self._config.refund_seconds),
            )
            self._store.run(
                "UPDATE wechat_orders SET state = 'REFUND' WHERE transaction_id = ?", transaction_id
            )
            return self.find_refund(number)

    def find_refund(self, number: str) -> sqlite3.Row:
        """By the merchant's number."""
        row = self._refund(number)
        if row is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return row

    def _found(self, sql: str, value: str) -> sqlite3.Row:
        row = self._store.one(sql, value)
        if row is None:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        return row

    def _refund(self, number: str) -> sqlite3.Row | None:
        return self._store.one("SELECT * FROM wechat_refunds WHERE out_refund_no = ?", number)

    def _check_refundable(self, order: sqlite3.Row, cents: int) -> None:
        if order["paid_at"] is None:
            raise Refused(400, "INVALID_REQUEST", "订单未支付")
        before = sum(
            row["amount"] for row in self.refunds(order["transaction_id"]) if row["status"] != "CLOSED"
        )
        if before + cents > order["total"]:
            raise Refused(400, "INVALID_REQUEST", "累计退款金额大于订单金额")

    def _end(self, refund: sqlite3.Row, now: float) -> None:
        with self._store.transaction():
            changed = self._store.run(
                "UPDATE wechat_refunds SET status = ending, success_at = CASE ending WHEN 'SUCCESS' THEN ? END"
                " WHERE out_refund_no = ? AND status = 'PROCESSING'",
                now,
                refund["out_refund_no"],
            )
            if changed:
                ended = self.find_refund(refund["out_refund_no"])
                self.notices.refunded(ended, self.find_paid(ended["transaction_id"]))


def _number(prefix: str) -> str:
    return f"{prefix}{datetime.now(_BEIJING):%Y%m%d}{secrets.randbelow(10**16):016d}"
