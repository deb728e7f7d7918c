"""升级投诉: somebody says that a line was cut or stopped wrongly. Fifteen days, one owner, and an answer.

Whoever first had the matter in hand, or decided what is disputed, cannot close it: somebody else has to look.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount, User
from arrears import evidence_rules
from arrears.models import (
    ESCALATION_MACHINE,
    Escalation,
    EscalationCause,
    EscalationHistory,
    EscalationPack,
    EscalationSource,
    EscalationState,
    Warrant,
)
from arrears.models.aftermath import ESCALATION_DAYS
from arrears.selectors import escalations as reads
from arrears.selectors import evidence_packs
from arrears.selectors import facts as facts_reads
from arrears.services import telling
from arrears.services.telling import Said
from billing.selectors import own_accounts
from core import audit, clock, heartbeats, scopes, sequences
from core.actor import Actor
from core.errors import Conflict, HallError
from operations.models import Slip, SlipState
from operations.services import slips

SUBJECT = "escalation"  # what slips call it
DAYS = ESCALATION_DAYS
CHANGE = "arrears.change_escalation"
WATCH, WATCH_EVERY = "watch_escalations", timedelta(hours=1)
heartbeats.expect(WATCH, every=WATCH_EVERY)


class AlreadyEscalated(Conflict):
    code = "ALREADY_ESCALATED"
    message = _("申诉 %(number)s 正在处理，答复以后才能再提")


class Taken(Conflict):
    code = "ESCALATION_TAKEN"
    message = _("已经有人在处理")


class NotOwner(Conflict):
    code = "ESCALATION_NOT_OWNER"
    message = _("只有当前处理人可以办理")


class NotOffered(Conflict):
    code = "ESCALATION_NOT_OFFERED"
    message = _("没有移交给您")


class BadReceiver(HallError):
    code = "ESCALATION_BAD_RECEIVER"
    message = _("接手人须是另一位有权处理申诉的工作人员")


class OriginalHandler(Conflict):
    code = "ESCALATION_ORIGINAL_HANDLER"
    message = _("原经办人不能结案，请移交他人")


class BadDeadline(HallError):
    code = "ESCALATION_DEADLINE"
    message = _("最晚答复日须在今天起 %(days)s 天以内")


class NothingSaid(HallError):
    code = "ESCALATION_NOT_ANSWERED"
    message = _("结案前须有答复和原因分类")


@transaction.atomic
def begin(
    *,
    account_id: int,
    source: EscalationSource,
    text: str,
    actor: Actor,
    as_of: datetime,
    subscription_id: int | None = None,
    slip: Slip | None = None,
    first_handler: str = "",
    due_on: date | None = None,
) -> Escalation:
    """Opened, with the evidence as it is now attached; the customer is told by when he is answered.

    `first_handler` (Actor.ref): whose work is complained about, where known. `due_on`: an earlier last day, as a
    regulator may set one. Raises AlreadyEscalated, BadDeadline.
    """
    today = clock.local_date(as_of)
    due_on = due_on or today + timedelta(DAYS)
    if not today <= due_on <= today + timedelta(DAYS):
        raise BadDeadline(days=DAYS)
    account_locks.hold(account_id)
    about = Q(subscription_id=subscription_id) if subscription_id else Q(subscription=None)
    opened = Escalation.objects.filter(about, account_id=account_id)
    if earlier := reads.unanswered(opened).first():
        raise AlreadyEscalated(number=earlier.number)
    pack = evidence_packs.make(account_id=account_id, actor=actor, as_of=as_of)
    warrant = Warrant.objects.filter(subscription_id=subscription_id).first() if subscription_id else None
    decided = warrant.actor if warrant and Actor(warrant.actor).is_person else ""
    row = Escalation.objects.create(
        number=sequences.next_number("arrears_escalation_number", prefix="SS", on=today),
        account_id=account_id,
        subscription_id=subscription_id,
        warrant=warrant,
        slip=slip,
        source=source,
        text=text,
        opened_at=as_of,
        due_on=due_on,
        first_handler=first_handler or decided,
    )
    EscalationPack.objects.create(
        escalation=row, digest=pack["digest"], content=evidence_rules.canonical(pack).encode(), made_at=as_of
    )
    _note(row, "", actor, as_of, text)
    _tell("escalation_opened", row, as_of, until=row.due_on)
    return row


@transaction.atomic
def record(
    *, account_id: int, actor: Actor, as_of: datetime, address: str | None = None, **more: Any
) -> Escalation:
    """`begin` by staff, for what came from elsewhere, with an audit row. Raises what `begin` does, and OwnAccount."""
    own_accounts.refuse(actor, own_accounts.of_account(account_id))
    row = begin(account_id=account_id, actor=actor, as_of=as_of, **more)
    audit.record(
        actor=actor,
        action="arrears.escalation.recorded",
        subject=row,
        reason=row.text[:300],
        detail={"source": row.source, "due_on": row.due_on.isoformat()},
        address=address,
        as_of=as_of,
    )
    return row


@transaction.atomic
def take(*, escalation_id: int, actor: Actor, as_of: datetime) -> Escalation:
    """Its owner from now on; who takes it first cannot close it. Raises Taken, OwnAccount."""
    row = _locked(escalation_id)
    own_accounts.refuse(actor, own_accounts.of_account(row.account_id))
    if row.owner:
        raise Taken()
    before, row.owner = row.state, actor.ref
    row.first_handler = row.first_handler or actor.ref
    return _move(row, before, EscalationState.WORKING, actor, as_of)


@transaction.atomic
def offer(*, escalation_id: int, to: User, actor: Actor, reason: str, as_of: datetime) -> Escalation:
    """Handed over as soon as the other one accepts; until then the owner stays. Raises NotOwner, BadReceiver."""
    row = _owned(escalation_id, actor)
    receiver = Actor.user(to).ref
    region_id = BillingAccount.objects.values_list("region_id", flat=True).get(pk=row.account_id)
    if receiver == row.owner or not to.is_staff or not scopes.covers(scopes.of(to, CHANGE), region_id):
        raise BadReceiver()
    row.offered_to = receiver
    row.save(update_fields=["offered_to"])
    _note(row, row.state, actor, as_of, reason)
    return row


@transaction.atomic
def accept(*, escalation_id: int, actor: Actor, as_of: datetime) -> Escalation:
    """The hand-over is done: one owner before, one after. Raises NotOffered, OwnAccount."""
    row = _locked(escalation_id)
    if row.offered_to != actor.ref:
        raise NotOffered()
    own_accounts.refuse(actor, own_accounts.of_account(row.account_id))
    row.owner, row.offered_to = actor.ref, ""
    row.save(update_fields=["owner", "offered_to"])
    _note(row, row.state, actor, as_of, "")
    return row


@transaction.atomic
def answer(*, escalation_id: int, text: str, actor: Actor, reason: str, as_of: datetime) -> Escalation:
    """What the customer reads; he is told that it is there. Raises NotOwner, NothingSaid, IllegalTransition."""
    row = _owned(escalation_id, actor)
    if not text.strip():
        raise NothingSaid()
    before, row.answer = row.state, text.strip()
    _move(row, before, EscalationState.ANSWERED, actor, as_of, reason)
    _tell("escalation_answered", row, as_of)
    return row


@transaction.atomic
def close(
    *, escalation_id: int, cause: EscalationCause, actor: Actor, reason: str, as_of: datetime
) -> Escalation:
    """Over, with its cause; the customer's slip ends. Raises NotOwner, OriginalHandler, NothingSaid."""
    row = _owned(escalation_id, actor)
    if actor.ref in _concerned(row):
        raise OriginalHandler()
    if not row.answer or not cause:
        raise NothingSaid()
    before, row.cause, row.closed_at, row.offered_to = row.state, cause, as_of, ""
    _move(row, before, EscalationState.CLOSED, actor, as_of, reason)
    slips.finish(
        subject_kind=SUBJECT,
        subject_id=row.number,
        state=SlipState.DONE,
        as_of=as_of,
        actor=actor,
        reason=f"escalation {cause}",
        result={
            "text": format_lazy(_("已答复：{answer}"), answer=row.answer),
            "url": reverse("arrears:escalations"),
        },
    )
    return row


