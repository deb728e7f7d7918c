"""按主管部门要求终止: somebody writes the authority's order down with its document, two others approve, the line ends.

The database asks for the same: see `NobodyUnheard` in `arrears.laws`.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from arrears.models import AuthorityApproval, AuthorityOrder
from catalog.holdings.services import documents, subscriptions
from catalog.models import Subscription, SubscriptionState, TerminationReason
from core import audit
from core.actor import Actor
from core.errors import Conflict, Forbidden, HallError, NotFound

ASK, DECIDE = "arrears.add_authorityorder", "arrears.approve_authorityorder"
NEEDED = 2  # people who say yes


class NotComplete(HallError):
    code = "AUTHORITY_ORDER_INCOMPLETE"
    message = _("请写明主管部门、文号和说明")


class OwnOrder(Forbidden):
    code = "AUTHORITY_ORDER_OWN"
    message = _("不能批准自己录入的指令，须由另外两人批准")


class ApprovedBefore(Conflict):
    code = "AUTHORITY_ORDER_APPROVED_BEFORE"
    message = _("您已经批准过，须由另一人批准")


class NotInUse(Conflict):
    code = "AUTHORITY_ORDER_LINE_ENDED"
    message = _("这项业务已经终止，不用再办")


@transaction.atomic
def ask(
    *,
    number: str,
    authority: str,
    reference: str,
    file: tuple[str, Iterable[bytes]],
    reason: str,
    user_id: int,
    as_of: datetime,
) -> AuthorityOrder:
    """The order as it was received, with its document (name and content): nothing ends by it yet.

    Raises NotFound, NotInUse, NotComplete, and what keeping a file raises.
    """
    row = Subscription.objects.filter(number=number).first()
    if row is None:
        raise NotFound()
    _refuse_ended(row)
    if not (authority.strip() and reference.strip() and reason.strip()):
        raise NotComplete()
    actor = Actor(f"user:{user_id}")
    name, chunks = file
    document_id = documents.keep(number=number, name=name, chunks=chunks, actor=actor, as_of=as_of)
    order = AuthorityOrder.objects.create(
        subscription=row,
        authority=authority.strip()[:100],
        reference=reference.strip()[:60],
        document_id=document_id,
        reason=reason.strip()[:300],
        made_by_id=user_id,
        created_at=as_of,
    )
    audit.record(
        actor=actor,
        action="arrears.authority_order",
        subject=row,
        reason=reason,
        detail={"order": order.pk, "authority": order.authority, "reference": order.reference},
        as_of=as_of,
    )
    return order


@transaction.atomic
def approve(*, order_id: int, user_id: int, reason: str, as_of: datetime) -> bool:
    """One person's yes; with the second one the line ends at once: then True.

    Raises NotFound, OwnOrder, ApprovedBefore, NotInUse.
    """
    order = AuthorityOrder.objects.select_related("subscription").filter(pk=order_id).first()
    if order is None:
        raise NotFound()
    account_locks.hold(
        order.subscription.account_id
    )  # two who say yes at once: the second one sees the first
    order.subscription.refresh_from_db(fields=["state"])
    _refuse_ended(order.subscription)
    if order.made_by_id == user_id:
        raise OwnOrder()
    if order.approvals.filter(user_id=user_id).exists():
        raise ApprovedBefore()
    AuthorityApproval.objects.create(order=order, user_id=user_id, reason=reason[:200], at=as_of)
    if order.approvals.count() < NEEDED:
        return False
    subscriptions.terminate(
        number=order.subscription.number,
        reason=TerminationReason.AUTHORITY,
        evidence=subscriptions.Evidence(document_id=order.document_id),
        actor=Actor(f"user:{user_id}"),
        as_of=as_of,
        why=order.reference,
    )
    return True


def _refuse_ended(row: Subscription) -> None:
    if row.state != SubscriptionState.ACTIVE:
        raise NotInUse()
