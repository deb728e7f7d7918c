"""/v3/…: the API. Verifies the merchant's signature, answers signed JSON, and refuses in WeChat's shape."""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import unquote

from sandbox import web
from sandbox.config import Config
from sandbox.wechatpay.notices import beijing, transaction
from sandbox.wechatpay.orders import Orders, Refused, Wanted
from sandbox.wechatpay.signing import Seals

_TWO_HOURS = 7200.0
_LONGEST_TOTAL = 10_000_000_000

Values = Mapping[str, object]


class WechatGateway:
    """One view per interface."""

    def __init__(self, orders: Orders, seals: Seals, config: Config) -> None:
        self._orders = orders
        self._seals = seals
        self._config = config

    def create(self, request: web.Request) -> web.Answer:
        """A native order: answers the text of its QR code."""
        return self._answer(request, self._create)

    def query(self, request: web.Request) -> web.Answer:
        """An order by the merchant's number."""
        return self._answer(request, self._query)

    def query_by_id(self, request: web.Request) -> web.Answer:
        """A paid order by WeChat's own number."""
        return self._answer(request, self._query_by_id)

    def close(self, request: web.Request) -> web.Answer:
        """204 without a body."""
        return self._answer(request, self._close)

    def refund(self, request: web.Request) -> web.Answer:
        """PROCESSING at first."""
        return self._answer(request, self._refund)

    def query_refund(self, request: web.Request) -> web.Answer:
        """A refund by the merchant's number."""
        return self._answer(request, self._query_refund)

    def _answer(
        self, request: web.Request, interface: Callable[[web.Request, float], Values | None]
    ) -> web.Answer:
        signed_at = self._seals.signed_at(request)
        if signed_at is None:  # to whom WeChat does not know it does not sign
            body = json.dumps({"code": "SIGN_ERROR", "message": "签名错误"}, ensure_ascii=False).encode()
            return web.Answer(body, "application/json", 401)
        try:
            values = interface(request, signed_at)
        except Refused as error:
            return self._seals.answer(error.status, {"code": error.code, "message": error.message})
        return self._seals.answer(204 if values is None else 200, values)

    def _create(self, request: web.Request, signed_at: float) -> Values:
        content = _content(request)
        if (content.get("appid"), content.get("mchid")) != self._merchant():
            raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        amount = content.get("amount")
        total = _cents(amount if isinstance(amount, dict) else {}, "total")
        number, description = _text(content, "out_trade_no"), _text(content, "description")
        if not re.fullmatch(r"[0-9A-Za-z_|*-]{6,32}", number) or not 0 < len(description) <= 127:
            raise Refused(400, "PARAM_ERROR", "out_trade_no 或 description 无效")
        wanted = Wanted(
            out_trade_no=number,
            description=description,
            total=total,
            notify_url=_address(content, must=True),
            seconds=_seconds(content, signed_at),
            request=request.body.decode("utf-8", "replace"),
        )
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={self._orders.open(wanted)}"}

    def _query(self, request: web.Request, signed_at: float) -> Values:
        return self._told(request, self._orders.find)

    def _query_by_id(self, request: web.Request, signed_at: float) -> Values:
        return self._told(request, self._orders.find_paid)

    def _told(self, request: web.Request, find: Callable[[str], sqlite3.Row]) -> Values:
        if request.parameters().get("mchid") != self._config.wechatpay_mch_id:
            raise Refused(400, "PARAM_ERROR", "mchid 无效")
        return transaction(find(unquote(request.groups[0])), self._config)

    def _close(self, request: web.Request, signed_at: float) -> None:
        if _content(request).get("mchid") != self._config.wechatpay_mch_id:
            raise Refused(400, "PARAM_ERROR", "mchid 无效")
        self._orders.close(unquote(request.groups[0]))

    def _refund(self, request: web.Request, signed_at: float) -> Values:
        content = _content(request)
        order = self._named(content)
        amount = content.get("amount")
        amount = amount if isinstance(amount, dict) else {}
        number, reason = _text(content, "out_refund_no"), _text(content, "reason")
        if not re.fullmatch(r"[0-9A-Za-z_|*@-]{1,64}", number) or len(reason.encode()) > 80:
            raise Refused(400, "PARAM_ERROR", "out_refund_no 或 reason 无效")
        if _cents(amount, "total") != order["total"] or amount.get("currency") != "CNY":
            raise Refused(400, "INVALID_REQUEST", "订单金额不一致")
        cents, address = _cents(amount, "refund"), _address(content, must=False)
        refund = self._orders.refund(order, number, cents, reason, address)
        return _refund_values(refund, order)

    def _query_refund(self, request: web.Request, signed_at: float) -> Values:
        refund = self._orders.find_refund(unquote(request.groups[0]))
        return _refund_values(refund, self._orders.find_paid(refund["transaction_id"]))

    def _named(self, content: Values) -> sqlite3.Row:
        own, theirs = _text(content, "transaction_id"), _text(content, "out_trade_no")
        if bool(own) == bool(theirs):
            raise Refused(400, "PARAM_ERROR", "transaction_id 与 out_trade_no 必须且只能传一个")
        return self._orders.find_paid(own) if own else self._orders.find(theirs)

    def _merchant(self) -> tuple[str, str]:
        return self._config.wechatpay_app_id, self._config.wechatpay_mch_id


def _refund_values(refund: sqlite3.Row, order: sqlite3.Row) -> Values:
    values: dict[str, object] = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": beijing(refund["created_at"]),
        "status": refund["status"],
        "amount": {
            "total": order["total"],
            "refund": refund["amount"],
            "payer_total": order["payer_total"],
            "payer_refund": min(refund["amount"], order["payer_total"]),
            "currency": "CNY",
        },
    }
    if refund["success_at"]:
        values["success_time"] = beijing(refund["success_at"])
    return values


def _content(request: web.Request) -> Values:
    try:
        content = json.loads(request.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(400, "PARAM_ERROR", "请求不是 JSON 对象")
    return content


def _text(content: Values, name: str) -> str:
    value = content.get(name, "")
    if not isinstance(value, str):
        raise Refused(400, "PARAM_ERROR", f"{name} 无效")
    return value


def _cents(amount: Values, name: str) -> int:
    value = amount.get(name)
    if type(value) is not int or not 0 < value <= _LONGEST_TOTAL:
        raise Refused(400, "PARAM_ERROR", f"{name} 无效")
    return value


def _address(content: Values, *, must: bool) -> str:
    address = _text(content, "notify_url")
    if (address or must) and (not re.match(r"https?://", address) or "?" in address):
        raise Refused(400, "PARAM_ERROR", "notify_url 不是不带参数的网址")
    return address


def _seconds(content: Values, signed_at: float) -> float:
    """How long the order may be paid, counted from when the request was signed."""
    written = _text(content, "time_expire")
    if not written:
        return _TWO_HOURS
    try:
        seconds = datetime.fromisoformat(written).timestamp() - signed_at
    except ValueError:
        raise Refused(400, "PARAM_ERROR", "time_expire 无效") from None
    if seconds <= 0:
        raise Refused(400, "PARAM_ERROR", "time_expire 已经过去")
    return seconds
