"""拆机: the one door through which a line is cut for arrears.

Behind the lock of who pays everything is read and judged anew; the database's law then asks the same once more.
"""

from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from arrears import disconnect_rules, locks
from arrears.choices import Stage
from arrears.disconnect_rules import LineFacts, Missing, Unproven
from arrears.models import ArrearsCase, LineState, PlanLine, StageChange, Warrant, WarrantProof
from arrears.selectors import disconnecting as reads
from arrears.selectors import facts as facts_reads
from arrears.selectors.facts import Subject
from arrears.services import telling
from catalog.holdings.services import subscriptions
from catalog.models import Subscription, TerminationReason
from core import masks
from core.actor import Actor
from core.clock import local_date
from core.db import violated
from core.errors import Conflict, NotFound
from resources.models import Number, PeriodKind
from resources.selectors import numbers

LAW = "termination_hears_first"


class NotCut(Conflict):
    """`missing` holds the codes of everything that stands against it."""

    code = "DISCONNECT_REFUSED"
    message = _("不能拆机：%(reasons)s")

    def __init__(self, missing: tuple[Missing, ...]) -> None:
        self.missing = missing
        super().__init__(reasons="; ".join(f"{each.label} ({each.value})" for each in missing))


@transaction.atomic
def cut(*, line_id: int, actor: Actor, as_of: datetime) -> Warrant:
    """The waiting line of a plan that is being run is cut, with its warrant and the proofs; the customer is told.

    Raises NotCut with everything that is missing, whether found here or by the law; then nothing has changed.
    """
    line = _line(line_id)
    row = line.subscription
    locks.accounts([row.payer_id])
    facts = reads.facts([row], as_of=as_of, plan_id=line.plan_id)[row.pk]
    today = local_date(as_of)
    if missing := disconnect_rules.missing(facts, today):
        raise NotCut(missing)
    warrant = _warrant(line, facts, today, actor=actor, as_of=as_of)
    before = facts_reads.of([facts.account_id], as_of=as_of)[facts.account_id]
    _terminate(facts, actor=actor, as_of=as_of)
    _close_stage(facts, today, actor=actor, as_of=as_of)
    line.state, line.done_at = LineState.DONE, as_of
    line.save(update_fields=["state", "done_at"])
    _tell(facts, before, as_of=as_of)
    return warrant


def missing_in(error: IntegrityError) -> tuple[Missing, ...]:
    """What the law named; empty for another refusal of the database."""
    named = _named(error)
    return tuple(code for code in Missing if code in named)


def unproven_in(error: IntegrityError) -> tuple[Unproven, ...]:
    """The same of an end for another reason than arrears."""
    named = _named(error)
    return tuple(code for code in Unproven if code in named)


def _named(error: IntegrityError) -> list[str]:
    if violated(error) != LAW:
        return []
    return str(error).partition("missing: ")[2].partition("\n")[0].split(", ")


def _line(line_id: int) -> PlanLine:
    row = PlanLine.objects.select_related("subscription").filter(pk=line_id).first()
    if row is None:
        raise NotFound()
    return row


def _warrant(line: PlanLine, facts: LineFacts, today: date, *, actor: Actor, as_of: datetime) -> Warrant:
    assert facts.suspension_id is not None
    assert facts.case_id is not None
    first, second = facts.approvers[:2]
    warrant = Warrant.objects.create(
        subscription_id=facts.subscription_id,
        suspension_id=facts.suspension_id,
        case_id=facts.case_id,
        plan_id=line.plan_id,
        first_approver_id=first,
        second_approver_id=second,
        judged_on=today,
        owed_cents=facts.owed_cents,
        actor=actor.ref,
        at=as_of,
    )
    WarrantProof.objects.bulk_create(
        WarrantProof(warrant=warrant, contact_ref=ref, delivery_id=proof.delivery_id)
        for ref, proof in disconnect_rules.proofs(facts).items()
        if proof
    )
    return warrant


def _terminate(facts: LineFacts, *, actor: Actor, as_of: datetime) -> None:
    told = next(proof for proof in disconnect_rules.proofs(facts).values() if proof)
    try:
        with transaction.atomic():
            subscriptions.terminate(
                number=facts.number,
                reason=TerminationReason.ARREARS,
                evidence=subscriptions.Evidence(notice_id=told.message_id, suspension_id=facts.suspension_id),
                actor=actor,
                as_of=as_of,
            )
    except IntegrityError as error:
        if missing := missing_in(error):
            raise NotCut(missing) from error
        raise


def _close_stage(facts: LineFacts, today: date, *, actor: Actor, as_of: datetime) -> None:
    """The case is at its last stage once the first of its lines was cut. The debt stays, and so does the case."""
    if facts.stage == Stage.DISCONNECTED:
        return
    assert facts.case_id is not None
    case = ArrearsCase.objects.select_for_update().get(pk=facts.case_id)
    before = case.stage
    case.stage = case.highest_stage = Stage.DISCONNECTED
    case.stage_since, case.owed_cents = today, facts.owed_cents
    case.save(update_fields=["stage", "highest_stage", "stage_since", "owed_cents"])
    due_on = facts_reads.of([facts.account_id], as_of=as_of)[facts.account_id].facts.due_on
    StageChange.objects.create(
        case=case,
        from_stage=before,
        to_stage=Stage.DISCONNECTED,
        on=today,
        at=as_of,
        actor=actor.ref,
        reason="REACHED_DISCONNECTED",
        owed_cents=facts.owed_cents,
        earliest_due_on=due_on,
        policy_id=case.policy_id,
    )


def _tell(facts: LineFacts, before: Subject, *, as_of: datetime) -> None:
    """Who pays; and whose line it was, though nobody pays for him any more."""
    subject = facts_reads.of([facts.account_id], as_of=as_of)[facts.account_id]
    said: dict[str, telling.Said] = {
        "service": _shown(facts),
        "keep_until": _kept_until(facts, as_of),
    }
    key = f"cut:{facts.number}"
    telling.tell_all("disconnected", [(subject, key, said)], as_of=as_of)
    if facts.holder != subject.number:
        telling.tell_family("family_disconnected", [(before, key, said)], as_of=as_of, member=facts.holder)


def _shown(facts: LineFacts) -> str:
    if facts.service_number:
        return masks.phone(facts.service_number)
    return str(Subscription.objects.values_list("offer__name", flat=True).get(pk=facts.subscription_id))


def _kept_until(facts: LineFacts, as_of: datetime) -> date:
    """The last day on which the number is his again on payment; a number that is none of ours is not kept."""
    number = Number.objects.filter(digits=facts.service_number).first()
    period = numbers.present(number, as_of=as_of) if number else None
    if period is None or period.kind != PeriodKind.LOCK or period.ends_at is None:
        return local_date(as_of)
    return local_date(period.ends_at - timedelta(microseconds=1))  # free from that midnight on