@transaction.atomic
def reopen(*, escalation_id: int, actor: Actor, reason: str, as_of: datetime) -> Escalation:
    """Looked into again by whoever reopens it; the cause is to be found anew. Raises IllegalTransition, OwnAccount."""
    row = _locked(escalation_id)
    own_accounts.refuse(actor, own_accounts.of_account(row.account_id))
    if row.state != EscalationState.CLOSED and row.owner != actor.ref:
        raise NotOwner()
    before, row.owner, row.cause, row.closed_at = row.state, actor.ref, "", None
    return _move(row, before, EscalationState.WORKING, actor, as_of, reason)


def watch(*, as_of: datetime) -> int:
    """How many are near or over their last day without an answer; the heartbeat complains while there is one."""
    with heartbeats.beat(WATCH, every=WATCH_EVERY, as_of=as_of) as run:
        near = reads.near(Escalation.objects.all(), today=clock.local_date(as_of)).count()
        run.detail["near"] = near
        run.ok = not near
    return near


def _locked(escalation_id: int) -> Escalation:
    return Escalation.objects.select_for_update(of=("self",)).get(pk=escalation_id)


def _owned(escalation_id: int, actor: Actor) -> Escalation:
    row = _locked(escalation_id)
    own_accounts.refuse(actor, own_accounts.of_account(row.account_id))
    if row.owner != actor.ref:
        raise NotOwner()
    return row


def _concerned(row: Escalation) -> set[str]:
    """Whose own work it is about."""
    found = {row.first_handler}
    if warrant := row.warrant:
        found |= {warrant.actor, f"user:{warrant.first_approver_id}", f"user:{warrant.second_approver_id}"}
    return found


def _move(
    row: Escalation, before: str, to: EscalationState, actor: Actor, as_of: datetime, reason: str = ""
) -> Escalation:
    ESCALATION_MACHINE.check(before, to)
    row.state = to
    _note(row, before, actor, as_of, reason)  # before it, by law
    row.save(update_fields=["state", "owner", "first_handler", "offered_to", "answer", "cause", "closed_at"])
    return row


def _note(row: Escalation, before: str, actor: Actor, as_of: datetime, reason: str) -> None:
    EscalationHistory.objects.create(
        escalation=row,
        from_state=before,
        to_state=row.state,
        owner=row.owner,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )


def _tell(code: str, row: Escalation, as_of: datetime, **more: Said) -> None:
    """On every contact that he left, and in the inbox; an answer is told each time that there is one."""
    count = row.history.count()
    subject = facts_reads.of([row.account_id], as_of=as_of).get(row.account_id)
    if subject is not None:
        key = f"{code}:{row.number}:{count}"
        telling.tell_all(code, [(subject, key, {"number": row.number, **more})], as_of=as_of)
