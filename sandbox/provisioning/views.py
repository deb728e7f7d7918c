"""/provisioning/…: the interface that the hall calls, and the page where a developer decides how it ends."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from sandbox import web
from sandbox.debit.seals import Distrusted, Seal
from sandbox.provisioning import BANNER
from sandbox.provisioning.book import BUSY, DELAY, LOSE, MOODS, REFUSE, SUCCEED, Book, KeyUsed

_MOODS = {
    SUCCEED: "马上完成 · Done at once",
    REFUSE: "拒绝 · Refuse",
    BUSY: "系统忙 · Busy",
    LOSE: "完成但应答丢失 · Done, answer lost",
    DELAY: "稍后完成 · Done later",
}
_NEEDED = ("key", "action", "subject_kind", "subject_id")


class ProvisioningViews:
    """The views over `Book`."""

    def __init__(self, book: Book, seal: Seal) -> None:
        self._book = book
        self._seal = seal

    def command(self, request: web.Request) -> web.Answer:
        """POST {key, action, subject_kind, subject_id, payload} → {code, reference}: DONE, PENDING or why not."""
        try:
            fields = self._seal.open(request)
        except Distrusted as error:
            return self._seal.answer({"code": error.code}, error.status)
        told, is_lost = self._carry_out(fields)
        if is_lost:
            return web.Answer(b"", "text/plain", 502)
        return self._seal.answer({**told, "nonce": fields["nonce"]})

    def _carry_out(self, fields: Mapping[str, object]) -> tuple[dict[str, object], bool]:
        """The answer, and whether it gets lost on its way."""
        if not all(isinstance(fields.get(name), str) and fields[name] for name in _NEEDED):
            return {"code": "BAD_REQUEST"}, False
        mood, key = self._book.mood(), str(fields["key"])
        if mood == BUSY:
            return {"code": "BUSY"}, False
        if mood == REFUSE and self._book.command(key) is None:
            return {"code": "REFUSED", "message": "as the developer wants it"}, False
        try:
            row, is_new = self._book.take(key, fields)
        except KeyUsed:
            return {"code": "KEY_USED"}, False
        code = "DONE" if row["done_at"] <= time.time() else "PENDING"
        return {"code": code, "reference": row["reference"]}, mood == LOSE and is_new

    def page(self, request: web.Request) -> web.Answer:
        """What was asked for, and the knobs."""
        knobs = "".join(
            f'<button name="mood" value="{mood}"{" disabled" if mood == self._book.mood() else ""}>{name}</button>'
            for mood, name in _MOODS.items()
        )
        head = "<tr><th>时间</th><th>动作</th><th>对象</th><th>编号</th></tr>"
        rows = "".join(
            f"<tr><td>{_clock(row['created_at'])}</td><td>{escape(row['action'])}</td>"
            f"<td>{escape(row['subject_kind'])} {escape(row['subject_id'])}</td><td>{escape(row['key'])}</td></tr>"
            for row in self._book.commands()
        )
        table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else "<p>还没有指令。</p>"
        body = f'<form method="post" class="row">{knobs}</form>{table}'
        return web.page("开通指令 · Commands", body, banner=BANNER, wide=True)

    def press(self, request: web.Request) -> web.Answer:
        """One of the knobs."""
        mood = request.form().get("mood", "")
        if mood in MOODS:
            self._book.feel(mood)
        return web.redirect("/provisioning/")

    def as_json(self, request: web.Request) -> web.Answer:
        """All commands, for tests."""
        rows = [dict(row) for row in self._book.commands()]
        return web.Answer(json.dumps(rows, ensure_ascii=False).encode(), "application/json; charset=utf-8")


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
