"""/sms/: the interface that the hall calls, and the page where a developer reads the messages."""

import json
import re
import sqlite3
from datetime import datetime, timedelta, timezone
from html import escape
from urllib.parse import urlencode

from sandbox import web
from sandbox.config import Config
from sandbox.sms import chaos, signature
from sandbox.sms.chaos import BadChaos, Chaos
from sandbox.sms.messages import Messages, Refused

MOST_AT_ONCE = 500
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_BANNER = "模拟短信网关 · 不会真的发送 / Stand-in SMS gateway, nothing is sent"
_BEIJING = timezone(timedelta(hours=8))
_REFRESH = '<meta http-equiv="refresh" content="5">'


class SmsViews:
    """The views over `Messages`."""

    def __init__(self, messages: Messages, config: Config) -> None:
        self._messages = messages
        self._config = config

    def send(self, request: web.Request) -> web.Answer:
        """POST JSON {"phone", "text", "message_id"} signed with X-Signature."""
        if not self._is_signed(request):
            return _refusal("BAD_SIGNATURE", 401)
        fields = _fields(_read(request.body))
        if fields is None:
            return _refusal("BAD_REQUEST", 400)
        if not _PHONE.fullmatch(fields["phone"]):
            return _refusal("BAD_PHONE", 400)
        return _json(self._taken(fields), 200)

    def send_many(self, request: web.Request) -> web.Answer:
        """POST JSON {"messages": [such as `send` takes …]}, signed; the answer has a result for each."""
        if not self._is_signed(request):
            return _refusal("BAD_SIGNATURE", 401)
        values = _read(request.body)
        given = values.get("messages") if isinstance(values, dict) else None
        if not isinstance(given, list) or not 0 < len(given) <= MOST_AT_ONCE:
            return _refusal("BAD_REQUEST", 400)
        return _json({"results": [self._result(each) for each in given]}, 200)

    def receipts(self, request: web.Request) -> web.Answer:
        """POST JSON {"message_ids": […]}, signed: the receipts of those that are known, each with its signature."""
        if not self._is_signed(request):
            return _refusal("BAD_SIGNATURE", 401)
        values = _read(request.body)
        asked = values.get("message_ids") if isinstance(values, dict) else None
        if not isinstance(asked, list) or not all(isinstance(each, str) for each in asked):
            return _refusal("BAD_REQUEST", 400)
        return _json({"receipts": self._messages.receipts(asked[:MOST_AT_ONCE])}, 200)

    def set_chaos(self, request: web.Request) -> web.Answer:
        """POST JSON with some of seed, lose, delay, repeat, reorder, forge, delay_seconds: from now on so."""
        try:
            self._messages.chaos = Chaos.read(request.body)
        except BadChaos as error:
            return _json({"code": "BAD_REQUEST", "text": str(error)}, 400)
        return _json(dict(self._messages.chaos.as_values()), 200)

    def _is_signed(self, request: web.Request) -> bool:
        given = {name.lower(): value for name, value in request.headers.items()}.get("x-signature", "")
        return signature.is_valid(request.body, given, self._config.sms_secret)

    def _result(self, values: object) -> dict[str, object]:
        fields = _fields(values)
        if fields is None:
            return {"accepted": False, "code": "BAD_REQUEST"}
        if not _PHONE.fullmatch(fields["phone"]):
            return {"accepted": False, "code": "BAD_PHONE"}
        return self._taken(fields)

    def _taken(self, fields: dict[str, str]) -> dict[str, object]:
        try:
            number = self._messages.accept(**fields)
        except Refused as error:
            return {"accepted": False, "code": error.code}
        return {"provider_message_id": number, "accepted": True, "parts": chaos.parts(fields["text"])}

    def page(self, request: web.Request) -> web.Answer:
        """The messages, newest first; renews itself every five seconds unless `?still` is there."""
        params = request.parameters()
        phone = params.get("phone", "").strip()
        still = "still" in params
        rows = "".join(_row(message) for message in self._messages.search(phone))
        head = "<tr><th>时间</th><th>手机号</th><th>内容</th><th>结果</th></tr>"
        table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else "<p>还没有短信。</p>"
        return web.page(
            "短信 · Messages",
            _search(phone, still) + table,
            banner=_BANNER,
            head="" if still else _REFRESH,
            wide=True,
        )

    def messages_json(self, request: web.Request) -> web.Answer:
        """The messages to `?phone=` as JSON, newest first, for tests."""
        rows = self._messages.search(request.parameters().get("phone", "").strip())
        names = ("provider_message_id", "message_id", "phone", "text", "status", "received_at")
        return _json({"messages": [{name: row[name] for name in names} for row in rows]}, 200)


def _read(body: bytes) -> object:
    """What the JSON says; None when it is none."""
    try:
        values: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return values


def _refusal(code: str, status: int) -> web.Answer:
    return _json({"accepted": False, "code": code}, status)


def _fields(values: object) -> dict[str, str] | None:
    if not isinstance(values, dict):
        return None
    fields = {name: values.get(name) for name in ("phone", "text", "message_id")}
    texts = {name: value for name, value in fields.items() if isinstance(value, str) and value}
    return texts if len(texts) == len(fields) else None


def _search(phone: str, still: bool) -> str:
    other = urlencode({"phone": phone} if still else {"phone": phone, "still": "1"})
    keep = '<input type="hidden" name="still" value="1">' if still else ""
    return (
        f'<form class="row" role="search"><input type="search" name="phone" value="{escape(phone)}"'
        f' aria-label="手机号" placeholder="手机号" inputmode="tel">{keep}<button>查找</button>'
        f'<a href="?{escape(other)}">{"自动刷新" if still else "暂停刷新"}</a></form>'
    )


def _row(message: sqlite3.Row) -> str:
    at = datetime.fromtimestamp(message["received_at"], _BEIJING)
    _status, _code, words = chaos.outcome(message["phone"])
    result = f"失败：{words}" if words else "已送达"
    text = message["text"] + (f" （{count} 条）" if (count := chaos.parts(message["text"])) > 1 else "")
    cells = (f"{at:%m-%d %H:%M:%S}", message["phone"], text, result)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _json(values: dict[str, object], status: int) -> web.Answer:
    return web.Answer(
        json.dumps(values, ensure_ascii=False).encode(), "application/json; charset=utf-8", status
    )
