"""拆机计划: what a dry run found, as a file and as rows; approved by two people; carried out line by line.

    make (CSV) → approve × 2 → run (and run again after an interruption) → DONE; cancel until then

The file is what people read and sign: `run` takes the plan by the digest of the file that it is given.
"""

import csv
import hashlib
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Region, User
from accounts.selectors import regions
from arrears import disconnect_rules, locks
from arrears.disconnect_rules import OF_THE_PLAN, LineFacts, Missing
from arrears.models import PLAN_MACHINE, DisconnectPlan, LineState, PlanApproval, PlanLine, PlanState
from arrears.selectors import disconnecting as reads
from arrears.services import disconnecting
from catalog.models import Subscription
from core import approvals, sequences
from core.actor import Actor
from core.clock import local_date
from core.errors import Conflict, Forbidden, NotFound

log = logging.getLogger(__name__)
MAKE = "arrears.add_disconnectplan"
SEQUENCE = "disconnect_plan_number"
PAGE = 1000
CAP = 500  # lines that one plan may cut, where nobody says another number
OVER_CAP = "OVER_CAP"  # nothing is missing, but the plan is full
NEEDED = 2  # people who say yes
_BEGUN = (PlanState.APPROVED, PlanState.RUNNING)
_CLAIMS = 0x6375  # space of the advisory locks, one for each line that is being cut
_COLUMNS = ("subscription", "service_number", "verdict", "missing")


class UnknownPlan(NotFound):
    code = "DISCONNECT_PLAN_UNKNOWN"
    message = _("没有哪个拆机计划是由这个文件生成的，或文件已被改动")


class NotApproved(Conflict):
    code = "DISCONNECT_PLAN_NOT_APPROVED"
    message = _("拆机计划尚未经两人批准，或已结束")


class ApprovalOver(Conflict):
    code = "DISCONNECT_PLAN_APPROVAL_OVER"
    message = _("拆机计划的批准已超过 %(days)s 天，须由两人重新核对并批准")


class ApproverGone(Conflict):
    code = "DISCONNECT_PLAN_APPROVER_GONE"
    message = _("批准拆机计划的人已停用或不再有批准权限，须由另一人重新核对并批准")


class NoMaker(Forbidden):
    code = "DISCONNECT_PLAN_NO_MAKER"
    message = _(
        "--by 须是在职员工，且在计划的区域内有制定拆机计划的权限；只管一个区域的，用 --region 指明该区域"
    )


class AboveCap(Conflict):
    code = "DISCONNECT_PLAN_ABOVE_CAP"
    message = _("拆机计划要拆的行数超过它的上限")


class OwnPlan(Forbidden):
    code = "DISCONNECT_PLAN_OWN"
    message = _("不能批准自己制定的拆机计划")


