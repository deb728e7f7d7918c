"""When a policy may be written: its stages follow each other, and nobody is cut off by it unheard. Pure.

The database refuses what the law of the land forbids (days of SUSPENDED and DISCONNECTED); here is said what else makes
a policy that would never do what it says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from arrears.choices import PartPayment, Proof, Stage
from arrears.rules import HELD_FROM, MOST_IN_FLIGHT_DAYS

STAGES = tuple(Stage)[1:]
_AFTER_SUSPENSION = (Stage.DISCONNECT_WARNED, Stage.DISCONNECTED)
# Law of the land (telecom regulation 2016 art. 34), and how long before a disconnection everybody has been told.
LEAST_DAYS = {Stage.SUSPENDED: 31, Stage.DISCONNECTED: 61}
TOLD_DAYS_BEFORE_CUT = 7


class Fault(models.TextChoices):
    """What is wrong with a policy, in the order in which it is told."""

    NO_STAGES = "NO_STAGES", _("至少要有一个阶段")
    STAGE_GAP = "STAGE_GAP", _("阶段不能跳过：前一阶段没有填写，后面的阶段永远不会到来")
    TOO_EARLY = "TOO_EARLY", _("停机须在逾期超过 30 天后，拆机须在停机超过 60 天后")
    BACKWARDS = "BACKWARDS", _("后一阶段的天数须大于前一阶段")
    NOTICE_WITHOUT_STAGE = "NOTICE_WITHOUT_STAGE", _("通知所在的阶段没有填写")
    NOTICE_OUTSIDE = "NOTICE_OUTSIDE", _("通知的天数须在所在阶段的天数与下一阶段的天数之间")
    NOTICE_TWICE = "NOTICE_TWICE", _("同一阶段同一天只能有一条通知")
    UNKNOWN_NOTICE = "UNKNOWN_NOTICE", _("没有这种欠费通知")
    NEEDED_TOO_LATE = "NEEDED_TOO_LATE", _("停机、拆机所必需的通知须在前一阶段发出")
    UNHEARD = "UNHEARD", _("停机、拆机之前须有必需的通知；拆机通知须已送达并提前至少 7 天")
    HELD_TOO_LATE = "HELD_TOO_LATE", _("异议、延期、豁免和支付确认中的暂缓最晚从停机起，最多确认 30 天")


@dataclass(frozen=True, slots=True)
class StageDraft:
    stage: str
    days: int
    minimum_stay_days: int = 1
    cap_per_run: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    stage: str
    days: int
    template_code: str
    needed_for: str = ""
    needed_proof: str = Proof.DELIVERED
    needed_days: int = 1


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy as somebody asks for it. `active_to`: the first day without it, None: open end."""

    code: str
    title: str
    region_id: int | None
    customer_kind: str
    minimum_cents: int
    promise_days: int
    promises_a_month: int
    active_from: date
    active_to: date | None
    stages: tuple[StageDraft, ...]
    notices: tuple[NoticeDraft, ...]
    held_from: str = Stage.SUSPEND_WARNED
    in_flight_days: int = 3
    part_payment: str = PartPayment.ANCHOR_MOVES
    tells_when_held: bool = True

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        days = {name: day and day.isoformat() for name, day in self._days().items()}
        return asdict(self) | days

    def _days(self) -> dict[str, date | None]:
        return {"active_from": self.active_from, "active_to": self.active_to}


def from_plain(data: Mapping[str, Any]) -> Draft:
    """What `Draft.plain` gave."""
    end = data["active_to"]
    return Draft(
        **{
            **data,
            "active_from": date.fromisoformat(data["active_from"]),
            "active_to": date.fromisoformat(end) if end else None,
            "stages": tuple(StageDraft(**each) for each in data["stages"]),
            "notices": tuple(NoticeDraft(**each) for each in data["notices"]),
        }
    )


def faults(draft: Draft, known_notices: Iterable[str]) -> tuple[Fault, ...]:
    """Everything that is wrong with it; empty: it may be written. `known_notices`: the codes that may be told."""
    days = {Stage(each.stage): each.days for each in draft.stages}
    found = _of_stages(days)
    found |= _of_notices(draft.notices, days, frozenset(known_notices))
    found |= _unheard(draft.notices, days)
    if draft.held_from not in HELD_FROM or not 1 <= draft.in_flight_days <= MOST_IN_FLIGHT_DAYS:
        found.add(Fault.HELD_TOO_LATE)
    return tuple(fault for fault in Fault if fault in found)


def _of_stages(days: Mapping[Stage, int]) -> set[Fault]:
    found = set()
    if not days:
        found.add(Fault.NO_STAGES)
    if tuple(stage for stage in STAGES if stage in days) != STAGES[: len(days)]:
        found.add(Fault.STAGE_GAP)
    if any(days.get(stage, least) < least for stage, least in LEAST_DAYS.items()):
        found.add(Fault.TOO_EARLY)
    for stages in (_in_order(days, is_after=False), _in_order(days, is_after=True)):
        if any(later <= earlier for earlier, later in zip(stages, stages[1:], strict=False)):
            found.add(Fault.BACKWARDS)
    return found


def _in_order(days: Mapping[Stage, int], *, is_after: bool) -> list[int]:
    """The days that are counted from the same beginning."""
    return [days[stage] for stage in STAGES if stage in days and (stage in _AFTER_SUSPENSION) == is_after]


def _of_notices(
    notices: Iterable[NoticeDraft], days: Mapping[Stage, int], known: frozenset[str]
) -> set[Fault]:
    found, places = set(), set()
    for each in notices:
        stage = Stage(each.stage)
        if stage not in days:
            found.add(Fault.NOTICE_WITHOUT_STAGE)
        elif not _is_inside(stage, each.days, days):
            found.add(Fault.NOTICE_OUTSIDE)
        if (stage, each.days) in places:
            found.add(Fault.NOTICE_TWICE)
        if each.template_code not in known:
            found.add(Fault.UNKNOWN_NOTICE)
        if each.needed_for and _before(Stage(each.needed_for)) != stage:
            found.add(Fault.NEEDED_TOO_LATE)
        places.add((stage, each.days))
    return found


def _is_inside(stage: Stage, on: int, days: Mapping[Stage, int]) -> bool:
    after = STAGES.index(stage) + 1
    following = STAGES[after] if after < len(STAGES) else None
    is_same_count = following is not None and (following in _AFTER_SUSPENSION) == (stage in _AFTER_SUSPENSION)
    last = days.get(following) if following is not None and is_same_count else None
    return days[stage] <= on and (last is None or on < last)


def _before(stage: Stage) -> Stage:
    return tuple(Stage)[tuple(Stage).index(stage) - 1]


def _unheard(notices: Iterable[NoticeDraft], days: Mapping[Stage, int]) -> set[Fault]:
    needed = {Stage.SUSPENDED: False, Stage.DISCONNECTED: False}
    for each in notices:
        if each.needed_for in needed:
            is_enough = each.needed_for == Stage.SUSPENDED or (
                each.needed_proof == Proof.DELIVERED and each.needed_days >= TOLD_DAYS_BEFORE_CUT
            )
            needed[Stage(each.needed_for)] |= is_enough
            if not is_enough:
                return {Fault.UNHEARD}
    return {Fault.UNHEARD} if any(stage in days and not told for stage, told in needed.items()) else set()
