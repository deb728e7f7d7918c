"""The pages of the stand-in Alipay: the cashier where a developer pays, and the list of trades."""

import json
import sqlite3
import time
from html import escape
from urllib.parse import quote

from sandbox import web
from sandbox.alipay import BANNER
from sandbox.alipay.signing import Signer
from sandbox.alipay.trades import Refused, Trades, Trouble, beijing, yuan
from sandbox.config import Config

_LONGEST_DELAY = 3600.0
_STATES = {
    "WAIT_BUYER_PAY": "等待付款",
    "TRADE_SUCCESS": "支付成功",
    "TRADE_CLOSED": "交易关闭",
    "TRADE_FINISHED": "交易完结",
}
_KNOBS = """
<details><summary>开发选项 · How the notice goes wrong</summary>
<label><input type="number" name="delay" value="0" min="0" max="3600" step="any">
秒后才发通知 · delay in seconds</label>
<label><input type="checkbox" name="lose_first"> 丢失第一次通知 · lose the first one</label>
<label><input type="checkbox" name="twice"> 通知发两遍 · send it twice</label>
<label><input type="checkbox" name="gbk"> 用 GBK 编码 · in GBK</label>
</details>"""
_BUTTONS = """
<button class="main" name="action" value="pay">确认付款</button>
<button name="action" value="stay">付款后不跳回</button>
<button name="action" value="cancel">取消</button>"""

_AGAIN = """
<form method="post"><details><summary>开发选项 · Pay it twice</summary>
<button name="action" value="again">同一订单再付一次 · pay the same order once more</button></details></form>"""


class Cashier:
    """Shows a trade by the token of its page and lets the visitor pay it."""

    def __init__(self, trades: Trades, signer: Signer, config: Config) -> None:
        self._trades = trades
        self._signer = signer
        self._config = config

    def show(self, request: web.Request) -> web.Answer:
        """The cashier page."""
        try:
            trade = self._trades.by_token(request.groups[0])
        except Refused as error:
            return web.page(
                "没有这笔交易 · No such trade", f"<p>{escape(error.sub_msg)}</p>", banner=BANNER, status=404
            )
        if trade["status"] != "WAIT_BUYER_PAY" or trade["expires_at"] <= time.time():
            return self._over(trade)
        body = f'{_summary(trade)}<form method="post">{_BUTTONS}{_KNOBS}</form>'
        return web.page("收银台", body, banner=BANNER)

    def press(self, request: web.Request) -> web.Answer:
        """One of the buttons."""
        form = request.form()
        try:
            trade = self._trades.by_token(request.groups[0])
            if form.get("action") in ("pay", "stay"):
                self._trades.pay(trade["trade_no"], _trouble(form))
            if form.get("action") == "again":
                return web.page(
                    "又付了一次", _summary(self._trades.pay_again(trade["trade_no"])), banner=BANNER
                )
        except Refused as error:
            return web.page(
                "无法付款 · Cannot pay", f"<p>{escape(error.sub_msg)}</p>", banner=BANNER, status=409
            )
        if form.get("action") == "pay" and trade["return_url"]:
            return web.redirect(self._return_url(trade))
        if form.get("action") in ("pay", "stay"):
            return web.page(
                "付款成功", f"{_summary(trade)}<p>页面停留在这里，不跳回商户。</p>", banner=BANNER
            )
        return web.page(
            "没有付款", f"{_summary(trade)}<p>您取消了付款。</p>{_way_back(trade)}", banner=BANNER
        )

    def trades_page(self, request: web.Request) -> web.Answer:
        """All trades with what became of their notices."""
        rows = "".join(self._row(trade) for trade in self._trades.latest())
        head = "<tr><th>时间</th><th>商户订单号</th><th>金额</th><th>状态</th><th>通知</th></tr>"
        table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else "<p>还没有交易。</p>"
        return web.page("支付宝交易 · Trades", table, banner=BANNER, wide=True)

    def trades_json(self, request: web.Request) -> web.Answer:
        """One trade (`?out_trade_no=`, or `?trade_no=` of an order paid twice) as JSON, for tests."""
        asked = request.parameters()
        try:
            trade = self._trades.find(asked.get("out_trade_no", ""), asked.get("trade_no", ""))
        except Refused as error:
            return _json({"error": error.sub_code}, 404)
        notices = [
            {name: row[name] for name in ("state", "attempts", "last_answer", "url")}
            for row in self._trades.deliveries(trade["out_trade_no"])
        ]
        refunded = self._trades.refunded(trade["trade_no"])
        shown = {
            name: trade[name] for name in ("out_trade_no", "trade_no", "status", "amount_cents", "subject")
        }
        return _json({**shown, "refunded_cents": refunded, "notices": notices}, 200)

    def _row(self, trade: sqlite3.Row) -> str:
        notices = "<br>".join(
            escape(f"{row['state']} ×{row['attempts']} {row['last_answer']}")
            for row in self._trades.deliveries(trade["out_trade_no"])
        )
        cells = (
            escape(beijing(trade["created_at"])),
            f'<a href="/alipay/cashier/{trade["token"]}">{escape(trade["out_trade_no"])}</a>',
            f"¥{yuan(trade['amount_cents'])}",
            _STATES.get(trade["status"], trade["status"]),
            f"<small>{notices}</small>",
        )
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    def _over(self, trade: sqlite3.Row) -> web.Answer:
        state = _STATES.get(trade["status"], "") if trade["status"] != "WAIT_BUYER_PAY" else "已超过付款时间"
        again = _AGAIN if trade["paid_at"] else ""
        return web.page(
            f"这笔交易不能再付：{state}", _summary(trade) + _way_back(trade) + again, banner=BANNER
        )

    def _return_url(self, trade: sqlite3.Row) -> str:
        form = self._signer.form(
            {
                "charset": "utf-8",
                "out_trade_no": trade["out_trade_no"],
                "method": "alipay.trade.page.pay.return",
                "total_amount": yuan(trade["amount_cents"]),
                "trade_no": trade["trade_no"],
                "auth_app_id": self._config.app_id,
                "version": "1.0",
                "app_id": self._config.app_id,
                "seller_id": self._config.seller_id,
                "timestamp": beijing(time.time()),
            }
        )
        url = trade["return_url"]
        return f"{url}{'&' if '?' in url else '?'}{form}"


def _trouble(form: dict[str, str]) -> Trouble:
    try:
        delay = float(form.get("delay") or 0)
    except ValueError:
        delay = 0.0
    return Trouble(
        delay=delay if 0 <= delay <= _LONGEST_DELAY else 0.0,
        lose_first="lose_first" in form,
        twice="twice" in form,
        gbk="gbk" in form,
    )


def _summary(trade: sqlite3.Row) -> str:
    return (
        f'<p class="amount">¥{yuan(trade["amount_cents"])}</p><dl>'
        f"<dt>商品</dt><dd>{escape(trade['subject'])}</dd>"
        f"<dt>商户订单号</dt><dd>{escape(trade['out_trade_no'])}</dd>"
        f"<dt>支付宝交易号</dt><dd>{escape(trade['trade_no'])}</dd></dl>"
    )


def _way_back(trade: sqlite3.Row) -> str:
    if not trade["return_url"]:
        return ""
    return f'<a class="button" href="{escape(quote(trade["return_url"], safe=":/?&=%#+"))}">返回商户</a>'


def _json(values: dict[str, object], status: int) -> web.Answer:
    return web.Answer(
        json.dumps(values, ensure_ascii=False).encode(), "application/json; charset=utf-8", status
    )
