"""The evidence pack on paper: in Chinese, in the order of time, readable by who knows neither tables nor code."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from arrears.choices import CloseReason, Stage
from arrears.models import EscalationSource, EscalationState, ExemptionReason, PromiseState
from billing.documents import paper, words
from billing.documents.paper import Paper, Table
from billing.models import DisputeCause, DisputeState, EntryKind
from catalog.choices import SuspensionReason
from catalog.models import TerminationReason
from core import money
from notices.models import Channel, DeliveryState

Values = Mapping[str, Any]
LANGUAGE = "zh-hans"


def pdf(pack: Mapping[str, Any]) -> bytes:
    """The same pack gives the same bytes."""
    made_at = datetime.fromisoformat(pack["made_at"])
    with translation.override(LANGUAGE):
        number = pack["account"]["number"]
        return paper.pdf(
            Paper(
                language=LANGUAGE,
                title=_("欠费处理证据"),
                number=number,
                issuer=str(settings.SITE_NAME),
                footer=words.footer(number, made_at),
                pages=words.pages(),
                at=words.made_at(made_at),
                facts=list(_facts(pack, made_at)),
                tables=list(_tables(pack)),
                notes=list(_notes(pack)),
            )
        )


def _facts(pack: Mapping[str, Any], made_at: datetime) -> Iterator[tuple[str, str]]:
    account = pack["account"]
    yield _("户号"), account["number"]
    yield _("户名"), account["customer"]
    yield _("区域"), account["region"] or "—"
    yield _("地址"), account["post_address"] or account["address"] or "—"
    yield _("生成时间"), words.moment(made_at)
    yield _("生成人"), pack["made_by"]


def _tables(pack: Mapping[str, Any]) -> Iterator[Table]:
    contacts = [
        (
            Channel(each["channel"]).label,
            each["address"],
            each["name"] or "—",
            _time(each["verified_at"] or "") if each["verified_at"] else _("未验证"),
        )
        for each in pack["contacts"]
    ]
    head = (_("方式"), _("号码或地址"), _("联系人"), _("验证时间"))
    yield Table(_("联系方式"), head, _labels(contacts), amounts=0)
    told = [_line(row) for row in pack["rows"] if row["table"] != "billing_ledgerentry"]
    yield Table(_("经过（按时间）"), (_("内容"), _("事项"), _("时间"), _("记录与封存")), told, amounts=0)
    yield Table(_("账务流水"), (_("类型"), _("时间"), _("记录与封存"), _("金额")), list(_money(pack)))
    seals = [(each["digest"], str(each["sequence"]), each["sealed_on"]) for each in pack["seals"]]
    yield Table(_("封存"), (_("摘要"), _("序号"), _("封存日")), seals, amounts=0)
    roots = [(each["digest"], each["sealed_on"]) for each in pack["roots"]]
    yield Table(_("每日根摘要"), (_("摘要"), _("封存日")), roots, amounts=0)


def _notes(pack: Mapping[str, Any]) -> Iterator[str]:
    yield _("每条记录的内容都计入摘要，每次封存的摘要包含前一次的摘要：改动任何一条，之后的摘要都不再相符。")
    yield _("“未封存”的记录产生于最近一次封存之后。")
    if pack["purged"]:
        yield _("%(count)s 条记录已按保存期限清除，其摘要仍在。") % {"count": len(pack["purged"])}
    yield _("本证据包摘要（SHA-256）：%(digest)s") % {"digest": pack["digest"]}


def _labels(rows: list[tuple[str | Promise, ...]]) -> list[tuple[str, ...]]:
    return [tuple(str(cell) for cell in row) for row in rows]


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    title, tell = _TOLD[row["table"], row["part"]]
    return tell(row["values"]), str(title), _time(row["at"]), _mark(row)


def _money(pack: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for row in pack["rows"]:
        if row["table"] == "billing_ledgerentry":
            values = row["values"]
            label = str(EntryKind(values["kind"]).label)
            yield label, _time(row["at"]), _mark(row), money.display(values["amount_cents"])


def _mark(row: Mapping[str, Any]) -> str:
    """Which row it is, and in which seal it lies."""
    number = f"{row['table']} {row['id']}"
    return f"{number} · " + (_("封存 %(seal)s") % {"seal": row["seal"]} if row["seal"] else _("未封存"))


def _time(text: str) -> str:
    """An instant or a day of the pack in words."""
    if not text:
        return "—"
    at = datetime.fromisoformat(text)
    return words.day(at.date()) if len(text) == 10 else words.moment(at)


def _yuan(cents: int) -> str:
    return str(money.display(cents))


def _delivery(values: Values) -> str:
    return f"{Channel(values['channel']).label} → {values['address'].replace(chr(10), ' ')}"


def _arrived(values: Values) -> str:
    when = values["delivered_at"] or ""
    return f"{DeliveryState(values['state']).label} {_time(when) if when else ''} {values['provider']}"


def _stage(values: Values) -> str:
    return _("%(before)s → %(after)s，原因 %(reason)s，欠费 %(owed)s，操作人 %(actor)s") % {
        "before": Stage(values["from_stage"]).label,
        "after": Stage(values["to_stage"]).label,
        "reason": values["reason"],
        "owed": _yuan(values["owed_cents"]),
        "actor": values["actor"],
    }


def _warrant(values: Values) -> str:
    return _("欠费 %(owed)s，批准人 %(first)s、%(second)s，操作人 %(actor)s") % {
        "owed": _yuan(values["owed_cents"]),
        "first": values["first_approver_id"],
        "second": values["second_approver_id"],
        "actor": values["actor"],
    }


def _label(choices: Any, name: str, *more: str) -> Callable[[Values], str]:
    """The label of a choice, and other columns as they are."""

    def tell(values: Values) -> str:
        parts = [str(choices(values[name]).label), *(str(values[each]) for each in more if values[each])]
        return " · ".join(parts)

    return tell


def _said(*names: str) -> Callable[[Values], str]:
    """These columns as they are."""
    return lambda values: " · ".join(str(values[name]) for name in names if values[name] not in (None, ""))


# (table, part) → what it is called, and what is told of it.
_TOLD: dict[tuple[str, str], tuple[Promise, Callable[[Values], str]]] = {
    ("notices_message", ""): (gettext_lazy("通知产生"), _said("code", "recipient_ref")),
    ("notices_delivery", ""): (gettext_lazy("通知发送"), _delivery),
    ("notices_delivery", "text"): (gettext_lazy("通知正文"), _said("body")),
    ("notices_delivery", "end"): (gettext_lazy("发送结果"), _arrived),
    ("notices_delivery", "returned"): (gettext_lazy("信函退回"), _said("failure")),
    ("notices_deliveryreceipt", ""): (
        gettext_lazy("验签通过的回执"),
        _said("status", "provider", "provider_message_id"),
    ),
    ("notices_letterlist", ""): (gettext_lazy("信函交寄"), _said("number", "posted_on", "posted_by")),
    ("arrears_arrearscase", ""): (gettext_lazy("欠费案开始"), _said("number")),
    ("arrears_arrearscase", "end"): (
        gettext_lazy("欠费案结束"),
        _label(CloseReason, "close_reason"),
    ),
    ("arrears_stagechange", ""): (gettext_lazy("阶段决定"), _stage),
    ("arrears_casenotice", ""): (gettext_lazy("按规则告知"), _said("contact_ref", "stage", "told_on")),
    ("catalog_suspension", ""): (
        gettext_lazy("停机"),
        _label(SuspensionReason, "reason", "begins_on", "opened_by"),
    ),
    ("catalog_suspension", "end"): (gettext_lazy("复机"), _said("ends_on", "closed_by")),
    ("catalog_termination", ""): (gettext_lazy("拆机"), _label(TerminationReason, "reason", "actor")),
    ("arrears_warrant", ""): (gettext_lazy("拆机依据"), _warrant),
    ("arrears_warrantproof", ""): (gettext_lazy("送达证明"), _said("contact_ref", "delivery_id")),
    ("arrears_promise", ""): (gettext_lazy("延期缴费"), _said("number", "until")),
    ("arrears_promise", "end"): (gettext_lazy("延期结果"), _label(PromiseState, "state")),
    ("arrears_exemption", ""): (
        gettext_lazy("欠费豁免"),
        _label(ExemptionReason, "reason", "note", "created_by"),
    ),
    ("arrears_exemption", "end"): (gettext_lazy("豁免结束"), _said("active_to")),
    ("billing_dispute", ""): (gettext_lazy("账单异议"), _label(DisputeCause, "cause", "number", "text")),
    ("billing_dispute", "end"): (gettext_lazy("异议答复"), _label(DisputeState, "state", "answer")),
    ("operations_slip", ""): (
        gettext_lazy("受理单"),
        _said("number", "operation", "state", "refusal_code"),
    ),
    ("arrears_escalation", ""): (
        gettext_lazy("申诉"),
        _label(EscalationSource, "source", "number", "text"),
    ),
    ("arrears_escalationhistory", ""): (
        gettext_lazy("申诉处理"),
        _label(EscalationState, "to_state", "owner", "reason"),
    ),
    ("arrears_escalationpack", ""): (gettext_lazy("申诉证据包"), _said("digest")),
}
