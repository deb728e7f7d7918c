"""Whom a rule keeps from a new line, and by whose leave it does not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import BillingAccount, Region
from arrears.models import ReinstallRule
from catalog.models import Termination, TerminationReason
from core.clock import local_date
from resources.rules import free_again_on


@dataclass(frozen=True, slots=True)
class Barred:
    """`until`: the first day on which the rule keeps the account from nothing any more."""

    rule: ReinstallRule
    cut_on: date
    until: date


def of(account: BillingAccount, *, on: date) -> Barred | None:
    """The rule that keeps this account's customer from a new line on that day, the one that lasts longest."""
    return max(all_of(account, on=on), key=lambda each: each.until, default=None)


def all_of(account: BillingAccount, *, on: date) -> list[Barred]:
    """Every rule that keeps this account's customer from a new line on that day.

    A rule counts for lines that were cut in its region while it was in force, and no longer than it is in force itself:
    an account elsewhere is no way around it. Who was let off is let off for what had been cut by then, not for ever.
    """
    let_off = Max("overrides__at", filter=Q(overrides__account=account))
    rules = list(in_force(on).annotate(let_off_at=let_off).order_by("pk"))
    cuts = _cuts_of(account) if rules else []
    return [each for each in (_by(rule, cuts, on, rule.let_off_at) for rule in rules) if each]


def in_force(on: date) -> "QuerySet[ReinstallRule]":
    """The rules of that day, of all places."""
    return ReinstallRule.objects.filter(Q(active_to=None) | Q(active_to__gt=on), active_from__lte=on)


def _up(region_id: int | None) -> set[int]:
    parents = dict(Region.objects.values_list("pk", "parent_id"))
    found: set[int] = set()
    while region_id is not None and region_id not in found:
        found.add(region_id)
        region_id = parents.get(region_id)
    return found


def _cuts_of(account: BillingAccount) -> list[tuple[datetime, set[int]]]:
    """When lines of the customer, or that he paid for, were cut for arrears, and the regions of each."""
    of_him = Q(subscription__account__customer=account.customer_id) | Q(
        subscription__payer__customer=account.customer_id
    )
    rows = Termination.objects.filter(of_him, reason=TerminationReason.ARREARS)
    place = Coalesce("subscription__account__region", "subscription__account__customer__region")
    return [(at, _up(region_id)) for at, region_id in rows.values_list("at", place)]


def _by(
    rule: ReinstallRule, cuts: Collection[tuple[datetime, set[int]]], on: date, let_off_at: datetime | None
) -> Barred | None:
    """Calendar months, as for the lock of numbers: the day of the cut does not count."""
    counted = [
        local_date(at)
        for at, places in cuts
        if let_off_at is None or at > let_off_at
        if rule.region_id is None or rule.region_id in places
    ]
    counted = [day for day in counted if _is_of(rule, day)]
    if not counted:
        return None
    cut_on = max(counted)
    until = free_again_on(cut_on, rule.months)
    return Barred(rule, cut_on, until) if on < until else None


def _is_of(rule: ReinstallRule, day: date) -> bool:
    return rule.active_from <= day and (not rule.active_to or day < rule.active_to)
