"""Whose money it is, so that no member of staff serves himself: see `refuse` and core.approvals.CheckPerson."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, Membership
from billing.models import Bill, CounterMoney, Receipt, RefundRequest
from core.actor import Actor
from core.approval_kinds import CheckPerson
from core.errors import HallError


class OwnAccount(HallError):
    code = "OWN_ACCOUNT"
    message = _("这笔业务涉及您本人绑定的户号或您本人的付款，不能由您办理或审批，请交由其他同事")
    status = 403


@dataclass(frozen=True, slots=True)
class Concerned:
    """The accounts whose money it is, and the users to whom it may go back."""

    accounts: frozenset[int] = frozenset()
    users: frozenset[int] = frozenset()

    def __or__(self, other: "Concerned") -> "Concerned":
        return Concerned(self.accounts | other.accounts, self.users | other.users)


NOBODY = Concerned()


def refuse(actor: Actor, concerned: Concerned) -> None:
    """Raises OwnAccount for a person who is a member, in whatever role, of one of the accounts, or one of the users.

    Who becomes a member at the same moment may pass: his actions bear his name, and so does the binding.
    """
    key = actor.ref.removeprefix("user:")
    if not (actor.is_person and key.isdecimal()):
        return
    user_id = int(key)
    if user_id in concerned.users:
        raise OwnAccount()
    if Membership.objects.filter(user_id=user_id, account_id__in=concerned.accounts).exists():
        raise OwnAccount()


def checked(find: Callable[[str, Mapping[str, Any]], Concerned]) -> CheckPerson:
    """`refuse` for a kind of approval; `find` tells from its subject and data whose money it is."""

    def check(*, actor: Actor, subject_id: str, data: dict[str, Any]) -> None:
        refuse(actor, find(subject_id, data))

    return check


def of_account(account_id: int) -> Concerned:
    return Concerned(frozenset({account_id}))


def of_account_id(account_id: str | int, data: Mapping[str, Any] | None = None) -> Concerned:
    return of_account(int(account_id))


def of_bill(bill_id: str | int, data: Mapping[str, Any] | None = None) -> Concerned:
    return _of(Bill.objects.filter(pk=bill_id).values_list("account_id"))


def of_receipt(receipt_id: str | int, data: Mapping[str, Any] | None = None) -> Concerned:
    """Its account's, and its payer's, to whom a refund would go."""
    return _of(Receipt.objects.filter(pk=receipt_id).values_list("account_id", "payment__payer_id"))


def of_transfer(receipt_id: str | int, data: Mapping[str, Any]) -> Concerned:
    """Both accounts'."""
    target = BillingAccount.objects.filter(number=data["to_number"])
    return of_receipt(receipt_id) | _of(target.values_list("pk"))


def of_counter_money(money_id: str | int, data: Mapping[str, Any] | None = None) -> Concerned:
    return _of(CounterMoney.objects.filter(pk=money_id).values_list("receipt__account_id"))


def of_refund(request_id: str | int, data: Mapping[str, Any] | None = None) -> Concerned:
    """Its account's, that of its receipt now, and those of the people who asked for it and who had paid."""
    rows = RefundRequest.objects.filter(pk=request_id)
    asked = _of(rows.values_list("account_id", "user_id"))
    return asked | _of(rows.values_list("receipt__account_id", "receipt__payment__payer_id"))


def _of(rows: Iterable[tuple[int | None, ...]]) -> Concerned:
    """Rows of an account and, where there is a second column, a user."""
    found = NOBODY
    for account_id, *users in rows:
        found |= Concerned(
            frozenset({account_id} if account_id is not None else ()),
            frozenset(user for user in users if user is not None),
        )
    return found
