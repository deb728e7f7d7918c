"""户号: what bills are written to."""

import re
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from core.errors import Conflict, HallError

_NUMBER = re.compile(r"[0-9A-Za-z-]{1,32}")


class BadAccountNumber(HallError):
    code = "BAD_ACCOUNT_NUMBER"
    message = _("户号只能由数字、字母和短横组成，最多 32 位")


class AccountNumberTaken(Conflict):
    code = "ACCOUNT_NUMBER_TAKEN"
    message = _("户号 %(number)s 已存在")


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
