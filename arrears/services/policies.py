"""欠费策略: a new version is asked for by one person and written by another's leave. What runs is never edited.

The version before it, of the same region and kind of customer, ends on the day on which the new one begins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Customer, Region
from arrears import policy_rules
from arrears.choices import PartPayment, Stage
from arrears.models import Policy, PolicyNotice, PolicyStage
from arrears.policy_rules import Draft, Fault
from core import approvals, money
from core.actor import Actor
from core.approvals import Outcome
from core.clock import local_date
from core.db import violated
from core.errors import Conflict, HallError
from notices import kinds

NEW, END = "arrears.policy", "arrears.policy_end"
ASK, DECIDE = "arrears.add_policy", "arrears.approve_policy"
# What the daily pass has the values for: every text that a stage may tell.
TELLABLE = (
    "bill_due_soon",
    "bill_overdue",
    "suspension_ahead",
    "suspension_tomorrow",
    "suspended",
    "disconnection_ahead",
    "disconnection_tomorrow",
    "debt_remains",
)


class Unsound(HallError):
    """`faults`: the codes of everything that is wrong with it."""

    code = "POLICY_UNSOUND"
    message = gettext_lazy("策略不能这样写：%(why)s")

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__(why="; ".join(str(fault.label) for fault in faults))


class NotAhead(HallError):
    code = "POLICY_IN_THE_PAST"
    message = gettext_lazy("策略只能从明天或更晚的日子开始生效，并在生效之后失效")


class CodeTaken(Conflict):
    code = "POLICY_CODE_TAKEN"
    message = gettext_lazy("这个策略代码已经用过，请换一个")


class Overlaps(Conflict):
    code = "POLICY_OVERLAPS"
    message = gettext_lazy("同一区域、同一客户类型在这段日子里已有排定的策略，请先结束它")


class Incomplete(HallError):
    code = "POLICY_INCOMPLETE"
    message = gettext_lazy("申请的内容不完整，请驳回后重新提交")


class StillNeeded(Conflict):
    code = "POLICY_STILL_NEEDED"
    message = gettext_lazy("通用策略不能没有接替，请提交新版本")


_LAWS: dict[str, type[HallError]] = {
    "arrears_policy_one_at_a_time": Overlaps,
    "arrears_policy_ends_in_future": NotAhead,
}


def ask(draft: Draft, *, reason: str, actor: Actor, as_of: datetime, address: str | None = None) -> Outcome:
    """A request that a second person decides.

    Raises Unsound, NotAhead, StillNeeded, CodeTaken, Overlaps, and what core.approvals.submit raises.
    """
    _check(draft, as_of)
    return approvals.submit(
        kind=NEW,
        subject=(Policy._meta.label, draft.code),
        amount_cents=0,
        data=draft.plain(),
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=draft.region_id,
    )


def ask_end(
    *, policy_id: int, ends_on: date, reason: str, actor: Actor, as_of: datetime, address: str | None = None
) -> Outcome:
    """The policy shall hold no more from that day on; the next wider one holds then. A second person decides.

    Raises NotAhead, StillNeeded for what holds everywhere for everybody.
    """
    row = Policy.objects.get(pk=policy_id)
    _check_end(row, ends_on, as_of)
    return approvals.submit(
        kind=END,
        subject=(Policy._meta.label, row.pk),
        amount_cents=0,
        data={"code": row.code, "ends_on": ends_on.isoformat()},
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=row.region_id,
    )


def tellable() -> list[kinds.Kind]:
    """The notices that a policy may name."""
    return [kind for code in TELLABLE if (kind := kinds.find(code)) is not None]


def _check(draft: Draft, as_of: datetime) -> None:
    if found := policy_rules.faults(draft, TELLABLE):
        raise Unsound(found)
    if draft.active_from <= local_date(as_of) or (draft.active_to and draft.active_to <= draft.active_from):
        raise NotAhead()
    if _is_general(draft.region_id, draft.customer_kind) and draft.active_to:
        raise StillNeeded()
    if Policy.objects.filter(code=draft.code).exists():
        raise CodeTaken()
    if _same_place(draft).filter(active_from__gte=draft.active_from).exclude(_after(draft)).exists():
        raise Overlaps()


def _is_general(region_id: int | None, customer_kind: str) -> bool:
    """What holds where nobody has written anything nearer: without it nothing would happen."""
    return region_id is None and not customer_kind


def _same_place(draft: Draft) -> Any:
    place = Q(region=None) if draft.region_id is None else Q(region_id=draft.region_id)
    return Policy.objects.filter(place, customer_kind=draft.customer_kind)


def _after(draft: Draft) -> Q:
    """Those that begin when the draft is over."""
    return Q(active_from__gte=draft.active_to) if draft.active_to else Q(pk__in=[])


def _check_end(row: Policy, ends_on: date, as_of: datetime) -> None:
    if _is_general(row.region_id, row.customer_kind):
        raise StillNeeded()
    is_ahead = ends_on > max(local_date(as_of), row.active_from)
    if not is_ahead or (row.active_to is not None and ends_on >= row.active_to):
        raise NotAhead()


def _never_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return False


def _describe(data: dict[str, Any]) -> str | Promise:
    """All that it says, for whoever decides."""
    draft = policy_rules.from_plain(data)
    parts = [
        draft.title,
        _place(draft),
        _("%(begin)s 起") % {"begin": draft.active_from.isoformat()}
        + (_("，%(end)s 前") % {"end": draft.active_to.isoformat()} if draft.active_to else ""),
        _("起算金额 %(amount)s") % {"amount": money.display(draft.minimum_cents)},
        _("延期 %(days)s 天，每月 %(times)s 次")
        % {"days": draft.promise_days, "times": draft.promises_a_month},
        *_told_holding(draft),
        *(_told_stage(draft, Stage(each.stage)) for each in draft.stages),
    ]
    return "; ".join(str(part) for part in parts)


def _told_holding(draft: Draft) -> tuple[str, ...]:
    """What a dispute, an exemption, a payment under way and a part payment do."""
    return (
        _("异议、延期、豁免和支付确认中从%(stage)s起暂缓") % {"stage": Stage(draft.held_from).label},
        _("支付确认中最多暂缓 %(days)s 天") % {"days": draft.in_flight_days},
        _("部分缴费：%(what)s") % {"what": PartPayment(draft.part_payment).label},
        _("暂缓时通知客户") if draft.tells_when_held else _("暂缓时不通知客户"),
    )


def _place(draft: Draft) -> str:
    region = Region.objects.filter(pk=draft.region_id).first() if draft.region_id else None
    place = region.name if region else _("全部地区")
    return f"{place} · {Customer.Kind(draft.customer_kind).label if draft.customer_kind else _('全部客户')}"


def _told_stage(draft: Draft, stage: Stage) -> str:
    rule = next(each for each in draft.stages if each.stage == stage)
    told = [f"{_title(each.template_code)} {each.days}" for each in draft.notices if each.stage == stage]
    text = _("%(stage)s第 %(days)s 天") % {"stage": stage.label, "days": rule.days}
    return f"{text} ({', '.join(told)})" if told else text


def _title(code: str) -> str:
    kind = kinds.find(code)
    return str(kind.title) if kind else code


@approvals.kind(
    NEW,
    title=gettext_lazy("欠费策略"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_never_alone,
    describe=_describe,
)
@transaction.atomic
def _write(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    """From the day asked for, or from tomorrow where the decision came later: what has held stays what it was."""
    try:
        asked = policy_rules.from_plain(data)
    except (KeyError, TypeError, ValueError) as error:
        raise Incomplete() from error
    begins = max(asked.active_from, local_date(as_of) + timedelta(1))
    draft = replace(asked, active_from=begins)
    _one_at_a_time()
    _check(draft, as_of)
    with _lawful():
        _same_place(draft).filter(active_from__lt=begins).filter(
            Q(active_to=None) | Q(active_to__gt=begins)
        ).update(active_to=begins)
        _store(draft, actor, as_of)
    return _("%(code)s 自 %(day)s 起生效") % {"code": draft.code, "day": begins.isoformat()}


def _store(draft: Draft, actor: Actor, as_of: datetime) -> None:
    row = Policy.objects.create(
        code=draft.code,
        title=draft.title,
        region_id=draft.region_id,
        customer_kind=draft.customer_kind,
        minimum_cents=draft.minimum_cents,
        promise_days=draft.promise_days,
        promises_a_month=draft.promises_a_month,
        held_from=draft.held_from,
        in_flight_days=draft.in_flight_days,
        part_payment=draft.part_payment,
        tells_when_held=draft.tells_when_held,
        active_from=draft.active_from,
        active_to=draft.active_to,
        created_at=as_of,
        created_by=actor.ref,
    )
    PolicyStage.objects.bulk_create(
        PolicyStage(
            policy=row,
            stage=each.stage,
            days=each.days,
            minimum_stay_days=each.minimum_stay_days,
            cap_per_run=each.cap_per_run,
        )
        for each in draft.stages
    )
    PolicyNotice.objects.bulk_create(
        PolicyNotice(
            policy=row,
            stage=each.stage,
            days=each.days,
            template_code=each.template_code,
            needed_for=each.needed_for,
            needed_proof=each.needed_proof,
            needed_days=each.needed_days,
        )
        for each in draft.notices
    )


def _one_at_a_time() -> None:
    """Two that are approved in the same second end the one before one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('arrears policy', 0))")


@contextmanager
def _lawful() -> Iterator[None]:
    """What the laws of the table refuse is refused in words."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if refusal := _LAWS.get(violated(error)):
            raise refusal() from error
        raise


def _describe_end(data: dict[str, Any]) -> str | Promise:
    return _("%(code)s 自 %(day)s 起失效") % {"code": data["code"], "day": data["ends_on"]}


@approvals.kind(
    END,
    title=gettext_lazy("结束欠费策略"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_never_alone,
    describe=_describe_end,
)
@transaction.atomic
def _end(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    _one_at_a_time()
    row = Policy.objects.select_for_update().get(pk=int(subject_id))
    ends_on = max(date.fromisoformat(data["ends_on"]), local_date(as_of) + timedelta(1))
    _check_end(row, ends_on, as_of)
    row.active_to = ends_on
    with _lawful():
        row.save(update_fields=["active_to"])
    return _describe_end(data | {"ends_on": ends_on.isoformat()})
