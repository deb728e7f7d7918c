"""户号: what bills are written to."""

import re
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import account_obstacles, locks
from accounts.models import BillingAccount
from accounts.personal_data import Obstacle
from core import joined
from core.errors import Conflict, HallError

_NUMBER = re.compile(r"[0-9A-Za-z-]{1,32}")


class BadAccountNumber(HallError):
    code = "BAD_ACCOUNT_NUMBER"
    message = _("户号只能由数字、字母和短横组成，最多 32 位")


class AccountNumberTaken(Conflict):
    code = "ACCOUNT_NUMBER_TAKEN"
    message = _("户号 %(number)s 已存在")


class AccountClosed(Conflict):
    """It takes no members and no money ahead of bills; what it owes can still be paid."""

    code = "ACCOUNT_CLOSED"
    message = _("户号 %(number)s 已销户，只能缴清欠费，不能办理这项业务")


class AccountInUse(Conflict):
    """`obstacles` names each of what is in the way."""

    code = "ACCOUNT_IN_USE"
    message = _("户号 %(number)s 现在不能销户：%(why)s")

    def __init__(self, *, number: str, obstacles: list[Obstacle]) -> None:
        super().__init__(number=number, why=joined.clauses_lazy([found.text for found in obstacles]))
        self.obstacles = obstacles


class AccountOpen(Conflict):
    code = "ACCOUNT_OPEN"
    message = _("户号 %(number)s 没有销户")


def refuse_closed(account: BillingAccount) -> None:
    """Returns for an open account; raises AccountClosed."""
    if account.is_closed:
        raise AccountClosed(number=account.number)


def clean_number(typed: str) -> str:
    """The number as it is stored: full-width digits and spaces of a keyboard mended. Raises BadAccountNumber."""
    number = re.sub(r"\s", "", typed.translate(_FULL_WIDTH))
    if not _NUMBER.fullmatch(number):
        raise BadAccountNumber()
    return number


_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF0D: "-"}


def open_account(
    *,
    number: str,
    customer_id: int,
    as_of: datetime,
    region_id: int | None = None,
    address: str = "",
    opened_on: date | None = None,
) -> BillingAccount:
    """A new billing account of the customer. Raises BadAccountNumber, AccountNumberTaken."""
    account = BillingAccount(
        number=clean_number(number),
        customer_id=customer_id,
        region_id=region_id,
        address=address,
        opened_on=opened_on,
        created_at=as_of,
    )
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as error:
        raise AccountNumberTaken(number=account.number) from error
    return account


@transaction.atomic
def close_account(*, account_id: int, as_of: datetime) -> BillingAccount:
    """From now on the account takes no members and no money ahead.

    Raises NotFound, AccountClosed if it is already, AccountInUse where a room above has something of it that goes on.
    """
    account = locks.account(account_id)
    refuse_closed(account)
    if found := account_obstacles.obstacles(account, as_of=as_of):
        raise AccountInUse(number=account.number, obstacles=found)
    account.closed_at = as_of
    account.save(update_fields=["closed_at"])
    return account


@transaction.atomic
def reopen_account(*, account_id: int, as_of: datetime) -> BillingAccount:
    """The account is as any other again. Raises NotFound, AccountOpen."""
    account = locks.account(account_id)
    if not account.is_closed:
        raise AccountOpen(number=account.number)
    account.closed_at = None
    account.save(update_fields=["closed_at"])
    return account
