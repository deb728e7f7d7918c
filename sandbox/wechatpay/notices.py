"""What the stand-in WeChat Pay tells the hall by itself."""

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sandbox import courier
from sandbox.config import Config
from sandbox.store import Store
from sandbox.wechatpay import SCHEDULE
from sandbox.wechatpay.signing import Seals

KIND = "wechatpay-notice"
_BEIJING = timezone(timedelta(hours=8))
_OPENID = "oSTANDIN0000000000000000001"
_REFUND_SUMMARIES = {"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How a developer wants the notice of a payment to go wrong. `probe`: one with a wrong signature goes ahead."""

    delay: float = 0.0
    lose_first: bool = False
    twice: bool = False
    probe: bool = False


class Notices:
    """Puts notices on their way. The caller holds the store's transaction, so that state and notice are one."""

    def __init__(self, store: Store, seals: Seals, config: Config) -> None:
        self._store = store
        self._seals = seals
        self._config = config

    def paid(self, order: sqlite3.Row, trouble: Trouble) -> None:
        """The order was paid."""
        values = transaction(order, self._config)
        body = self._seals.event(
            "TRANSACTION.SUCCESS", "支付成功", "transaction", values, beijing(time.time())
        )
        if trouble.probe:
            self._send(
                order["out_trade_no"], order["notify_url"], {"body": body, "probe": "1"}, Trouble(), ()
            )
        for _ in range(2 if trouble.twice else 1):
            self._send(order["out_trade_no"], order["notify_url"], {"body": body}, trouble, SCHEDULE)

    def refunded(self, refund: sqlite3.Row, order: sqlite3.Row) -> None:
        """The refund came to its end."""
        if not refund["notify_url"]:
            return
        status = refund["status"]
        values = {
            "mchid": self._config.wechatpay_mch_id,
            "out_trade_no": order["out_trade_no"],
            "transaction_id": order["transaction_id"],
            "out_refund_no": refund["out_refund_no"],
            "refund_id": refund["refund_id"],
            "refund_status": status,
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": order["total"],
                "refund": refund["amount"],
                "payer_total": order["payer_total"],
                "payer_refund": min(refund["amount"], order["payer_total"]),
            },
        }
        if refund["success_at"]:
            values["success_time"] = beijing(refund["success_at"])
        body = self._seals.event(
            f"REFUND.{status}", _REFUND_SUMMARIES[status], "refund", values, beijing(time.time())
        )
        self._send(order["out_trade_no"], refund["notify_url"], {"body": body}, Trouble(), SCHEDULE)

    def of_order(self, out_trade_no: str) -> list[sqlite3.Row]:
        """Oldest first."""
        return self._store.all(
            "SELECT * FROM deliveries WHERE kind = ? AND subject = ? ORDER BY id", KIND, out_trade_no
        )

    def _send(
        self, subject: str, url: str, payload: Mapping[str, str], trouble: Trouble, schedule: tuple[int, ...]
    ) -> None:
        courier.enqueue(
            self._store,
            KIND,
            subject=subject,
            url=url,
            payload=payload,
            delays=[seconds / max(self._config.time_factor, 0.001) for seconds in schedule],
            wait=trouble.delay,
            losses=int(trouble.lose_first),
        )


def transaction(order: sqlite3.Row, config: Config) -> dict[str, object]:
    """An order as a notice carries it and as a query answers."""
    values: dict[str, object] = {
        "appid": config.wechatpay_app_id,
        "mchid": config.wechatpay_mch_id,
        "out_trade_no": order["out_trade_no"],
        "attach": "",
        "trade_state": order["state"],
        "trade_state_desc": order["state"],
        "amount": {"total": order["total"], "currency": "CNY", "payer_currency": "CNY"},
    }
    if order["paid_at"]:
        values |= {
            "transaction_id": order["transaction_id"],
            "trade_type": "NATIVE",
            "bank_type": "OTHERS",
            "success_time": beijing(order["paid_at"]),
            "payer": {"openid": _OPENID},
            "amount": {
                "total": order["total"],
                "payer_total": order["payer_total"],
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
    return values


def beijing(moment: float) -> str:
    """A moment as WeChat writes it."""
    return datetime.fromtimestamp(moment, _BEIJING).isoformat(timespec="seconds")
