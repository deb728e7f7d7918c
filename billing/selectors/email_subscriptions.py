"""Who gets which account's bills by e-mail."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts import rules
from accounts.models import BillingAccount, Membership
from accounts.rules import Action
from billing.models import EmailSubscription, EmailSubscriptionState
from billing.models.email_subscriptions import OPEN
from notices import email_addresses

ROLES = rules.roles_for(Action.MAIL_BILLS)  # who may say where an account's bills go


@dataclass(frozen=True, slots=True)
class Shown:
    """An account's bills by e-mail, as its page tells it. Each is None where there is none."""

    account: BillingAccount
    active: EmailSubscription | None
    pending: EmailSubscription | None
    bounced: EmailSubscription | None
    reader_id: int

    @property
    def state(self) -> str:
        """The word that matters most: active · bounced · pending · none"""
        found = (("active", self.active), ("bounced", self.bounced), ("pending", self.pending))
        return next((word for word, row in found if row), "none")

    @property
    def address(self) -> str:
        return self._of(self.active)

    @property
    def pending_address(self) -> str:
        return self._of(self.pending)

    @property
    def bounced_address(self) -> str:
        return self._of(self.bounced)

    def _of(self, row: EmailSubscription | None) -> str:
        """In full only for who gave it: another member of the account needs not know it."""
        if row is None:
            return ""
        show = email_addresses.readable if row.user_id == self.reader_id else email_addresses.mask
        return show(row.address)


def accounts_of(user: Any) -> QuerySet[BillingAccount]:
    """The accounts about whose bills this user may decide where they go."""
    mine = Membership.objects.filter(account_id=OuterRef("pk"), user_id=user.pk, role__in=ROLES)
    return BillingAccount.objects.filter(Exists(mine)).order_by("number")


def subscribed_accounts_of(user: Any) -> QuerySet[BillingAccount]:
    """Those of them that have something to unsubscribe from."""
    rows = EmailSubscription.objects.filter(account_id=OuterRef("pk"), state__in=OPEN)
    return accounts_of(user).filter(Exists(rows))


def open_of(account: BillingAccount) -> list[EmailSubscription]:
    """What has not ended, oldest first."""
    return list(EmailSubscription.objects.filter(account=account, state__in=OPEN).order_by("pk"))


def active_of(account: BillingAccount) -> EmailSubscription | None:
    return EmailSubscription.objects.filter(account=account, state=EmailSubscriptionState.ACTIVE).first()


def shown_to(user: Any) -> list[Shown]:
    """One line per account that the user may decide about, by number; two queries."""
    accounts = list(accounts_of(user))
    newest: dict[tuple[int, str], EmailSubscription] = {}
    if accounts:
        rows = EmailSubscription.objects.filter(account__in=accounts, state__in=OPEN)
        newest = {(row.account_id, row.state): row for row in rows.order_by("pk")}
    state = EmailSubscriptionState
    return [
        Shown(
            account=account,
            active=newest.get((account.pk, state.ACTIVE)),
            pending=newest.get((account.pk, state.PENDING)),
            bounced=newest.get((account.pk, state.BOUNCED)),
            reader_id=user.pk,
        )
        for account in accounts
    ]


def bounced_of(user: Any) -> list[Shown]:
    """The accounts of this user whose bills came back from the mailbox, and that have no other. One query if none."""
    rows = EmailSubscription.objects.filter(
        state=EmailSubscriptionState.BOUNCED, account__in=accounts_of(user).order_by()
    )
    if not rows.exists():
        return []
    return [each for each in shown_to(user) if each.bounced and not each.active]
