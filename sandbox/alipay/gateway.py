"""/alipay/gateway.do: the open gateway. Verifies the merchant's signature and answers in Alipay's shape."""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape

from sandbox import web
from sandbox.alipay import BANNER
from sandbox.alipay.signing import Signer, read_parameters
from sandbox.alipay.trades import Order, Refused, Trades, account, beijing, yuan
from sandbox.config import Config

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
_DEFAULT_SECONDS = 15 * 86_400.0
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}

Content = Mapping[str, object]


class Invalid(Exception):
    """The request itself is wrong: 40002 with this sub_code and sub_msg."""

    def __init__(self, sub_code: str, sub_msg: str) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.sub_msg = sub_msg


class AlipayGateway:
    """One endpoint, one interface per `method`."""

    def __init__(self, trades: Trades, signer: Signer, config: Config) -> None:
        self._trades = trades
        self._signer = signer
        self._config = config
        self._interfaces: dict[str, Callable[[Content], dict[str, str]]] = {
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._query_refund,
        }

    def view(self, request: web.Request) -> web.Answer:
        """Page pay goes on to the cashier, everything else is answered with signed JSON."""
        params = read_parameters(request.query, request.body)
        if params.get("method") == "alipay.trade.page.pay":
            return self._page_pay(params)
        method = params.get("method", "")
        body = self._signer.answer(_answer_name(method), self._answer(params), params.get("charset", "utf-8"))
        return web.Answer(body, "text/html;charset=utf-8")

    def _page_pay(self, params: Mapping[str, str]) -> web.Answer:
        try:
            self._check(params)
            token = self._trades.open(_order(params, _content(params)))
        except (Invalid, Refused) as error:
            body = f"<p>{escape(error.sub_msg)}</p><p><code>{escape(error.sub_code)}</code></p>"
            return web.page("无法付款 · Cannot pay", body, banner=BANNER, status=400)
        return web.redirect(f"/alipay/cashier/{token}")

    def _answer(self, params: Mapping[str, str]) -> dict[str, str]:
        try:
            self._check(params)
            values = self._interfaces[params["method"]](_content(params))
        except Invalid as error:
            return _failure("40002", "Invalid Arguments", error)
        except Refused as error:
            return _failure("40004", "Business Failed", error)
        return {"code": "10000", "msg": "Success", **values}

    def _check(self, params: Mapping[str, str]) -> None:
        if params.get("app_id") != self._config.app_id:
            raise Invalid("isv.invalid-app-id", "无效的AppID参数")
        if params.get("sign_type") != "RSA2":
            raise Invalid("isv.invalid-signature-type", "无效的签名类型")
        if not self._signer.is_merchants(params):
            raise Invalid("isv.invalid-signature", "验签出错，请检查应用公钥与签名内容")
        if params.get("method") not in (*self._interfaces, "alipay.trade.page.pay"):
            raise Invalid("isv.invalid-method", "不存在的方法名")

    def _query(self, content: Content) -> dict[str, str]:
        trade = self._named(content)
        paid = {"send_pay_date": beijing(trade["paid_at"])} if trade["paid_at"] else {}
        return {
            **_names(trade),
            "trade_status": trade["status"],
            "total_amount": yuan(trade["amount_cents"]),
            "buyer_logon_id": account(trade),
            **paid,
        }

    def _close(self, content: Content) -> dict[str, str]:
        trade = self._named(content)
        self._trades.close(trade["trade_no"])
        return _names(trade)

    def _refund(self, content: Content) -> dict[str, str]:
        trade = self._named(content)
        request_no = _text(content, "out_request_no") or trade["out_trade_no"]
        amount = _cents(_text(content, "refund_amount"))
        moved = self._trades.refund(trade["trade_no"], request_no, amount, _text(content, "refund_reason"))
        return {
            **_names(trade),
            "buyer_logon_id": account(trade),
            "fund_change": "Y" if moved else "N",
            "refund_fee": yuan(self._trades.refunded(trade["trade_no"])),
        }

    def _query_refund(self, content: Content) -> dict[str, str]:
        trade = self._named(content)
        refund = self._trades.refund_of(trade["trade_no"], _text(content, "out_request_no"))
        if refund is None:
            return {}  # code 10000 with nothing in it, as in life
        return {
            **_names(trade),
            "out_request_no": refund["request_no"],
            "refund_amount": yuan(refund["amount_cents"]),
            "total_amount": yuan(trade["amount_cents"]),
            "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": beijing(refund["refunded_at"]),
        }

    def _named(self, content: Content) -> sqlite3.Row:
        return self._trades.find(_text(content, "out_trade_no"), _text(content, "trade_no"))


def _answer_name(method: str) -> str:
    return method.replace(".", "_") + "_response" if re.fullmatch(r"[a-z.]+", method) else "error_response"


def _failure(code: str, message: str, error: Invalid | Refused) -> dict[str, str]:
    return {"code": code, "msg": message, "sub_code": error.sub_code, "sub_msg": error.sub_msg}


def _names(trade: sqlite3.Row) -> dict[str, str]:
    return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}


def _content(params: Mapping[str, str]) -> Content:
    try:
        content = json.loads(params.get("biz_content", ""))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Invalid("isv.invalid-parameter", "biz_content 不是 JSON 对象")
    return content


def _text(content: Content, name: str) -> str:
    value = content.get(name)
    return "" if value is None else str(value)


def _cents(text: str) -> int:
    if not _AMOUNT.fullmatch(text) or not float(text):
        raise Invalid("isv.invalid-parameter", "金额无效")
    whole, _, fraction = text.partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def _order(params: Mapping[str, str], content: Content) -> Order:
    for name in ("notify_url", "return_url"):
        if not re.match(r"https?://", params.get(name) or "http://"):
            raise Invalid("isv.invalid-parameter", f"{name} 不是网址")
    if not re.fullmatch(r"[0-9A-Za-z_]{1,64}", _text(content, "out_trade_no")) or not _text(
        content, "subject"
    ):
        raise Invalid("isv.invalid-parameter", "缺少 out_trade_no 或 subject")
    return Order(
        out_trade_no=_text(content, "out_trade_no"),
        subject=_text(content, "subject")[:256],
        amount_cents=_cents(_text(content, "total_amount")),
        charset=params.get("charset", "utf-8"),
        notify_url=params.get("notify_url", ""),
        return_url=params.get("return_url", ""),
        seconds=_seconds(params, content),
    )


def _seconds(params: Mapping[str, str], content: Content) -> float:
    """How long the order may be paid.

    Measured from the request's own timestamp, so that a hall whose clock is set to another day can still be paid.
    """
    relative = re.fullmatch(r"([0-9]{1,5})([mhd])", _text(content, "timeout_express"))
    absolute = _text(content, "time_expire")
    if absolute:
        try:
            asked_at = datetime.fromisoformat(params.get("timestamp", ""))
            return (datetime.fromisoformat(absolute) - asked_at).total_seconds()
        except ValueError:
            raise Invalid("isv.invalid-parameter", "time_expire 或 timestamp 无效") from None
    return float(relative[1]) * _UNITS[relative[2]] if relative else _DEFAULT_SECONDS
