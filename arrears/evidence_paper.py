"""The evidence pack on paper: in the order of time, readable by who knows neither tables nor code."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from arrears import evidence_words
from arrears.evidence_words import LEDGER, MONEY, TOLD, moment
from billing.documents import paper, words
from billing.documents.paper import Paper, Table
from core import money
from notices.models import Channel

LANGUAGE = "zh-hans"
_RANKS = {each: rank for rank, each in enumerate(TOLD)}  # what comes first of one moment
Row = Mapping[str, Any]


def pdf(pack: Row, *, language: str = LANGUAGE) -> bytes:
    """The same pack in the same language gives the same bytes."""
    made_at = datetime.fromisoformat(pack["made_at"])
    with translation.override(language):
        number = pack["account"]["number"]
        return paper.pdf(
            Paper(
                language=language,
                title=_("欠费处理证据"),
                number=number,
                issuer=str(settings.SITE_NAME),
                footer=words.footer(number, made_at),
                pages=words.pages(),
                at=words.made_at(made_at),
                facts=list(_facts(pack, made_at)),
                tables=[each for each in _tables(pack) if each.rows],
                notes=list(_notes(pack)),
            )
        )


def _facts(pack: Row, made_at: datetime) -> Iterator[tuple[str, str]]:
    account = pack["account"]
    yield _("户号"), account["number"]
    yield _("户名"), account["customer"]
    yield _("区域"), account["region"] or "—"
    yield _("地址"), account["post_address"] or account["address"] or "—"
    yield _("生成时间"), words.moment(made_at)
    yield _("生成人"), pack["made_by"]


def _tables(pack: Row) -> Iterator[Table]:
    head = (_("号码或地址"), _("方式"), _("联系人"), _("验证时间"))
    yield Table(_("联系方式"), head, [_contact(each) for each in pack["contacts"]], amounts=0)
    told = [row for row in pack["rows"] if (row["table"], row["part"]) in TOLD]
    told.sort(key=lambda row: (row["at"], _RANKS[row["table"], row["part"]], row["id"]))
    happened = (_("内容"), _("时间"), _("记录与封存"))
    yield Table(_("经过（按时间）"), happened, [*map(_line, told)], amounts=0, shares=(2, 0, 1))
    paid = [_money(row) for row in pack["rows"] if row["table"] in MONEY]
    yield Table(_("账单、收款与减免"), (_("内容"), _("时间"), _("记录与封存"), _("金额")), paid)
    yield _ledger(pack)
    seals = [(each["digest"], str(each["sequence"]), each["sealed_on"]) for each in pack["seals"]]
    yield Table(_("封存"), (_("摘要"), _("序号"), _("封存日")), seals, amounts=0)
    roots = [(each["digest"], each["sealed_on"]) for each in pack["roots"]]
    yield Table(_("每日根摘要"), (_("摘要"), _("封存日")), roots, amounts=0)


def _contact(each: Row) -> tuple[str, ...]:
    verified = moment(each["verified_at"]) if each["verified_at"] else _("未验证")
    return each["address"], str(Channel(each["channel"]).label), each["name"] or "—", verified


def _line(row: Row) -> tuple[str, ...]:
    title, tell = TOLD[row["table"], row["part"]]
    return _titled(title, tell(row["values"])), moment(row["at"]), _mark(row)


def _money(row: Row) -> tuple[str, ...]:
    title, tell = MONEY[row["table"]]
    said, cents = tell(row["values"])
    return _titled(title, said), moment(row["at"]), _mark(row), str(money.display(cents))


def _titled(title: Promise, said: str) -> str:
    return _("%(title)s：%(said)s") % {"title": title, "said": said} if said else str(title)


def _ledger(pack: Row) -> Table:
    """Every entry of the account, and what they sum to: below zero is owed."""
    rows, balance = [], 0
    for row in pack["rows"]:
        if row["table"] == LEDGER:
            label, cents = evidence_words.entry(row["values"])
            balance += cents
            rows.append((label, moment(row["at"]), _mark(row), str(money.display(cents))))
    head = (_("类型"), _("时间"), _("记录与封存"), _("金额"))
    return Table(
        _("账务流水"), head, rows, foot=(_("余额（负数为欠费）"), "", "", str(money.display(balance)))
    )


def _notes(pack: Row) -> Iterator[str]:
    yield _("每条记录的内容都计入摘要，每次封存的摘要包含前一次的摘要：改动任何一条，之后的摘要都不再相符。")
    yield _("“未封存”的记录产生于最近一次封存之后，或尚无结果。")
    if pack["purged"]:
        yield _("%(count)s 条记录已按保存期限清除，其摘要仍在。") % {"count": len(pack["purged"])}
    yield _("本证据包摘要（SHA-256）：%(digest)s") % {"digest": pack["digest"]}


def _mark(row: Row) -> str:
    """Which row it is, and in which seal it lies."""
    number = f"{row['table']} {row['id']}"
    return f"{number} · " + (_("封存 %(seal)s") % {"seal": row["seal"]} if row["seal"] else _("未封存"))
