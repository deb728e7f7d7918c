"""What keeps an account from being closed: a number that is its own would be nobody's, and never free again."""

from datetime import datetime

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.account_obstacles import obstacle
from accounts.models import BillingAccount
from accounts.personal_data import Obstacle
from core import joined
from resources.selectors import numbers


@obstacle
def own_numbers(account: BillingAccount, *, as_of: datetime) -> list[Obstacle]:
    """Numbers that are this account's, each named; staff take them back, then they are locked and free again."""
    periods = numbers.of_owner(f"account:{account.number}", as_of=as_of)
    found = [each.number.digits for each in periods]
    if not found:
        return []
    return [Obstacle("NUMBERS", format_lazy(_("还有在用的号码：{numbers}"), numbers=joined.words(found)))]
