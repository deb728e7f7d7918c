"""What each kind of evidence says in words, for who knows neither tables nor code."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from arrears.choices import CloseReason, Stage
from arrears.models import EscalationSource, EscalationState, ExemptionReason, LineState, PromiseState
from billing.documents import words
from billing.models import BillKind, DisputeCause, DisputeState, EntryKind
from catalog.choices import SuspensionReason
from catalog.models import TerminationReason
from core import money
from core.models import ApprovalState
from notices import kinds
from notices.models import Channel, DeliveryState

Values = Mapping[str, Any]


def moment(text: str) -> str:
    """An instant or a day of a pack in words."""
    if not text:
        return "—"
    at = datetime.fromisoformat(text)
    return words.day(at.date()) if len(text) == 10 else words.moment(at)


def spaced(digest: str) -> str:
    """A digest in groups that a line may break between."""
    return " ".join(digest[at : at + 16] for at in range(0, len(digest), 16))


def _yuan(cents: int) -> str:
    return str(money.display(cents))


def _delivery(values: Values) -> str:
    return f"{Channel(values['channel']).label} → {values['address'].replace(chr(10), ' ')}"


def _arrived(values: Values) -> str:
    when = values["delivered_at"] or ""
    return f"{DeliveryState(values['state']).label} {moment(when) if when else ''} {values['provider']}"


def reason(code: str) -> str:
    """Why a case moved: its time came, or why it ended."""
    return str(dict(CloseReason.choices).get(code, _("到期") if code.startswith("REACHED_") else code))


def _notice(values: Values) -> str:
    kind = kinds.find(values["code"])
    return f"{kind.title if kind else values['code']} · {values['language']}"


def _stage(values: Values) -> str:
    return _("%(before)s → %(after)s，原因 %(reason)s，欠费 %(owed)s，操作人 %(actor)s") % {
        "before": Stage(values["from_stage"]).label,
        "after": Stage(values["to_stage"]).label,
        "reason": reason(values["reason"]),
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


def _receipt(values: Values) -> str:
    """As the provider reported it, with the digest of what came."""
    said = (values["status"], values["provider"], values["provider_message_id"], spaced(values["raw"]))
    return " · ".join(said)


def _now(values: Values) -> str:
    parts = (DeliveryState(values["state"]).label, values["failure"], values["error"])
    return " · ".join(str(each) for each in parts if each)


def _tried(values: Values) -> str:
    tried = _("第 %(number)s 次，%(provider)s") % {"number": values["number"], "provider": values["provider"]}
    return f"{tried} · {values['error']}" if values["error"] else tried


def _rule_told(values: Values) -> str:
    return f"{values['contact_ref']} · {Stage(values['stage']).label} · {moment(values['told_on'])}"


def _plan(values: Values) -> str:
    return _("%(number)s，共 %(lines)s 项，最多拆 %(cap)s 项，制定人 %(by)s，文件摘要 %(digest)s") % {
        "number": values["number"],
        "lines": values["lines_count"],
        "cap": values["cap"],
        "by": f"user:{values['made_by_id']}" if values["made_by_id"] else _("定时任务"),
        "digest": spaced(values["digest"]),
    }


def _approved(values: Values) -> str:
    return f"user:{values['user_id']} · {values['reason']}"


def _planned(values: Values) -> str:
    return " · ".join([str(LineState(values["state"]).label), *map(str, values["refusals"])])


def _decided(values: Values) -> str:
    return _("%(state)s，申请人 %(asked)s，审批人 %(decided)s，%(reason)s") % {
        "state": ApprovalState(values["state"]).label,
        "asked": values["requested_by"],
        "decided": values["decided_by"],
        "reason": values["decision_reason"] or values["reason"],
    }


def _written_off(values: Values) -> str:
    return f"{_yuan(values['amount_cents'])} · {values['reason']} · {values['actor']}"


# (table, part) → what it is called, and what is told of it.
TOLD: dict[tuple[str, str], tuple[Promise, Callable[[Values], str]]] = {
    ("notices_message", ""): (gettext_lazy("通知产生"), _notice),
    ("notices_delivery", ""): (gettext_lazy("通知发送"), _delivery),
    ("notices_delivery", "text"): (gettext_lazy("通知正文"), _said("body")),
    ("notices_delivery", "end"): (gettext_lazy("发送结果"), _arrived),
    ("notices_delivery", "returned"): (gettext_lazy("信函退回"), _said("failure")),
    ("notices_deliveryreceipt", ""): (
        gettext_lazy("验签通过的回执"),
        _receipt,
    ),
    ("notices_delivery", "now"): (gettext_lazy("发送现状"), _now),
    ("notices_deliveryattempt", ""): (gettext_lazy("发送尝试"), _tried),
    ("notices_deliveryreceipt", "refused"): (
        gettext_lazy("验签未通过的回执"),
        _receipt,
    ),
    ("notices_letterlist", ""): (gettext_lazy("信函交寄"), _said("number", "posted_on", "posted_by")),
    ("arrears_arrearscase", ""): (gettext_lazy("欠费案开始"), _said("number")),
    ("arrears_arrearscase", "end"): (
        gettext_lazy("欠费案结束"),
        _label(CloseReason, "close_reason"),
    ),
    ("arrears_stagechange", ""): (gettext_lazy("阶段决定"), _stage),
    ("arrears_casenotice", ""): (gettext_lazy("按规则告知"), _rule_told),
    ("catalog_suspension", ""): (
        gettext_lazy("停机"),
        _label(SuspensionReason, "reason", "begins_on", "opened_by"),
    ),
    ("catalog_suspension", "end"): (gettext_lazy("复机"), _said("ends_on", "closed_by")),
    ("catalog_termination", ""): (gettext_lazy("拆机"), _label(TerminationReason, "reason", "actor")),
    ("arrears_warrant", ""): (gettext_lazy("拆机依据"), _warrant),
    ("arrears_warrantproof", ""): (gettext_lazy("送达证明"), _said("contact_ref", "delivery_id")),
    ("arrears_disconnectplan", ""): (gettext_lazy("拆机计划"), _plan),
    ("arrears_planapproval", ""): (gettext_lazy("拆机计划批准"), _approved),
    ("arrears_planline", ""): (gettext_lazy("计划执行"), _planned),
    ("core_approval", ""): (gettext_lazy("审批"), _decided),
    ("arrears_writeoff", ""): (gettext_lazy("坏账核销"), _written_off),
    ("arrears_reinstalloverride", ""): (gettext_lazy("复装限制豁免"), _said("authority", "reason", "actor")),
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
    ("arrears_escalationpack", ""): (gettext_lazy("申诉证据包"), lambda values: spaced(values["digest"])),
}


def _cash(name: str, *more: str, sign: int = 1) -> Callable[[Values], tuple[str, int]]:
    """What a row of money says, and how much it is."""

    def tell(values: Values) -> tuple[str, int]:
        said = " · ".join(str(values[each]) for each in (name, *more) if values[each] not in (None, ""))
        return said, sign * int(values["amount_cents"])

    return tell


def _used(values: Values) -> tuple[str, int]:
    said = _("收款 %(receipt)s 用于账单 %(bill)s") % {
        "receipt": values["receipt_id"],
        "bill": values["bill_id"],
    }
    return said, int(values["amount_cents"])


def _bill(values: Values) -> tuple[str, int]:
    due = _("%(number)s，截止 %(day)s") % {"number": values["number"], "day": moment(values["due_on"])}
    return f"{BillKind(values['kind']).label} {due}", int(values["total_cents"])


# table → what it is called, and what it says. The ledger stands alone: its entries sum to the balance.
MONEY: dict[str, tuple[Promise, Callable[[Values], tuple[str, int]]]] = {
    "billing_bill": (gettext_lazy("账单"), _bill),
    "billing_receipt": (gettext_lazy("收款"), _cash("number", "gateway", "trade_no")),
    "billing_allocation": (gettext_lazy("销账"), _used),
    "billing_adjustment": (gettext_lazy("调账"), _cash("number", "reason", "actor")),
    "billing_penaltywaiver": (gettext_lazy("违约金减免"), _cash("reason", "actor")),
    "billing_refund": (gettext_lazy("退款"), _cash("request_no")),
}
LEDGER = "billing_ledgerentry"


def entry(values: Values) -> tuple[str, int]:
    return str(EntryKind(values["kind"]).label), int(values["amount_cents"])
