"""An account's credit: what it is made of, what is free of it, and every movement that led to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import F, QuerySet, Sum, Window

from accounts.models import BillingAccount
from billing.models import BalancePreference, LedgerEntry, Receipt
from billing.models.receipts import FREE
from billing.selectors import balances
from billing.selectors.balances import AccountOverview


@dataclass(frozen=True, slots=True)
class Credit:
    """One account's credit, in fen. `usable` + `reserved` + `held` − `missing` = the overview's `credit_cents`."""

    overview: AccountOverview
    usable_cents: int  # pays bills, can be refunded
    reserved_cents: int  # refunds under way
    held_cents: int  # somebody has to look at it first
    missing_cents: int  # given back by a gateway although it had settled bills
    is_automatic: bool  # pays new bills by itself

    @property
    def refundable_cents(self) -> int:
        """What would be left if everything that is due were paid with it."""
        return max(0, self.usable_cents - self.overview.due_cents)


def of_account(account: BillingAccount, *, today: date) -> Credit:
    return of_accounts([account], today=today)[0]


def of_accounts(accounts: Sequence[BillingAccount], *, today: date) -> list[Credit]:
    """One for each account, in the order of `balances.of_accounts`. Five queries at most."""
    overviews = balances.of_accounts(accounts, today=today)
    keys = [account.pk for account in accounts]
    kept = BalancePreference.objects.filter(account_id__in=keys, is_automatic=False)
    by_hand = set(kept.values_list("account_id", flat=True))
    receipts: dict[int, list[Receipt]] = {}
    unbalanced = Receipt.objects.filter(account_id__in=keys).exclude(
        amount_cents=F("allocated_cents") + F("refunded_cents")
    )
    for receipt in unbalanced:
        receipts.setdefault(receipt.account_id, []).append(receipt)
    return [
        _credit(overview, receipts.get(overview.account.pk, []), overview.account.pk not in by_hand)
        for overview in overviews
    ]


def _credit(overview: AccountOverview, receipts: Sequence[Receipt], is_automatic: bool) -> Credit:
    free = [receipt for receipt in receipts if receipt.free_cents > 0]
    return Credit(
        overview=overview,
        usable_cents=sum(one.free_cents for one in free if not one.is_under_review),
        reserved_cents=sum(one.refunding_cents for one in receipts),
        held_cents=sum(one.free_cents for one in free if one.is_under_review),
        missing_cents=-sum(min(0, one.free_cents) for one in receipts),
        is_automatic=is_automatic,
    )


def refundable(account: BillingAccount) -> list[Receipt]:
    """The receipts of which something can be refunded, the latest first: the younger, the surer the way back."""
    found = Receipt.objects.filter(FREE, account=account).with_credit()
    return list(found.select_related("payment").order_by("-paid_at", "-id"))


def entries(account: BillingAccount) -> QuerySet[LedgerEntry]:
    """Every movement of the account's money, the latest first, each with the balance after it (`after_cents`)."""
    found = LedgerEntry.objects.filter(account=account).select_related(
        "bill", "receipt", "refund__receipt", "adjustment__bill", "transfer"
    )
    running = Window(Sum("amount_cents"), order_by=F("id").asc())
    return found.annotate(after_cents=running).order_by("-id")
