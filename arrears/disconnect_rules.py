"""When a line may be cut for arrears: every condition with its code and its text. Pure.

The same codes are named by the service, by the plan's file and by the database's law (`arrears.laws`), which asks the
same of the rows themselves.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from arrears.choices import Hold, Stage
from arrears.rule_facts import POST

SUSPENDED_DAYS = (
    60  # telecom regulation 2016 art. 34: the line stays off for more than these before it is cut
)
LATE_DAYS = 30  # the same article: a bill is late for more than these before a line is switched off for it
MOST_APPROVAL_DAYS = 31  # for which the approvals of a plan may count
CUT_STAGES = (
    Stage.DISCONNECT_WARNED,
    Stage.DISCONNECTED,
)  # the second: another line of the account was cut before


class Missing(models.TextChoices):
    """What stands against it, in the order in which it is told."""

    NOT_SUSPENDED = "NOT_SUSPENDED", _("没有尚未解除的欠费停机")
    TOO_EARLY = "TOO_EARLY", _("欠费停机还没有超过 60 天")
    NOT_OWED = "NOT_OWED", _("没有应计入的欠费")
    NO_CASE = "NO_CASE", _("欠费案不在拆机预警阶段")
    NOBODY = "NOBODY", _("没有可通知的联系方式，也没有寄出信函")
    NOT_DELIVERED = "NOT_DELIVERED", _("有联系方式没有拆机通知的送达证明")
    NOTICE_TOO_LATE = "NOTICE_TOO_LATE", _("拆机通知送达后未满提前天数")
    DISPUTE = "DISPUTE", _("账单异议正在核查")
    IN_FLIGHT = "IN_FLIGHT", _("有一笔支付正在确认")
    PROMISE = "PROMISE", _("延期缴费尚未到期")
    EXEMPTION = "EXEMPTION", _("在欠费豁免期内")
    ESCALATION = "ESCALATION", _("升级投诉尚未答复")
    WARRANT = "WARRANT", _("不在执行中的拆机计划里")
    APPROVERS = "APPROVERS", _("没有制定人以外的两人批准")


class Unproven(models.TextChoices):
    """What an end for another reason than arrears lacks: by its customer, by an authority, by what takes its place."""

    NOT_HIS_SLIP = "NOT_HIS_SLIP", _("受理单不是这个户主的，或没有办成")
    NOT_THIS_LINE = "NOT_THIS_LINE", _("受理单办的不是终止这项业务")
    BATCH = "BATCH", _("批量办理不能代替客户本人申请")
    CUSTOMER_CODE = "CUSTOMER_CODE", _("受理单没有经本人的短信验证码确认")
    NO_FOLLOWER = "NO_FOLLOWER", _("没有已开通的、接替它的业务")
    DOCUMENT = "DOCUMENT", _("没有主管部门就这项业务下达的文件")
    TWO_APPROVERS = "TWO_APPROVERS", _("没有录入人以外的两人批准")


# What only an approved plan can bring: a dry run asks for everything else.
OF_THE_PLAN = frozenset({Missing.WARRANT, Missing.APPROVERS})
_BY_HOLD = {
    Hold.DISPUTE: Missing.DISPUTE,
    Hold.IN_FLIGHT: Missing.IN_FLIGHT,
    Hold.PROMISE: Missing.PROMISE,
    Hold.EXEMPTION: Missing.EXEMPTION,
}


class Notice(NamedTuple):
    """One delivery of the disconnection notice. `delivered_on`: proven, else None; `is_hard`: a dead address."""

    ref: str
    delivery_id: int
    message_id: int
    delivered_on: date | None
    needed_days: int
    is_hard: bool = False

    @property
    def ready_on(self) -> date:
        """The first day on which it was there long enough; only of one that was delivered."""
        assert self.delivered_on is not None
        return self.delivered_on + timedelta(self.needed_days)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line on a day. `refs`: who must have been told; `is_ordered`: it waits in a plan that is being run.

    `late_cents`: of what is owed, what was late enough to switch off for; `is_over`: the rules would end the case now.
    What the policy of who pays says beyond the law of the land: `not_before` (None: it cuts nobody), `minimum_cents`,
    and how many lines of its accounts one plan may cut.
    """

    subscription_id: int
    number: str
    service_number: str
    account_id: int  # who pays
    holder: str = ""  # the number of the account whose line it is
    suspension_id: int | None = None
    suspended_on: date | None = None
    owed_cents: int = 0
    late_cents: int = 0
    is_over: bool = False
    case_id: int | None = None
    stage: Stage = Stage.NONE
    refs: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    holds: frozenset[Hold] = frozenset()
    is_escalated: bool = False
    is_ordered: bool = False
    approvers: tuple[int, ...] = ()  # of that plan, in order, without who made it
    not_before: date | None = date.min
    minimum_cents: int = 1
    policy_id: int | None = None
    policy_cap: int | None = None  # None: no limit but the plan's own


def missing(facts: LineFacts, today: date) -> tuple[Missing, ...]:
    """Everything that stands against cutting the line on that day; empty: it may be cut."""
    found = {code for hold, code in _BY_HOLD.items() if hold in facts.holds} | _untold(facts, today)
    if facts.suspended_on is None:
        found.add(Missing.NOT_SUSPENDED)
    elif (today - facts.suspended_on).days <= SUSPENDED_DAYS or _is_before(facts, today):
        found.add(Missing.TOO_EARLY)
    if facts.is_over or facts.late_cents <= 0 or facts.owed_cents < facts.minimum_cents:
        found.add(Missing.NOT_OWED)
    if facts.case_id is None or facts.stage not in CUT_STAGES:
        found.add(Missing.NO_CASE)
    if facts.is_escalated:
        found.add(Missing.ESCALATION)
    if not facts.is_ordered:
        found.add(Missing.WARRANT)
    if len(set(facts.approvers)) < 2:
        found.add(Missing.APPROVERS)
    return tuple(code for code in Missing if code in found)


def _is_before(facts: LineFacts, today: date) -> bool:
    return facts.not_before is None or today < facts.not_before


def proofs(facts: LineFacts) -> dict[str, Notice | None]:
    """By live contact the delivery from which on it counts as told: its own, or of a dead one the letter's."""
    post, refs = _first(facts, POST), facts.refs or (POST,)
    return {ref: _first(facts, ref) or (post if _is_dead(facts, ref) else None) for ref in refs}


def _untold(facts: LineFacts, today: date) -> set[Missing]:
    found = set()
    for ref, proof in proofs(facts).items():
        if proof is None:
            is_posted = any(each.ref == POST for each in facts.notices)
            found.add(Missing.NOT_DELIVERED if ref != POST or is_posted else Missing.NOBODY)
        elif proof.ready_on > today:
            found.add(Missing.NOTICE_TOO_LATE)
    return found


def _first(facts: LineFacts, ref: str) -> Notice | None:
    delivered = (each for each in facts.notices if each.ref == ref and each.delivered_on is not None)
    return min(delivered, key=lambda each: (each.ready_on, each.delivery_id), default=None)


def _is_dead(facts: LineFacts, ref: str) -> bool:
    return any(each.is_hard for each in facts.notices if each.ref == ref)
