"""What the operations about members have in common: the roles in plain words, and an account that is locked."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount, Membership
from core.clock import local_date
from operations.context import Context
from operations.quotes import Quote, QuoteLine
from operations.registry import Operation

MEANINGS = {
    Membership.Role.OWNER: _("户主：与您权限相同，可以管理成员、联系方式和余额"),
    Membership.Role.HANDLER: _("经办人：代单位查账、缴费、办业务，查看联系方式"),
    Membership.Role.PAYER: _("代缴人：查看账单并缴费"),
    Membership.Role.VIEWER: _("查看：只能查看账单"),
}

OWNERS_STAY = _("户主之间不能互相移除。请只让您完全信任的人成为户主。")


def page_of(account: BillingAccount) -> str:
    return reverse("accounts:account", args=[account.number])


class OfAccount(Operation):
    """What they have in common: free, at once, about one account."""

    icon = "people"

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        found = self.account(ctx, data)
        if found:
            account_locks.hold(found.pk)

    def promise(self, ctx: Context, *lines: QuoteLine, **more: Any) -> Quote:
        return Quote(price_cents=0, effective_on=local_date(ctx.as_of), lines=lines, **more)
