"""What this room holds on a user, for the copy that he may have."""

from collections.abc import Iterable

from accounts.models import BillingAccount, User
from accounts.personal_data import Record, section
from accounts.personal_sections import fields
from accounts.rules import Action
from accounts.selectors import accounts
from resources.models import Device, NumberPeriod


@section("numbers")
def numbers(user: User) -> Iterable[Record]:
    """What he holds and held, and what the accounts that he owns have and had; locked ones were theirs."""
    owned = accounts.where(user, Action.INVITE)
    holders = [f"user:{user.pk}", *(f"account:{number}" for number in _numbers(owned))]
    rows = NumberPeriod.objects.filter(holder__in=holders).select_related("number").order_by("id")
    for row in rows:
        period = {"begins_at": row.begins_at.isoformat(), "ends_at": row.ends_at and row.ends_at.isoformat()}
        yield fields(row, "number__digits", "kind") | period


@section("devices")
def devices(user: User) -> Iterable[Record]:
    """What lies with the accounts that he owns: boxes, cards."""
    rows = Device.objects.filter(account__in=accounts.where(user, Action.INVITE)).select_related("account")
    for row in rows.order_by("id"):
        yield fields(row, "serial", "kind", "state", "account__number")


def _numbers(owned: "Iterable[BillingAccount]") -> list[str]:
    return [account.number for account in owned]
