"""The pages of the stand-in WeChat Pay: where a developer scans and pays in the place of a phone, and all orders."""

import json
import sqlite3
import time
from html import escape
from urllib.parse import parse_qs, urlsplit

from sandbox import web
from sandbox.wechatpay import BANNER
from sandbox.wechatpay.notices import Trouble, beijing
from sandbox.wechatpay.orders import ENDINGS, Orders, Refused

_LONGEST_DELAY = 3600.0
_STATES = {"NOTPAY": "等待付款", "SUCCESS": "支付成功", "REFUND": "已转退款", "CLOSED": "已关闭"}
_KNOBS = """
<details><summary>开发选项 · How it goes wrong</summary>
<label><input type="number" name="delay" value="0" min="0" max="3600" step="any">
秒后才发通知 · delay in seconds</label>
<label><input type="number" name="coupon" value="0" min="0" step="1"> 分由优惠券付 · fen paid by a coupon</label>
<label><input type="checkbox" name="lose_first"> 丢失第一次通知 · lose the first one</label>
<label><input type="checkbox" name="twice"> 通知发两遍 · send it twice</label>
<label><input type="checkbox" name="probe"> 先发一条签名错误的探测 · a probe goes ahead</label>
</details>"""
_PAY = '<button class="main" name="action" value="pay">确认支付</button>'
_PAID = """
<details><summary>同一订单付两次 · Pay it twice</summary>
<button name="action" value="again">再付一次 · pay the same order once more</button></details>
<details><summary>下一次退款的结果 · How the next refund ends</summary>
<button name="action" value="SUCCESS">成功 · SUCCESS</button>
<button name="action" value="ABNORMAL">异常 · ABNORMAL</button>
<button name="action" value="CLOSED">关闭 · CLOSED</button></details>"""


class WechatPages:
    """Shows an order by the token in its QR code and lets the visitor pay it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def scan(self, request: web.Request) -> web.Answer:
        """`?code=` the text of a QR code, as a phone reads it."""
        code = request.parameters().get("code", "")
        if not code:
            return web.redirect("/wechatpay/")
        tokens = parse_qs(urlsplit(code).query).get("pr", [])
        if not code.startswith("weixin://wxpay/bizpayurl?") or not tokens or not tokens[0].isalnum():
            return web.page("不是支付二维码 · No QR code of ours", "", banner=BANNER, status=404)
        return web.redirect(f"/wechatpay/scan/{tokens[0]}")

    def show(self, request: web.Request) -> web.Answer:
        """What the phone shows after a scan."""
        try:
            order = self._orders.by_token(request.groups[0])
        except Refused as error:
            return self._refused(error)
        if order["state"] == "NOTPAY" and order["expires_at"] > time.time():
            return web.page(
                "微信支付", f'{_summary(order)}<form method="post">{_PAY}{_KNOBS}</form>', banner=BANNER
            )
        state = _STATES[order["state"]] if order["state"] != "NOTPAY" else "已超过付款时间"
        knobs = f'<form method="post">{_PAID}</form>' if order["paid_at"] else ""
        return web.page(f"这笔订单不能再付：{state}", _summary(order) + knobs, banner=BANNER)

    def press(self, request: web.Request) -> web.Answer:
        """One of the buttons."""
        form = request.form()
        action = form.get("action", "")
        try:
            order = self._orders.by_token(request.groups[0])
            if action in ENDINGS:
                self._orders.end_refunds_with(order["transaction_id"], action)
                return web.page("好的", f"<p>下一次退款：{action}</p>", banner=BANNER)
            if action == "again":
                self._orders.pay_again(order["transaction_id"])
                return web.page("又付了一次", _summary(order), banner=BANNER)
            self._orders.pay(order["transaction_id"], _trouble(form), coupon=int(_number(form, "coupon")))
        except Refused as error:
            return self._refused(error)
        return web.page("支付成功", f"{_summary(order)}<p>请回到商户的页面。</p>", banner=BANNER)

    def orders_page(self, request: web.Request) -> web.Answer:
        """All orders with what became of their notices, and where to paste the text of a QR code."""
        rows = "".join(self._row(order) for order in self._orders.latest())
        head = "<tr><th>时间</th><th>商户订单号</th><th>金额</th><th>状态</th><th>通知</th></tr>"
        table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else "<p>还没有订单。</p>"
        scan = (
            '<form class="row" action="/wechatpay/scan/"><input type="search" name="code" '
            'aria-label="二维码内容 · what the QR code says" placeholder="weixin://wxpay/bizpayurl?pr=…">'
            "<button>扫码 · Scan</button></form>"
        )
        return web.page("微信支付订单 · Orders", scan + table, banner=BANNER, wide=True)

    def order_json(self, request: web.Request) -> web.Answer:
        """One order (`?out_trade_no=`, or `?transaction_id=` of one paid twice) as JSON, for tests."""
        asked = request.parameters()
        try:
            own = asked.get("transaction_id", "")
            order = self._orders.find_paid(own) if own else self._orders.find(asked.get("out_trade_no", ""))
        except Refused as error:
            return _json({"error": error.code}, 404)
        notices = [
            {name: row[name] for name in ("state", "attempts", "last_answer", "url")}
            for row in self._orders.notices.of_order(order["out_trade_no"])
        ]
        refunds = [
            {name: row[name] for name in ("out_refund_no", "amount", "status", "reason")}
            for row in self._orders.refunds(order["transaction_id"])
        ]
        names = ("out_trade_no", "transaction_id", "state", "total", "payer_total", "description")
        return _json({**{name: order[name] for name in names}, "refunds": refunds, "notices": notices}, 200)

    def _row(self, order: sqlite3.Row) -> str:
        notices = "<br>".join(
            escape(f"{row['state']} ×{row['attempts']} {row['last_answer']}")
            for row in self._orders.notices.of_order(order["out_trade_no"])
        )
        cells = (
            escape(beijing(order["created_at"])[:19].replace("T", " ")),
            f'<a href="/wechatpay/scan/{order["token"]}">{escape(order["out_trade_no"])}</a>',
            _yuan(order["total"]),
            _STATES[order["state"]],
            f"<small>{notices}</small>",
        )
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    def _refused(self, error: Refused) -> web.Answer:
        body = f"<p>{escape(error.message)}</p>"
        return web.page(
            "无法付款 · Cannot pay", body, banner=BANNER, status=404 if error.status == 404 else 409
        )


def _trouble(form: dict[str, str]) -> Trouble:
    delay = _number(form, "delay")
    return Trouble(
        delay=delay if delay <= _LONGEST_DELAY else 0.0,
        lose_first="lose_first" in form,
        twice="twice" in form,
        probe="probe" in form,
    )


def _number(form: dict[str, str], name: str) -> float:
    try:
        value = float(form.get(name) or 0)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e9 else 0.0


def _summary(order: sqlite3.Row) -> str:
    return (
        f'<p class="amount">{_yuan(order["total"])}</p><dl>'
        f"<dt>商品</dt><dd>{escape(order['description'])}</dd>"
        f"<dt>商户订单号</dt><dd>{escape(order['out_trade_no'])}</dd></dl>"
    )


def _yuan(cents: int) -> str:
    return f"¥{cents // 100}.{cents % 100:02d}"


def _json(values: dict[str, object], status: int) -> web.Answer:
    return web.Answer(
        json.dumps(values, ensure_ascii=False).encode(), "application/json; charset=utf-8", status
    )
