"""Asking whose account a number is, in order to pay into it. Limited, because the answer is somebody's name.

An unknown number counts as a known one does. The same number again within the hour is the same question.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from accounts.services.accounts import clean_number
from billing.models import AccountLookup
from billing.selectors import counter as reads
from core import limits
from core.errors import HallError, TooManyRequests

WITHIN = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)


class TooManyLookups(TooManyRequests):
    code = "TOO_MANY_LOOKUPS"
    message = _("查询户号太频繁，请一小时后再试")


class NoSuchAccount(HallError):
    """Also the answer for an account that cannot be paid into."""

    code = "NO_SUCH_ACCOUNT"
    message = _("没有可以缴费的这个户号，请核对后再试")
    status = 404


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was asked; `account` is None for an unknown number, and when the asker has asked too often."""

    number: str
    account: BillingAccount | None
    is_allowed: bool

    def __str__(self) -> str:
        return self.number  # what a slip keeps of it

    def found(self) -> BillingAccount:
        """The account; raises TooManyLookups, NoSuchAccount."""
        if not self.is_allowed:
            raise TooManyLookups()
        if self.account is None:
            raise NoSuchAccount()
        return self.account


def ask(*, typed: str, who: str, client_address: str | None, as_of: datetime) -> Lookup:
    """The account of that number, and the question is counted. Raises BadAccountNumber; nothing else is refused here,
    so that the count stands whatever becomes of the caller's request."""
    number, client_address = clean_number(typed), client_address and limits.network(client_address)
    with transaction.atomic():
        account_locks.code_requests(f"lookup:{who}", f"lookup:{client_address or ''}")
        asked = _lately(who, client_address, as_of)
        if (number, who) not in asked:
            if _is_too_often(asked, who, client_address):
                return Lookup(number, None, is_allowed=False)
            account = reads.find_account(number)
            AccountLookup.objects.create(
                number=number, who=who, client_address=client_address, is_known=account is not None, at=as_of
            )
            return Lookup(number, account, is_allowed=True)
    return Lookup(number, reads.find_account(number), is_allowed=True)


def forget_old(*, as_of: datetime) -> int:
    """Deletes questions that no limit counts any more and that no inquiry needs; how many."""
    return AccountLookup.objects.filter(at__lt=as_of - KEPT_FOR).delete()[0]


def _lately(who: str, client_address: str | None, as_of: datetime) -> set[tuple[str, str]]:
    """(number, asker) of the last hour, of this asker and from this address."""
    where = Q(who=who) | (Q(client_address=client_address) if client_address else Q(pk=None))
    rows = AccountLookup.objects.filter(where, at__gt=as_of - WITHIN)
    return set(rows.values_list("number", "who"))


def _is_too_often(asked: set[tuple[str, str]], who: str, client_address: str | None) -> bool:
    limits = settings.LOOKUP_LIMITS
    by_user = sum(asker == who for _number, asker in asked)
    return bool(by_user >= limits["who_hour"] or len(asked) >= limits["client_hour"])
