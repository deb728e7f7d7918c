"""The other side of both gateways as a test moves it, in process: orders, refunds, signed messages, signed answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from billing.gateways import registry
from billing.gateways.base import Gateway, GatewayError
from billing.gateways.transport import Answer
from core.money import yuan
from tests.gateways import keys, wechat_keys
from tests.gateways.test_alipay_requests import NOT_EXISTING
from tests.gateways.test_alipay_requests import answer as alipay_answer

NOW = keys.NOW
Message = tuple[str, Mapping[str, str], bytes]  # gateway, headers, body


@dataclass
class Order:
    """One order there: how often it was paid, and what went back, by number."""

    gateway: str
    reference: str
    cents: int
    trades: int = 1
    refunds: dict[str, int] = field(default_factory=dict)
    turns: dict[str, int] = field(
        default_factory=dict
    )  # of refunds that went out of another trade than the first, by number

    def trade_no(self, turn: int = 0) -> str:
        return f"{'2026' if self.gateway == 'alipay' else '4200'}{self.reference}{turn}"

    def refund(self, number: str, cents: int, turn: int) -> None:
        """Money goes back out of that trade; once by one number."""
        if number not in self.refunds:
            self.refunds[number] = cents
            self.turns[number] = turn

    def refunded(self, turn: int) -> int:
        """What has gone back out of that trade."""
        return sum(cents for number, cents in self.refunds.items() if self.turns.get(number, 0) == turn)


class Channels:
    """Both gateways. `mute` loses the answers to refunds (they are paid all the same)."""

    def __init__(self, *, mute: bool = False) -> None:
        self.orders: dict[str, Order] = {}
        self.mute = mute
        self._signed: dict[str, Message] = {}
        self._gateways: dict[str, Gateway] = {
            "alipay": keys.gateway(post=self._alipay),
            "wechatpay": wechat_keys.gateway(exchange=self._wechat),
        }

    def trade(self, reference: str, trade_no: str) -> tuple[Order | None, int]:
        """The order with the turn of its trade; by the gateway's number where it is given."""
        for order in self.orders.values():
            for turn in range(order.trades):
                named = order.trade_no(turn) == trade_no if trade_no else order.reference == reference
                if named:
                    return order, turn
        return None, 0

    def get(self, code: str) -> Gateway:
        return self._gateways[code]

    def speak_to(self, patch: pytest.MonkeyPatch) -> None:
        """The hall speaks to these gateways from now on."""
        patch.setattr(registry, "get", self.get)

    def paid(self, order: Order, turn: int = 0) -> Message:
        """The notice of a payment."""
        name = f"{order.reference} paid {turn}"
        if order.gateway == "alipay":
            return self._alipay_notice(name, order, turn, {})
        values = wechat_keys.transaction(**self._wechat_order(order, turn))
        return self._wechat_notice(name, values, "TRANSACTION.SUCCESS")

    def waiting(self, order: Order) -> Message | None:
        """The notice that an order waits for its payer, where the gateway sends one."""
        if order.gateway != "alipay":
            return None
        return self._alipay_notice(f"{order.reference} waits", order, 0, {"trade_status": "WAIT_BUYER_PAY"})

    def refunded(self, order: Order, number: str) -> Message:
        """The notice of one refund: Alipay tells the running total up to it, WeChat its own amount."""
        name, turn = f"{order.reference} {number}", order.turns.get(number, 0)
        numbers = [each for each in order.refunds if order.turns.get(each, 0) == turn]
        if order.gateway == "alipay":
            total = sum(order.refunds[each] for each in numbers[: numbers.index(number) + 1])
            more = {"refund_fee": yuan(total), "gmt_refund": "2026-03-15 11:00:00.123", "out_biz_no": number}
            if total == order.cents:
                more["trade_status"] = "TRADE_CLOSED"
            return self._alipay_notice(name, order, turn, more)
        amount = {"total": order.cents, "refund": order.refunds[number]}
        named = self._wechat_order(order, turn) | {"amount": amount, "out_refund_no": number, "appid": None}
        return self._wechat_notice(name, wechat_keys.refund(**named), "REFUND.SUCCESS")

    def _alipay_notice(self, name: str, order: Order, turn: int, more: Mapping[str, str]) -> Message:
        fields = {
            "notify_id": name.replace(" ", ""),
            "out_trade_no": order.reference,
            "trade_no": order.trade_no(turn),
            "total_amount": yuan(order.cents),
        }
        if name not in self._signed:
            self._signed[name] = ("alipay", {}, keys.signed(keys.notice(**{**fields, **more})))
        return self._signed[name]

    def _wechat_notice(self, name: str, values: wechat_keys.Values, kind: str) -> Message:
        if name not in self._signed:
            self._signed[name] = ("wechatpay", *_lower(wechat_keys.signed(wechat_keys.event(values, kind))))
        return self._signed[name]

    def _wechat_order(self, order: Order, turn: int) -> dict[str, object]:
        return {
            "out_trade_no": order.reference,
            "transaction_id": order.trade_no(turn),
            "amount": {"total": order.cents, "payer_total": order.cents, "currency": "CNY"},
        }

    def _alipay(self, url: str, form: bytes) -> bytes:
        method = dict(parse_qsl(urlsplit(url).query))["method"]
        content = json.loads(dict(parse_qsl(form.decode()))["biz_content"])
        order, turn = self.trade(content["out_trade_no"], content.get("trade_no", ""))
        if order is None:
            return alipay_answer(method, NOT_EXISTING)
        named = {"out_trade_no": order.reference, "trade_no": order.trade_no(turn)}
        values: dict[str, object] = {"code": "10000", "msg": "Success", **named}
        if method == "alipay.trade.query":
            values |= {"trade_status": "TRADE_SUCCESS", "total_amount": yuan(order.cents)}
            values["send_pay_date"] = "2026-03-15 10:00:04"
        else:
            number = content["out_request_no"]
            known = number in order.refunds and order.turns.get(number, 0) == turn
            if method == "alipay.trade.refund":
                order.refund(number, round(float(content["refund_amount"]) * 100), turn)
                self._lose()
                values |= {"fund_change": "N" if known else "Y", "refund_fee": yuan(order.refunded(turn))}
            elif known:
                values |= {"out_request_no": number, "refund_amount": yuan(order.refunds[number])}
        return alipay_answer(method, values)

    def _wechat(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path = urlsplit(url).path
        content = json.loads(body) if body else {}
        if "/pay/transactions/" in path:
            named = path.rsplit("/", 1)[1]
            order, turn = self.trade(named, named if "/id/" in path else "")
            if order is None:
                return wechat_keys.answer(404, {"code": "ORDER_NOT_EXIST", "message": "no"})
            return wechat_keys.answer(200, wechat_keys.transaction(**self._wechat_order(order, turn)))
        if method == "POST":
            order, turn = self.trade(content.get("out_trade_no", ""), content.get("transaction_id", ""))
            assert order is not None
            number = content["out_refund_no"]
            order.refund(number, content["amount"]["refund"], turn)
            self._lose()
            return wechat_keys.answer(200, self._wechat_refund(order, number, "PROCESSING"))
        number = path.rsplit("/", 1)[1]
        for order in self.orders.values():
            if number in order.refunds:
                return wechat_keys.answer(200, self._wechat_refund(order, number, "SUCCESS"))
        return wechat_keys.answer(404, {"code": "RESOURCE_NOT_EXISTS", "message": "no"})

    def _wechat_refund(self, order: Order, number: str, status: str) -> dict[str, object]:
        return {
            "out_trade_no": order.reference,
            "transaction_id": order.trade_no(order.turns.get(number, 0)),
            "out_refund_no": number,
            "status": status,
            "success_time": "2026-03-15T11:00:00+08:00",
            "amount": {"total": order.cents, "refund": order.refunds[number], "currency": "CNY"},
        }

    def _lose(self) -> None:
        if self.mute:
            raise GatewayError("NETWORK", "the answer was lost", permanent=False)


def _lower(signed: tuple[dict[str, str], bytes]) -> tuple[dict[str, str], bytes]:
    """Headers as the view hands them over."""
    return {name.lower(): value for name, value in signed[0].items()}, signed[1]


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)
