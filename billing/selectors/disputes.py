"""Which bills are disputed."""

from collections.abc import Collection
from typing import Any

from accounts.models import User
from accounts.rules import Action
from billing.models import Bill, Dispute
from core.prepared import Prepared


def open_for(bill_ids: Collection[int]) -> dict[int, Dispute]:
    """The open dispute of each of these bills that has one, by bill. One query, none without bills."""
    if not bill_ids:
        return {}
    return {found.bill_id: found for found in Dispute.objects.open().filter(bill_id__in=bill_ids)}


def of_bill(bill: Bill) -> list[Dispute]:
    """All disputes of a bill, newest first."""
    return list(bill.disputes.order_by("-id"))


def withdrawable(user: Any) -> Any:
    """The open disputes that this user raised on accounts where he may still do so."""
    mine = Dispute.objects.for_user(user, Action.DISPUTE).open().filter(raised_by_id=user.pk)
    return mine.select_related("bill__account").order_by("-id")


WITHDRAWABLE = Prepared(lambda pk: withdrawable(User(pk=pk)), pk=int)


def may_withdraw(user: Any) -> bool:
    """Whether there is one; asked for lists of operations."""
    return bool(user.is_authenticated) and WITHDRAWABLE.exists(pk=user.pk)
