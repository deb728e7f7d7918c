"""The bank's own pages: where the customer signs or ends an agreement, and what a developer wants to happen."""

import json
import sqlite3
import time
from html import escape

from sandbox import web
from sandbox.debit import BANNER
from sandbox.debit.book import LOSE, MOODS, NO_MONEY, SUCCEED, Book, Refused, moment

_STATES = {"WAITING": "待签约", "ACTIVE": "代扣中", "ENDED": "已解约"}
_MOODS = {SUCCEED: "扣款成功", NO_MONEY: "余额不足", LOSE: "扣款成功但应答丢失"}
_SIGN = """
<button class="main" name="action" value="sign">同意并签约</button>
<button name="action" value="end">不同意</button>"""
_END = '<button name="action" value="end">解约 · End the agreement</button>'


class DebitPages:
    """Shows an agreement by its token."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def show(self, request: web.Request) -> web.Answer:
        """What there is to sign, or how it stands."""
        try:
            return self._page(self._book.by_token(request.groups[0]))
        except Refused:
            return _missing()

    def press(self, request: web.Request) -> web.Answer:
        """One of the buttons; back to the merchant after the decision."""
        action = request.form().get("action", "")
        try:
            row = self._book.by_token(request.groups[0])
        except Refused:
            return _missing()
        if action in MOODS:
            self._book.feel(row["token"], action)
            return web.redirect(request.path)
        if action == "sign":
            self._book.sign(row["token"])
        elif action == "end":
            self._book.end(row["reference"])
        was_waiting = row["status"] == "WAITING"
        return web.redirect(row["return_url"] if was_waiting else request.path)

    def overview(self, request: web.Request) -> web.Answer:
        """All agreements with their debits."""
        rows = "".join(self._row(row) for row in self._book.agreements())
        head = "<tr><th>时间</th><th>户号</th><th>每笔上限</th><th>状态</th><th>扣款</th></tr>"
        table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else "<p>还没有协议。</p>"
        return web.page("代扣协议 · Agreements", table, banner=BANNER, wide=True)

    def as_json(self, request: web.Request) -> web.Answer:
        """One agreement (`?reference=`) with its debits, for tests."""
        try:
            row = self._book.agreement(request.parameters().get("reference", ""))
        except Refused as error:
            return _json({"error": error.code}, 404)
        names = ("reference", "token", "agreement_no", "account_number", "max_cents", "status", "mood")
        debits = [
            {name: debit[name] for name in ("reference", "amount_cents", "status", "refusal")}
            for debit in self._book.debits(row["agreement_no"])
        ]
        return _json({**{name: row[name] for name in names}, "debits": debits}, 200)

    def _page(self, row: sqlite3.Row) -> web.Answer:
        facts = (
            f'<p class="amount">{_yuan(row["max_cents"])}</p><dl><dt>每笔最多</dt><dd>{_yuan(row["max_cents"])}</dd>'
            f"<dt>缴费户号</dt><dd>{escape(row['account_number'])}</dd>"
            f"<dt>商户协议号</dt><dd>{escape(row['reference'])}</dd></dl>"
        )
        if row["status"] == "WAITING" and row["sign_by"] > time.time():
            return web.page("签订代扣协议", f'{facts}<form method="post">{_SIGN}</form>', banner=BANNER)
        knobs = "".join(
            f'<button name="action" value="{mood}"{" disabled" if mood == row["mood"] else ""}>{name}</button>'
            for mood, name in _MOODS.items()
        )
        buttons = (
            f'<form method="post">{_END}<details open><summary>以后的扣款 · How debits end</summary>{knobs}'
            "</details></form>"
            if row["status"] == "ACTIVE"
            else ""
        )
        state = "已超过签约时间" if row["status"] == "WAITING" else _STATES[row["status"]]
        return web.page(f"代扣协议：{state}", facts + buttons, banner=BANNER)

    def _row(self, row: sqlite3.Row) -> str:
        debits = "<br>".join(
            f"{_yuan(debit['amount_cents'])} {escape(debit['status'])} {escape(debit['refusal'])}"
            for debit in self._book.debits(row["agreement_no"])
        )
        cells = (
            moment(row["created_at"])[:19].replace("T", " "),
            f'<a href="/debit/sign/{row["token"]}">{escape(row["account_number"] or row["reference"])}</a>',
            _yuan(row["max_cents"]),
            _STATES[row["status"]],
            f"<small>{debits}</small>",
        )
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _missing() -> web.Answer:
    return web.page("没有这份协议 · No such agreement", "", banner=BANNER, status=404)


def _yuan(cents: int) -> str:
    return f"¥{cents // 100}.{cents % 100:02d}"


def _json(values: dict[str, object], status: int) -> web.Answer:
    return web.Answer(
        json.dumps(values, ensure_ascii=False).encode(), "application/json; charset=utf-8", status
    )
