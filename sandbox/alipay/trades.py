"""The trades that the stand-in Alipay keeps: their states, refunds and notices."""

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sandbox import courier
from sandbox.alipay import SCHEDULE
from sandbox.alipay.signing import Signer
from sandbox.config import Config
from sandbox.store import Store

KIND = "alipay-notice"
_BEIJING = timezone(timedelta(hours=8))
_BUYER_ID = "2088100000000001"
_BUYER_ACCOUNT = "138****0001"
_LONGEST_SECONDS = 15 * 86_400.0


class Refused(Exception):
    """A business error as Alipay words it: sub_code and sub_msg."""

    def __init__(self, sub_code: str, sub_msg: str) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.sub_msg = sub_msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a page pay request asks for; `seconds` is how long it may be paid."""

    out_trade_no: str
    subject: str
    amount_cents: int
    charset: str
    notify_url: str
    return_url: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How a developer wants the notice of a payment to go wrong."""

    delay: float = 0.0
    lose_first: bool = False
    twice: bool = False
    gbk: bool = False


class Trades:
    """All trades. What Alipay would refuse raises `Refused`."""

    def __init__(self, store: Store, signer: Signer, config: Config) -> None:
        self._store = store
        self._signer = signer
        self._config = config

    def open(self, order: Order) -> str:
        """Take a page pay request and return the token of its cashier page; the same order again is the same page."""
        now = time.time()
        seconds = min(order.seconds, _LONGEST_SECONDS)
        self._store.run(
            "INSERT INTO trades (out_trade_no, token, trade_no, subject, amount_cents, status, charset, notify_url,"
            " return_url, created_at, expires_at) SELECT ?, ?, ?, ?, ?, 'WAIT_BUYER_PAY', ?, ?, ?, ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM trades WHERE out_trade_no = ?)",
            *(
                order.out_trade_no,
                secrets.token_hex(12),
                _trade_no(),
                order.subject,
                order.amount_cents,
                order.charset,
            ),
            *(order.notify_url or self._config.notify_url, order.return_url, now, now + seconds),
            order.out_trade_no,
        )
        trade = self.find(order.out_trade_no)
        if trade["amount_cents"] != order.amount_cents:
            raise Refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改：同一商户订单号的金额不同")
        return str(trade["token"])

    def find(self, out_trade_no: str, trade_no: str = "") -> sqlite3.Row:
        """By Alipay's number where it is given; else the first trade of the merchant's order."""
        name, value = ("trade_no", trade_no) if trade_no else ("out_trade_no", out_trade_no)
        row = self._store.one(f"SELECT * FROM trades WHERE {name} = ? ORDER BY rowid", value)
        if row is None:
            raise Refused("ACQ.TRADE_NOT_EXIST", "交易不存在")
        return row

    def by_token(self, token: str) -> sqlite3.Row:
        """By the token of the cashier page."""
        row = self._store.one("SELECT * FROM trades WHERE token = ?", token)
        if row is None:
            raise Refused("ACQ.TRADE_NOT_EXIST", "交易不存在")
        return row

    def latest(self, limit: int = 50) -> list[sqlite3.Row]:
        """Newest first."""
        return self._store.all("SELECT * FROM trades ORDER BY created_at DESC LIMIT ?", limit)

    def deliveries(self, out_trade_no: str) -> list[sqlite3.Row]:
        """The notices of an order's trades, oldest first."""
        return self._store.all(
            "SELECT * FROM deliveries WHERE kind = ? AND subject = ? ORDER BY id", KIND, out_trade_no
        )

    def refunded(self, trade_no: str) -> int:
        """What has been paid back of one trade so far, in fen."""
        row = self._store.one(
            "SELECT coalesce(sum(amount_cents), 0) AS total FROM refunds WHERE trade_no = ?", trade_no
        )
        return int(row["total"]) if row else 0

    def refund_of(self, trade_no: str, request_no: str) -> sqlite3.Row | None:
        """One refund of one trade."""
        return self._store.one(
            "SELECT * FROM refunds WHERE trade_no = ? AND request_no = ?", trade_no, request_no
        )

    def pay(self, trade_no: str, trouble: Trouble) -> None:
        """The customer pays: once, whatever he presses; the notice starts on its way."""
        now = time.time()
        with self._store.transaction():
            changed = self._store.run(
                "UPDATE trades SET status = 'TRADE_SUCCESS', paid_at = ?, charset = CASE WHEN ? THEN 'GBK' ELSE charset"
                " END WHERE trade_no = ? AND status = 'WAIT_BUYER_PAY' AND expires_at > ?",
                *(now, int(trouble.gbk), trade_no, now),
            )
            if not changed:
                raise Refused("ACQ.TRADE_HAS_CLOSE", "交易已经付款或已经关闭")
            self._notify(trade_no, {}, trouble)

    def pay_again(self, trade_no: str) -> sqlite3.Row:
        """The order of a paid trade is paid once more: a trade of its own, with its own notice."""
        now, another = time.time(), _trade_no()
        with self._store.transaction():
            added = self._store.run(
                "INSERT INTO trades (out_trade_no, token, trade_no, subject, amount_cents, status, charset, notify_url,"
                " return_url, created_at, expires_at, paid_at) SELECT out_trade_no, ?, ?, subject, amount_cents,"
                " 'TRADE_SUCCESS', charset, notify_url, return_url, ?, expires_at, ?"
                " FROM trades WHERE trade_no = ? AND paid_at IS NOT NULL",
                *(secrets.token_hex(12), another, now, now, trade_no),
            )
            if not added:
                raise Refused("ACQ.TRADE_STATUS_ERROR", "交易还没有付款")
            self._notify(another, {}, Trouble())
        return self.find("", another)

    def close(self, trade_no: str) -> None:
        """Close a trade that nobody has paid."""
        with self._store.transaction():
            changed = self._store.run(
                "UPDATE trades SET status = 'TRADE_CLOSED', closed_at = ? WHERE trade_no = ?"
                " AND status = 'WAIT_BUYER_PAY'",
                *(time.time(), trade_no),
            )
            if not changed:
                raise Refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
            self._notify(trade_no, {}, Trouble())

    def expire(self) -> None:
        """Close what was not paid in time."""
        for row in self._store.all(
            "SELECT trade_no FROM trades WHERE status = 'WAIT_BUYER_PAY' AND expires_at <= ?", time.time()
        ):
            try:
                self.close(row["trade_no"])
            except Refused:
                continue  # somebody else closed it in this moment

    def refund(self, trade_no: str, request_no: str, amount_cents: int, reason: str) -> bool:
        """Pay back. False: this very refund has been paid before, nothing moved now."""
        with self._store.transaction():
            trade = self.find("", trade_no)
            if earlier := self.refund_of(trade_no, request_no):
                if earlier["amount_cents"] != amount_cents:
                    raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求")
                return False
            total = self.refunded(trade_no) + amount_cents
            _check_refundable(trade, total)
            now = time.time()
            self._store.run(
                "INSERT INTO refunds VALUES (?, ?, ?, ?, ?)",
                trade_no,
                request_no,
                amount_cents,
                reason,
                now,
            )
            if total == trade["amount_cents"]:
                self._store.run(
                    "UPDATE trades SET status = 'TRADE_CLOSED', closed_at = ? WHERE trade_no = ?",
                    now,
                    trade_no,
                )
            fields = {
                "refund_fee": yuan(total),
                "gmt_refund": beijing(now, milliseconds=True),
                "out_biz_no": request_no,
            }
            self._notify(trade_no, fields, Trouble())
        return True

    def write_notice(self, payload: dict[str, str]) -> bytes:
        """The form of one send: the notice stays the same, its time and so its signature are new."""
        return self._signer.form({**payload, "notify_time": beijing(time.time())}).encode("ascii")

    def _notify(self, trade_no: str, more: dict[str, str], trouble: Trouble) -> None:
        trade = self.find("", trade_no)
        if not trade["notify_url"]:
            return
        payload = {**self._notice(trade), **more}
        for _ in range(2 if trouble.twice else 1):
            courier.enqueue(
                self._store,
                KIND,
                subject=trade["out_trade_no"],
                url=trade["notify_url"],
                payload=payload,
                delays=[seconds / max(self._config.time_factor, 0.001) for seconds in SCHEDULE],
                wait=trouble.delay,
                losses=int(trouble.lose_first),
            )

    def _notice(self, trade: sqlite3.Row) -> dict[str, str]:
        amount = yuan(trade["amount_cents"])
        fields = {
            "gmt_create": beijing(trade["created_at"]),
            "charset": trade["charset"],
            "subject": trade["subject"],
            "notify_id": f"{datetime.now(_BEIJING):%Y%m%d}00222{secrets.randbelow(10**20):020d}",
            "notify_type": "trade_status_sync",
            "trade_status": trade["status"],
            "app_id": self._config.app_id,
            "auth_app_id": self._config.app_id,
            "seller_id": self._config.seller_id,
            "version": "1.0",
            "out_trade_no": trade["out_trade_no"],
            "total_amount": amount,
            "trade_no": trade["trade_no"],
        }
        if trade["paid_at"]:
            bills = json.dumps([{"amount": amount, "fundChannel": "ALIPAYACCOUNT"}], separators=(",", ":"))
            fields |= {
                "gmt_payment": beijing(trade["paid_at"]),
                "receipt_amount": amount,
                "buyer_pay_amount": amount,
            }
            fields |= {"invoice_amount": amount, "point_amount": "0.00", "fund_bill_list": bills}
            fields |= {"buyer_id": _BUYER_ID, "buyer_logon_id": _BUYER_ACCOUNT}
        if trade["closed_at"]:
            fields["gmt_close"] = beijing(trade["closed_at"])
        return fields


def _trade_no() -> str:
    return f"{datetime.now(_BEIJING):%Y%m%d}22001{secrets.randbelow(10**15):015d}"


def yuan(cents: int) -> str:
    """2600 → "26.00"."""
    return f"{cents // 100}.{cents % 100:02d}"


def beijing(moment: float, *, milliseconds: bool = False) -> str:
    """A moment as Alipay writes it."""
    text = datetime.fromtimestamp(moment, _BEIJING).isoformat(" ", "milliseconds")
    return text[:23] if milliseconds else text[:19]


def account(trade: sqlite3.Row) -> str:
    """Who paid, masked; "" before."""
    return _BUYER_ACCOUNT if trade["paid_at"] else ""


def _check_refundable(trade: sqlite3.Row, total: int) -> None:
    if trade["status"] == "TRADE_FINISHED":
        raise Refused("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if trade["paid_at"] is None:
        raise Refused("ACQ.TRADE_STATUS_ERROR", "交易状态非法")
    if total > trade["amount_cents"]:
        raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
