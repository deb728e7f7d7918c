"""停机保号规则: a new one is asked for by one person and written by another's leave. What runs is never edited.

The rule before it, of the same region and kind of customer, ends on the day on which the new one begins.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Customer, Region
from catalog.pauses import errors
from catalog.pauses.models import PausePolicy
from core import approvals
from core.actor import Actor
from core.approvals import Outcome
from core.clock import local_date
from core.db import violated

NEW, END = "catalog.pause_policy", "catalog.pause_policy_end"
ASK, DECIDE = "catalog.add_pausepolicy", "catalog.change_pausepolicy"
_NEEDED = frozenset(
    {"region_id", "customer_kind", "least_days", "most_days", "times_a_year", "active_from", "active_to"}
)


def ask(
    *,
    region_id: int | None,
    customer_kind: str,
    least_days: int,
    most_days: int,
    times_a_year: int,
    active_from: date,
    active_to: date | None,
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> Outcome:
    """A request that a second person decides. `active_to`: the first day without it, None: open end.

    Raises BadPolicy, PolicyNotAhead, PolicyOverlaps, and what core.approvals.submit raises.
    """
    data = {
        "region_id": region_id,
        "customer_kind": customer_kind,
        "least_days": least_days,
        "most_days": most_days,
        "times_a_year": times_a_year,
        "active_from": active_from.isoformat(),
        "active_to": active_to.isoformat() if active_to else None,
    }
    _check(data, active_from, as_of)
    return approvals.submit(
        kind=NEW,
        subject=(PausePolicy._meta.label, f"{region_id or 0}/{customer_kind}"),
        amount_cents=0,
        data=data,
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=region_id,
    )


def ask_end(
    *, policy_id: int, ends_on: date, reason: str, actor: Actor, as_of: datetime, address: str | None = None
) -> Outcome:
    """The rule shall hold no more from that day on; the next wider one holds then. Raises PolicyNotAhead."""
    row = PausePolicy.objects.get(pk=policy_id)
    _check_end(row, ends_on, as_of)
    return approvals.submit(
        kind=END,
        subject=(PausePolicy._meta.label, row.pk),
        amount_cents=0,
        data={"place": _place(row.region_id, row.customer_kind), "ends_on": ends_on.isoformat()},
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=row.region_id,
    )


def _check(data: dict[str, Any], begins: date, as_of: datetime) -> None:
    if not 1 <= data["least_days"] <= data["most_days"]:
        raise errors.BadPolicy()
    end = _day(data["active_to"])
    if begins <= local_date(as_of) or (end and end <= begins):
        raise errors.PolicyNotAhead()
    later = _same_place(data).filter(active_from__gte=begins)
    if (later.filter(active_from__lt=end) if end else later).exists():
        raise errors.PolicyOverlaps()


def _same_place(data: dict[str, Any]) -> Any:
    return PausePolicy.objects.filter(region_id=data["region_id"], customer_kind=data["customer_kind"])


def _check_end(row: PausePolicy, ends_on: date, as_of: datetime) -> None:
    is_ahead = ends_on > max(local_date(as_of), row.active_from)
    if not is_ahead or (row.active_to is not None and ends_on >= row.active_to):
        raise errors.PolicyNotAhead()


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _never_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return False


def _place(region_id: int | None, customer_kind: str) -> str:
    region = Region.objects.filter(pk=region_id).first() if region_id else None
    place = region.name if region else _("全部地区")
    return f"{place} · {Customer.Kind(customer_kind).label if customer_kind else _('全部客户')}"


def _describe(data: dict[str, Any]) -> str | Promise:
    text = _("%(place)s · %(least)s 至 %(most)s 天，每年 %(times)s 次 · %(begin)s 起") % {
        "place": _place(data["region_id"], data["customer_kind"]),
        "least": data["least_days"],
        "most": data["most_days"],
        "times": data["times_a_year"],
        "begin": data["active_from"],
    }
    return text + (_("，%(end)s 前") % {"end": data["active_to"]} if data["active_to"] else "")


@approvals.kind(
    NEW,
    title=gettext_lazy("停机保号规则"),
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
    """From the day asked for, or from tomorrow where the decision came later."""
    if _NEEDED - data.keys():
        raise errors.PolicyIncomplete()
    begins = max(date.fromisoformat(data["active_from"]), local_date(as_of) + timedelta(1))
    _check(data, begins, as_of)
    running = _same_place(data).filter(active_from__lt=begins)
    running.filter(Q(active_to=None) | Q(active_to__gt=begins)).update(active_to=begins)
    try:
        with transaction.atomic():
            PausePolicy.objects.create(
                **(data | {"active_from": begins, "active_to": _day(data["active_to"])})
            )
    except IntegrityError as error:
        if violated(error) == "pause_policy_one_at_a_time":
            raise errors.PolicyOverlaps() from error
        raise
    return _("已生效：%(text)s") % {"text": _describe(data | {"active_from": begins.isoformat()})}


def _describe_end(data: dict[str, Any]) -> str | Promise:
    return _("%(place)s · 自 %(day)s 起失效") % {"place": data["place"], "day": data["ends_on"]}


@approvals.kind(
    END,
    title=gettext_lazy("结束停机保号规则"),
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
    row = PausePolicy.objects.select_for_update().get(pk=int(subject_id))
    ends_on = max(date.fromisoformat(data["ends_on"]), local_date(as_of) + timedelta(1))
    _check_end(row, ends_on, as_of)
    row.active_to = ends_on
    row.save(update_fields=["active_to"])
    return _describe_end(data | {"ends_on": ends_on.isoformat()})