class AlreadyApproved(Conflict):
    code = "DISCONNECT_PLAN_APPROVED_BEFORE"
    message = _("您已经批准过，须由另一人批准")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines a plan looks at."""

    region: str = ""
    account: str = ""  # only lines that this account pays for; "": all
    numbers: tuple[str, ...] = ()  # only these subscriptions; empty: all
    limit: int | None = None  # lines to look at; None: all
    cap: int = CAP


@dataclass(frozen=True, slots=True)
class Made:
    plan: DisconnectPlan
    file: bytes
    to_cut: int
    refused: int


@dataclass
class Counts:
    """Lines that were cut, refused because something is missing now, and failed."""

    cut: int = 0
    refused: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Job:
    plan_id: int
    as_of: datetime
    actor: Actor
    stop: Callable[[], bool] = field(default=lambda: False)


@dataclass(frozen=True, slots=True)
class _Judged:
    facts: LineFacts
    refusals: tuple[str, ...]


def make(wanted: Wanted, *, made_by_id: int | None, as_of: datetime) -> Made:
    """A plan and its file: every line that has been off long enough, to be cut or with what is missing.

    Nothing is cut by it. Raises UnknownRegion, NotFound for an account or a line that there is not.
    """
    region = Region.objects.filter(code=wanted.region).first() if wanted.region else None
    number = sequences.next_number(SEQUENCE, prefix="DP", on=local_date(as_of))
    judged = _capped(_judge(wanted, as_of), wanted.cap)
    content = _csv(number, judged)
    with transaction.atomic():
        plan = DisconnectPlan.objects.create(
            number=number,
            region=region,
            planned_on=local_date(as_of),
            digest=_digest(content),
            lines_count=len(judged),
            cap=wanted.cap,
            approval_days=settings.DISCONNECT_APPROVAL_DAYS,
            made_by_id=made_by_id,
            created_at=as_of,
        )
        PlanLine.objects.bulk_create((_line(plan, each, as_of) for each in judged), batch_size=PAGE)
    to_cut = sum(not each.refusals for each in judged)
    return Made(plan, content, to_cut, len(judged) - to_cut)


def maker(username: str, region: str) -> int:
    """The id of the member of staff of this name who may make plans there ("": everywhere). Raises NoMaker.

    Who runs a command is known to the server alone: it is said, and bound not to approve.
    """
    user = User.objects.filter(username=username).first()
    place = Region.objects.filter(code=region).first() if region else None
    if user is None or not approvals.holds_there(Actor.user(user), MAKE, place.pk if place else None):
        raise NoMaker()
    return user.pk


def of_file(content: bytes) -> DisconnectPlan:
    """The plan that this file was made with. Raises UnknownPlan for any other file, also for a changed one."""
    found = DisconnectPlan.objects.filter(digest=_digest(content)).first()
    if found is None:
        raise UnknownPlan()
    return found


@transaction.atomic
def approve(*, plan_id: int, user_id: int, reason: str, as_of: datetime) -> DisconnectPlan:
    """One person's yes; with the second one the plan is APPROVED. Where the first two are too old, anew.

    Raises NotFound, OwnPlan, AlreadyApproved, IllegalTransition for a plan that does not wait.
    """
    plan = locks.plan(plan_id)
    if not is_over(plan, as_of=as_of):
        PLAN_MACHINE.check(plan.state, PlanState.APPROVED)
    if plan.made_by_id == user_id:
        raise OwnPlan()
    if user_id in reads.approvers(plan, as_of=as_of):
        raise AlreadyApproved()
    PlanApproval.objects.create(plan=plan, user_id=user_id, reason=reason[:200], at=as_of)
    if plan.state == PlanState.MADE and is_approved(plan, as_of=as_of):
        _move(plan, PlanState.APPROVED)
    return plan


def is_approved(plan: DisconnectPlan, *, as_of: datetime) -> bool:
    """Whether two people have said yes to it, not too long ago, who may still do so."""
    return len(reads.approvers(plan, as_of=as_of)) >= NEEDED


def is_over(plan: DisconnectPlan, *, as_of: datetime) -> bool:
    """Whether it was approved, but so long ago that it must be approved anew."""
    return plan.state in _BEGUN and not is_approved(plan, as_of=as_of)


@transaction.atomic
def cancel(*, plan_id: int, as_of: datetime) -> DisconnectPlan:
    """Nothing more is cut by it; what was cut stays so. Raises NotFound, IllegalTransition when it is over."""
    plan = locks.plan(plan_id)
    _move(plan, PlanState.CANCELLED, ended_at=as_of)
    return plan


def run(job: Job) -> Iterator[Counts]:
    """Every waiting line in a transaction of its own, judged anew; the counts after each. Safe to run again.

    What was begun and interrupted goes on where it stopped. Two at once divide the lines. Raises NotApproved,
    ApprovalOver, ApproverGone, AboveCap.
    """
    _begin(job.plan_id, job.as_of)
    counts = Counts()
    waiting = PlanLine.objects.filter(plan_id=job.plan_id, state=LineState.WAITING).order_by("pk")
    for line_id in list(waiting.values_list("pk", flat=True)):
        if job.stop():
            return
        _one(job, line_id, counts)
        yield counts
    _finish(job.plan_id, job.as_of)


@transaction.atomic
def _begin(plan_id: int, as_of: datetime) -> None:
    plan = locks.plan(plan_id)
    if plan.state not in _BEGUN:
        raise NotApproved()
    if is_over(plan, as_of=as_of):
        is_fresh = len(reads.said_yes(plan, as_of=as_of)) >= NEEDED
        raise ApproverGone() if is_fresh else ApprovalOver(days=plan.approval_days)
    if plan.lines.filter(state__in=(LineState.WAITING, LineState.DONE)).count() > plan.cap:
        raise AboveCap()
    if plan.state == PlanState.APPROVED:
        _move(plan, PlanState.RUNNING)


@transaction.atomic
def _finish(plan_id: int, as_of: datetime) -> None:
    """Over when no line waits any more: another process may still have some."""
    plan = locks.plan(plan_id)
    if plan.state == PlanState.RUNNING and not plan.lines.filter(state=LineState.WAITING).exists():
        _move(plan, PlanState.DONE, ended_at=as_of)


def _one(job: Job, line_id: int, counts: Counts) -> None:
    try:
        with transaction.atomic():
            if not _is_ours(line_id):
                return
            disconnecting.cut(line_id=line_id, actor=job.actor, as_of=job.as_of)
            counts.cut += 1
    except disconnecting.NotCut as refused:
        counts.refused += _ended(line_id, LineState.REFUSED, job.as_of, refusals=[*refused.missing])
    except Exception as error:
        log.exception("line not cut", extra={"plan_line": line_id})
        counts.failed += _ended(line_id, LineState.FAILED, job.as_of, error=type(error).__name__)


def _is_ours(line_id: int) -> bool:
    """Whether it still waits in a plan that goes on, and no other process has it."""
    running = PlanLine.objects.filter(pk=line_id, state=LineState.WAITING, plan__state=PlanState.RUNNING)
    return locks.claim(_CLAIMS, line_id) and running.exists()


def _ended(line_id: int, state: LineState, as_of: datetime, **why: object) -> int:
    """How many lines this concerns: none that somebody else has ended, or whose plan was cancelled meanwhile."""
    waiting = PlanLine.objects.filter(pk=line_id, state=LineState.WAITING, plan__state=PlanState.RUNNING)
    return waiting.update(state=state, done_at=as_of, **why)


def _move(plan: DisconnectPlan, to: PlanState, *, ended_at: datetime | None = None) -> None:
    PLAN_MACHINE.check(plan.state, to)
    plan.state, plan.ended_at = to, ended_at
    plan.save(update_fields=["state", "ended_at"])


def _numbers(wanted: Wanted) -> tuple[str, ...]:
    """The lines that are asked for by their names; empty: all. Raises NotFound: a typing error is not everything."""
    if not (wanted.account or wanted.numbers):
        return ()
    rows = (
        Subscription.objects.filter(payer__number=wanted.account)
        if wanted.account
        else Subscription.objects.all()
    )
    if wanted.numbers:
        rows = rows.filter(number__in=wanted.numbers)
    found = tuple(rows.values_list("number", flat=True))
    if not found or set(wanted.numbers) - set(found):
        raise NotFound()
    return found


def _judge(wanted: Wanted, as_of: datetime) -> Iterator[_Judged]:
    numbers = _numbers(wanted)
    beneath = regions.beneath(wanted.region) if wanted.region else None
    after, looked, today = 0, 0, local_date(as_of)
    while wanted.limit is None or looked < wanted.limit:
        most = PAGE if wanted.limit is None else min(PAGE, wanted.limit - looked)
        lines = reads.candidates(after=after, most=most, as_of=as_of, regions=beneath, numbers=numbers)
        if not lines:
            return
        for facts in reads.facts(lines, as_of=as_of).values():
            codes = disconnect_rules.missing(facts, today)
            yield _Judged(facts, tuple(str(code) for code in codes if code not in OF_THE_PLAN))
        after, looked = lines[-1].pk, looked + len(lines)


def _capped(judged: Iterator[_Judged], cap: int) -> list[_Judged]:
    """The first that may be cut, up to the cap and to that of each policy; the others wait for another plan."""
    found, cut = [], Counter[int | None]()
    for each in judged:
        own = each.facts.policy_cap
        is_full = cut.total() >= cap or (own is not None and cut[each.facts.policy_id] >= own)
        if not each.refusals and is_full:
            each = _Judged(each.facts, (OVER_CAP,))
        cut[each.facts.policy_id] += not each.refusals
        found.append(each)
    return found


def _csv(number: str, judged: list[_Judged]) -> bytes:
    """One line for each service; the number of the plan stands first, so that no two plans have the same file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("plan", number))
    writer.writerow(_COLUMNS)
    for each in judged:
        verdict = "REFUSED" if each.refusals else "CUT"
        writer.writerow((each.facts.number, each.facts.service_number, verdict, " ".join(each.refusals)))
    return out.getvalue().encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _line(plan: DisconnectPlan, each: _Judged, as_of: datetime) -> PlanLine:
    return PlanLine(
        plan=plan,
        subscription_id=each.facts.subscription_id,
        state=LineState.REFUSED if each.refusals else LineState.WAITING,
        refusals=list(each.refusals),
        done_at=as_of if each.refusals else None,
    )


def text_of(code: str) -> str:
    """What a code in a line or in the file means."""
    return str(_("超过本计划的上限")) if code == OVER_CAP else str(Missing(code).label)
