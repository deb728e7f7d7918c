"""Four eyes: what is above its limit is asked for by one member of staff and decided by another.

A room declares each kind of such work once, on the function that carries it out (in its `approvals.py`, or in a
service that the room's admin imports):

    @approvals.kind("billing.refund", title=_("退款"), permission="billing.add_refundrequest",
                    approve_permission="billing.approve_refund",
                    limit=lambda: settings.APPROVAL_LIMITS["billing.refund"])
    def _carry_out(*, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str,
                   as_of: datetime) -> str | Promise: ...

Two limits hold for what one person does alone: `limit` per object within `approval_past.ONE_SUM_WITHIN`, and
`day_limit` per person and local day. `check_person` keeps people away from what is their own, `may_alone` asks for a
second person for other reasons than the amount. The function locks and checks again whatever it depends on, and
raises HallError when that is not so any more: days may lie between the request and the decision. It runs inside a
transaction: no gateway may be called from it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import approval_past, audit, scopes
from core.actor import Actor
from core.approval_kinds import CarryOut, Kind, decidable, find, kind, kinds
from core.errors import Conflict, Forbidden, HallError, NotFound
from core.models import APPROVAL_MACHINE, Approval, ApprovalHistory, ApprovalState

__all__ = ["CarryOut", "Kind", "decidable", "find", "kind", "kinds"]


class AlreadyAsked(Conflict):
    code = "APPROVAL_ALREADY_ASKED"
    message = _("这一事项已在等待审批，请先等待审批结果或撤回")


class AlreadyDecided(Conflict):
    code = "APPROVAL_ALREADY_DECIDED"
    message = _("这项申请已经处理过了")


class OwnRequest(Forbidden):
    code = "APPROVAL_OWN_REQUEST"
    message = _("不能审批自己提出的申请，须由另一人审批")


class NotYours(Forbidden):
    code = "APPROVAL_NOT_YOURS"
    message = _("只有申请人可以撤回申请")


class NoAmount(HallError):
    code = "APPROVAL_NO_AMOUNT"
    message = _("金额必须大于零")


@dataclass(frozen=True)
class Outcome:
    """`approval` is None when it was done at once."""

    text: str
    approval: Approval | None = None


def waiting_for(user: Any) -> QuerySet[Approval]:
    """What waits and what this member of staff may decide where it lies, and all that he asked for himself."""
    own = Q(requested_by=Actor.user(user).ref)
    for each in decidable(user):
        inside = scopes.within(scopes.of(user, each.approve_permission), "region_id")
        own |= Q(kind=each.name) if inside is None else Q(kind=each.name) & inside
    return Approval.objects.filter(own, state=ApprovalState.REQUESTED).order_by("requested_at", "id")


def submit(
    *,
    kind: str,
    subject: tuple[str, object],
    amount_cents: int,
    data: Mapping[str, Any],
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
    key: str = "",
    lies_in: int | None = None,
) -> Outcome:
    """Done at once with its audit row up to the kind's limits; above them a request that a second person decides.

    What the same object had carried out at once within `approval_past.ONE_SUM_WITHIN` counts towards the limit, and
    what the same person carried out at once on that local day towards the day's. `subject` is ("app.Model", id),
    `data` holds what turns into JSON, `lies_in` is the region where the object's own page cannot tell. What was done
    at once under the same `key` is not done again, with other content it raises IdempotencyConflict. Raises what the
    work and the kind's `check_person` raise, AlreadyAsked while a request of this kind for this object is open,
    Forbidden without the kind's permission there; then nothing has changed.
    """
    known = _known(kind)
    label, object_id = subject[0], str(subject[1])
    region_id = lies_in or scopes.region_of(label, object_id)
    _check_permission(actor, known.permission, region_id)
    if amount_cents <= 0 if known.has_amount else amount_cents:
        raise NoAmount()
    plain: dict[str, Any] = json.loads(json.dumps(dict(data), cls=DjangoJSONEncoder))
    with transaction.atomic():
        _one_at_a_time(kind, label, object_id)
        known.check_person(actor=actor, subject_id=object_id, data=plain)
        told = approval_past.told_before(key, kind, label, object_id, (amount_cents, plain)) if key else None
        if told is not None:
            return Outcome(told)
        if Approval.objects.filter(
            kind=kind, object_type=label, object_id=object_id, state=ApprovalState.REQUESTED
        ).exists():
            raise AlreadyAsked()
        if why := _why_not_alone(known, label, object_id, amount_cents, plain, actor, as_of):
            asked = _ask(
                known, (label, object_id), region_id, amount_cents, plain, reason, actor, as_of, address
            )
            return Outcome(why, asked)
        text = _carried_out(known, object_id, amount_cents, plain, actor=actor, reason=reason, as_of=as_of)
        audit.record(
            actor=actor,
            action=kind,
            subject=(label, object_id),
            reason=reason,
            detail={"amount_cents": amount_cents, "data": plain, "outcome": text}
            | ({"key": key} if key else {}),
            address=address,
            as_of=as_of,
            lies_in=region_id,
        )
    return Outcome(text)


def decide(
    *,
    approval_id: int,
    approve: bool,
    actor: Actor,
    reason: str,
    as_of: datetime,
    address: str | None = None,
) -> Outcome:
    """Approved and done, or rejected. When the work is refused (HallError) the request stays open.

    Raises OwnRequest for whoever asked, Forbidden without the kind's approve permission, AlreadyDecided, and what the
    kind's `check_person` raises: for whoever decides, and at an approval again for whoever asked.
    """
    with transaction.atomic():
        approval = _locked(approval_id)
        known = _known(approval.kind)
        if approval.requested_by == actor.ref:
            raise OwnRequest()
        if not holds_there(actor, known.approve_permission, approval.region_id):
            raise Forbidden()
        for each in (actor, Actor(approval.requested_by)) if approve else (actor,):
            known.check_person(actor=each, subject_id=approval.object_id, data=approval.data)
        if approve:
            approval.outcome = _carried_out(
                known,
                approval.object_id,
                approval.amount_cents,
                approval.data,
                actor=Actor(approval.requested_by),
                reason=approval.reason,
                as_of=as_of,
            )
        state = ApprovalState.APPROVED if approve else ApprovalState.REJECTED
        _end(approval, state, actor=actor, reason=reason, as_of=as_of, address=address)
    return Outcome(approval.outcome or str(state.label), approval)


def withdraw(
    *, approval_id: int, actor: Actor, reason: str, as_of: datetime, address: str | None = None
) -> Approval:
    """Whoever asked takes the request back: NotYours for others, AlreadyDecided when it is too late."""
    with transaction.atomic():
        approval = _locked(approval_id)
        if approval.requested_by != actor.ref:
            raise NotYours()
        _end(approval, ApprovalState.WITHDRAWN, actor=actor, reason=reason, as_of=as_of, address=address)
    return approval


def withdraw_old(*, before: datetime, as_of: datetime, limit: int = 1_000) -> int:
    """Requests from before that instant are WITHDRAWN: the facts they rest on are too old. Returns how many."""
    actor = Actor.job("withdraw_old_approvals")
    old = Approval.objects.filter(state=ApprovalState.REQUESTED, requested_at__lt=before)
    ids = list(old.order_by("requested_at", "id").values_list("pk", flat=True)[:limit])
    done = 0
    for approval_id in ids:
        with transaction.atomic():
            approval = Approval.objects.select_for_update().get(pk=approval_id)
            if approval.state != ApprovalState.REQUESTED:
                continue
            _end(
                approval,
                ApprovalState.WITHDRAWN,
                actor=actor,
                reason=gettext("超过期限无人审批"),
                as_of=as_of,
            )
            done += 1
    return done


def _ask(
    known: Kind,
    subject: tuple[str, str],
    region_id: int | None,
    amount_cents: int,
    data: dict[str, Any],
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None,
) -> Approval:
    approval = Approval.objects.create(
        kind=known.name,
        object_type=subject[0],
        object_id=subject[1],
        amount_cents=amount_cents,
        region_id=region_id,
        data=data,
        reason=reason,
        requested_by=actor.ref,
        requested_at=as_of,
    )
    _record(approval, "", actor=actor, reason=reason, as_of=as_of, address=address)
    return approval


def _why_not_alone(
    known: Kind,
    label: str,
    object_id: str,
    amount_cents: int,
    data: dict[str, Any],
    actor: Actor,
    as_of: datetime,
) -> str:
    """The sentence that tells why a second person has to decide it; "" when nobody has to."""
    if not known.may_alone(actor=actor, subject_id=object_id, data=data, as_of=as_of):
        return gettext("这一事项不能独自办理，已提交审批，须由另一人批准后办理")
    if amount_cents + approval_past.lately(known.name, label, object_id, as_of) > known.limit():
        return gettext("金额超过个人限额，已提交审批，须由另一人批准后办理")
    _one_at_a_time(known.name, "actor", actor.ref)  # after the object's: everybody takes them in this order
    if amount_cents + approval_past.that_day(known.name, actor, as_of) > known.day_limit():
        return gettext("今天独自办理的金额超过个人每日限额，已提交审批，须由另一人批准后办理")
    return ""


def _end(
    approval: Approval,
    state: ApprovalState,
    *,
    actor: Actor,
    reason: str,
    as_of: datetime,
    address: str | None = None,
) -> None:
    before = approval.state
    APPROVAL_MACHINE.check(before, state)
    approval.state = state
    approval.decided_by, approval.decided_at, approval.decision_reason = actor.ref, as_of, reason
    approval.save(update_fields=["state", "decided_by", "decided_at", "decision_reason", "outcome"])
    _record(approval, before, actor=actor, reason=reason, as_of=as_of, address=address)


def _record(
    approval: Approval, before: str, *, actor: Actor, reason: str, as_of: datetime, address: str | None
) -> None:
    """One history row of the request and one audit row of its object."""
    ApprovalHistory.objects.create(
        approval=approval,
        from_state=before,
        to_state=approval.state,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )
    audit.record(
        actor=actor,
        action=f"{approval.kind}.{approval.state.lower()}",
        subject=(approval.object_type, approval.object_id),
        reason=reason,
        detail={
            "approval": approval.pk,
            "amount_cents": approval.amount_cents,
            "data": approval.data,
            "requested_by": approval.requested_by,
            "outcome": approval.outcome,
        },
        address=address,
        as_of=as_of,
        lies_in=approval.region_id,
    )


def _carried_out(
    known: Kind,
    object_id: str,
    amount_cents: int,
    data: dict[str, Any],
    *,
    actor: Actor,
    reason: str,
    as_of: datetime,
) -> str:
    done = known.carry_out(
        subject_id=object_id, amount_cents=amount_cents, data=data, actor=actor, reason=reason, as_of=as_of
    )
    return str(done)


def _locked(approval_id: int) -> Approval:
    found = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if found is None:
        raise NotFound()
    if found.state != ApprovalState.REQUESTED:
        raise AlreadyDecided()
    return found


def _known(name: str) -> Kind:
    if (found := find(name)) is None:
        raise NotFound()
    return found


def _one_at_a_time(kind: str, label: str, object_id: str) -> None:
    """Two clerks with the same object, and one with two, wait here: or their sums would not know of each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"approval {kind} {label} {object_id}"]
        )


def _check_permission(actor: Actor, permission: str, region_id: int | None) -> None:
    """Commands and jobs are code and ask nobody; a person needs the permission where the object lies."""
    if actor.is_person and not holds_there(actor, permission, region_id):
        raise Forbidden()


def holds(actor: Actor, permission: str) -> bool:
    """Whether this is active staff with the permission, somewhere; never a job or a command."""
    user = _staff(actor)
    return user is not None and user.has_perm(permission)


def holds_there(actor: Actor, permission: str, region_id: int | None) -> bool:
    """The same for what lies in that region; what lies in none is the whole operator's."""
    user = _staff(actor)
    if user is None or not user.has_perm(permission):
        return False
    return scopes.covers(scopes.of(user, permission), region_id)


def _staff(actor: Actor) -> Any:
    """The active member of staff that the actor is; None for anybody else."""
    who, _sep, key = actor.ref.partition(":")
    if who != "user" or not key.isdecimal():
        return None
    users = get_user_model()._default_manager
    return users.filter(pk=int(key), is_active=True, is_staff=True).first()
