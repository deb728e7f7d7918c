"""Beginning to serve a customer, and ending it: one customer at a time, never longer than the clerk is there."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks
from accounts.models import BillingAccount, Membership, User
from accounts.services import stand_ins
from core import audit
from core.actor import Actor
from core.db import violated
from core.errors import Conflict, Forbidden, HallError
from operations.serving import rights
from operations.serving.models import SERVING_MACHINE, ServingHistory, ServingSession, ServingState

IDLE = timedelta(minutes=15)


class ReasonMissing(HallError):
    code = "REASON_MISSING"
    message = _("请填写办理事由")


class HasLogin(Conflict):
    code = "HAS_LOGIN"
    message = _("户主已经有登录用户，请选择他本人办理")


class NotServing(Forbidden):
    code = "NOT_SERVING"
    message = _("代客办理已经结束，请重新开始")


class AlreadyServing(Conflict):
    code = "ALREADY_SERVING"
    message = _("您刚刚已开始为另一位客户办理，请先结束")


def begin(
    *,
    clerk_id: int,
    account_id: int,
    user_id: int | None,
    reason: str,
    address: str | None,
    as_of: datetime,
) -> ServingSession:
    """The clerk serves this member of the account; without one, its holder who never logged in.

    Whom he served before is served no more. Raises ReasonMissing, HasLogin, NotFound and what `rights.check` raises.
    """
    if len(reason.strip()) < 2:
        raise ReasonMissing()
    clerk = User.objects.get(pk=clerk_id)
    for earlier in ServingSession.objects.filter(clerk=clerk, state=ServingState.OPEN):
        # In a transaction of its own: nobody holds the locks of two accounts.
        end(session_id=earlier.pk, state=ServingState.ENDED, actor=Actor.user(clerk), as_of=as_of)
    try:
        with transaction.atomic():
            return _begin(clerk, account_id, user_id, reason=reason.strip(), address=address, as_of=as_of)
    except IntegrityError as error:
        if violated(error) == "serving_one_customer_at_a_time":  # two clicks at the same moment
            raise AlreadyServing() from error
        raise


def _begin(
    clerk: User, account_id: int, user_id: int | None, *, reason: str, address: str | None, as_of: datetime
) -> ServingSession:
    account, actor = locks.account(account_id), Actor.user(clerk)
    served = _member(account, user_id) if user_id else _stand_in(account, as_of)
    rights.check(clerk=clerk, served=served, account=account, as_of=as_of)
    if stand_ins.is_one(served):
        stand_ins.let_in(served, account.pk, actor=actor, as_of=as_of)
    session = ServingSession.objects.create(
        clerk=clerk,
        served=served,
        account=account,
        reason=reason[:300],
        began_at=as_of,
        last_seen_at=as_of,
        address=address,
    )
    _record(session, "", ServingState.OPEN, actor=actor, as_of=as_of, reason=session.reason)
    return session


def present(*, session_id: int, clerk: User, as_of: datetime) -> ServingSession:
    """The open session, if the clerk may still go on; raises NotServing, or why not, and ends what must end."""
    found = ServingSession.objects.select_related("clerk", "served", "account__customer")
    session = found.filter(pk=session_id, clerk_id=clerk.pk, state=ServingState.OPEN).first()
    if session is None:
        raise NotServing()
    if as_of >= session.last_seen_at + IDLE:
        end(session_id=session.pk, state=ServingState.IDLE, actor=Actor.user(clerk), as_of=as_of)
        raise NotServing()
    try:
        rights.check(clerk=session.clerk, served=session.served, account=session.account, as_of=as_of)
    except HallError as error:
        end(
            session_id=session.pk,
            state=ServingState.STOPPED,
            actor=Actor.user(clerk),
            reason=error.code,
            as_of=as_of,
        )
        raise
    return session


def seen(session: ServingSession, *, as_of: datetime) -> None:
    """The clerk has done something: the time until the session ends by itself begins anew."""
    ServingSession.objects.filter(pk=session.pk, state=ServingState.OPEN).update(last_seen_at=as_of)


@transaction.atomic
def end(
    *, session_id: int, state: ServingState, actor: Actor, as_of: datetime, reason: str = ""
) -> ServingSession:
    """The session is over; one that is over already stays as it is."""
    session = ServingSession.objects.select_related("account").get(pk=session_id)
    locks.hold(session.account_id)
    session = (
        ServingSession.objects.select_for_update(of=("self",)).select_related("served").get(pk=session_id)
    )
    if session.state == ServingState.OPEN:
        _end(session, state, actor=actor, as_of=as_of, reason=reason)
    return session


def end_idle(*, as_of: datetime, most: int = 500) -> int:
    """Ends the sessions in which nothing was done for too long (their clerks may never come back); how many."""
    late = ServingSession.objects.filter(state=ServingState.OPEN, last_seen_at__lte=as_of - IDLE)
    keys = list(late.order_by("last_seen_at").values_list("pk", flat=True)[:most])
    for key in keys:
        end(
            session_id=key,
            state=ServingState.IDLE,
            actor=Actor.job("operations.end_idle_serving"),
            as_of=as_of,
        )
    return len(keys)


def _member(account: BillingAccount, user_id: int) -> User:
    rows = Membership.objects.filter(account=account, user_id=user_id, user__is_active=True)
    found = rows.filter(user__is_staff=False).select_related("user").first()
    if found is None:
        raise rights.NotACustomer()
    return found.user


def _stand_in(account: BillingAccount, as_of: datetime) -> User:
    owners = Membership.objects.filter(account=account, role=Membership.Role.OWNER)
    if owners.filter(user__is_active=True, user__is_staff=False).exists():
        raise HasLogin()
    return stand_ins.of_account(account, as_of=as_of)


def _end(
    session: ServingSession, state: ServingState, *, actor: Actor, as_of: datetime, reason: str = ""
) -> None:
    SERVING_MACHINE.check(session.state, state)
    before, session.state, session.ended_at = session.state, state, as_of
    session.save(update_fields=["state", "ended_at"])
    _record(session, before, state, actor=actor, as_of=as_of, reason=reason)
    others = ServingSession.objects.filter(served_id=session.served_id, state=ServingState.OPEN)
    if stand_ins.is_one(session.served) and not others.exists():
        stand_ins.let_out(session.served, session.account_id, actor=actor, as_of=as_of)


def _record(
    session: ServingSession, before: str, state: str, *, actor: Actor, as_of: datetime, reason: str
) -> None:
    ServingHistory.objects.create(
        session=session, from_state=before, to_state=state, actor=actor.ref, reason=reason, at=as_of
    )
    audit.record(
        actor=actor,
        action=f"operations.serving.{state.lower()}",
        subject=session,
        reason=reason,
        detail={"account": session.account.number, "served": f"user:{session.served_id}"},
        address=session.address,
        as_of=as_of,
    )
