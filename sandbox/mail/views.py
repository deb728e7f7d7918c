"""/mail/: where the hall hands mails over, and the pages where a developer reads them."""

import json
import re
import sqlite3
from datetime import datetime, timedelta, timezone
from html import escape

from sandbox import web
from sandbox.mail.letters import Letters, parsed, text_of

_BANNER = "模拟邮件服务 · 不会真的发送 / Stand-in mail provider, nothing is sent"
_BEIJING = timezone(timedelta(hours=8))
_LINK = re.compile(r"https?://[^\s<>\"']+")
_FATES = {
    "DELIVERED": "已送达",
    "BOUNCED_HARD": "退信：地址不存在",
    "BOUNCED_SOFT": "退信：邮箱已满",
    "COMPLAINED": "被投诉",
}


class MailViews:
    """The views over `Letters`."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    def send(self, request: web.Request) -> web.Answer:
        """POST one mail as it stands (message/rfc822); the answer's code: 250 taken, 550 recipient refused."""
        taken = self._letters.accept(request.body)
        return _json({"code": 250 if taken else 550, "text": "" if taken else "5.1.1 no such mailbox"})

    def page(self, request: web.Request) -> web.Answer:
        """The mails, newest first."""
        recipient = request.parameters().get("to", "").strip()
        rows = "".join(_row(letter) for letter in self._letters.search(recipient))
        head = "<tr><th>时间</th><th>收件人</th><th>标题</th><th>结果</th></tr>"
        table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else "<p>还没有邮件。</p>"
        search = (
            f'<form class="row" role="search"><input type="search" name="to" value="{escape(recipient)}"'
            ' aria-label="收件人" placeholder="收件人"><button>查找</button></form>'
        )
        return web.page("邮件 · Mails", search + table, banner=_BANNER, wide=True)

    def letter(self, request: web.Request) -> web.Answer:
        """One mail: its headers, its text with the links to follow, its attachments."""
        found = self._letters.get(request.groups[0])
        if found is None:
            return web.page("没有这封邮件 · Not found", "", status=404)
        mail = parsed(found["raw"].encode("latin-1"))
        headers = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in mail.items()
        )
        files = "".join(
            f'<li><a href="{escape(found["key"])}/{place}">{escape(each.get_filename() or "?")}</a></li>'
            for place, each in enumerate(mail.iter_attachments())
        )
        text = _LINK.sub(lambda link: f'<a href="{link[0]}">{link[0]}</a>', escape(text_of(mail)))
        shown = f'<pre style="white-space:pre-wrap">{text}</pre><ul>{files}</ul>'
        body = f'<div class="scroll"><table>{headers}</table></div>{shown}'
        return web.page(found["subject"] or "邮件", body, banner=_BANNER, wide=True)

    def attachment(self, request: web.Request) -> web.Answer:
        key, place = request.groups
        found = self._letters.get(key)
        files = list(parsed(found["raw"].encode("latin-1")).iter_attachments()) if found else []
        if int(place) >= len(files):
            return web.page("没有这个附件 · Not found", "", status=404)
        content = files[int(place)].get_payload(decode=True)
        return web.Answer(
            content if isinstance(content, bytes) else b"", files[int(place)].get_content_type()
        )

    def letters_json(self, request: web.Request) -> web.Answer:
        """The mails to `?to=` as JSON, newest first, for tests."""
        rows = self._letters.search(request.parameters().get("to", "").strip())
        return _json({"letters": [_fields(row) for row in rows]})


def _fields(row: sqlite3.Row) -> dict[str, object]:
    mail = parsed(row["raw"].encode("latin-1"))
    names = [each.get_filename() for each in mail.iter_attachments()]
    return {
        "key": row["key"],
        "to": row["recipient"],
        "subject": row["subject"],
        "text": text_of(mail),
        "headers": dict(mail.items()),
        "attachments": names,
        "status": row["status"],
    }


def _row(letter: sqlite3.Row) -> str:
    at = datetime.fromtimestamp(letter["received_at"], _BEIJING)
    title = f'<a href="{escape(letter["key"])}">{escape(letter["subject"] or "（无标题）")}</a>'
    cells = (escape(f"{at:%m-%d %H:%M:%S}"), escape(letter["recipient"]), title, _FATES[letter["status"]])
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _json(values: dict[str, object]) -> web.Answer:
    return web.Answer(json.dumps(values, ensure_ascii=False).encode(), "application/json; charset=utf-8")
