"""Whom a rule keeps from a new line, and by whose leave it does not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from accounts.models import BillingAccount, Region
from arrears.models import ReinstallOverride, ReinstallRule
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
    """The rule that keeps this account's customer from a new line on that day, the one that lasts longest.

    A rule counts for lines that were cut while it was in force, and no longer than it is in force itself.
    """
    cuts = _cuts_of(account)
    found = [each for each in (_by(rule, cuts, on) for rule in _rules(account, on)) if each]
    return max(found, key=lambda each: each.until, default=None)


def in_force(on: date) -> "QuerySet[ReinstallRule]":
    """The rules of that day, of all places."""
    return ReinstallRule.objects.filter(Q(active_to=None) | Q(active_to__gt=on), active_from__lte=on)


def _rules(account: BillingAccount, on: date) -> list[ReinstallRule]:
    """Those of the account's own place, of those above it and of none, without those that were overridden for it."""
    overridden = ReinstallOverride.objects.filter(account=account).values("rule_id")
    rules = list(in_force(on).exclude(pk__in=overridden).order_by("pk"))
    if not rules:
        return []
    places = _up(account.region_id or account.customer.region_id)
    return [rule for rule in rules if rule.region_id is None or rule.region_id in places]


def _up(region_id: int | None) -> set[int]:
    parents = dict(Region.objects.values_list("pk", "parent_id"))
    found: set[int] = set()
    while region_id is not None and region_id not in found:
        found.add(region_id)
        region_id = parents.get(region_id)
    return found


def _cuts_of(account: BillingAccount) -> list[date]:
    """The local days on which lines of the customer, or that he paid for, were cut for arrears."""
    of_him = Q(subscription__account__customer=account.customer_id) | Q(
        subscription__payer__customer=account.customer_id
    )
    rows = Termination.objects.filter(of_him, reason=TerminationReason.ARREARS)
    return [local_date(at) for at in rows.values_list("at", flat=True)]


def _by(rule: ReinstallRule, cuts: Collection[date], on: date) -> Barred | None:
    """Calendar months, as for the lock of numbers: the day of the cut does not count."""
    counted = [
        day for day in cuts if rule.active_from <= day and (not rule.active_to or day < rule.active_to)
    ]
    if not counted:
        return None
    cut_on = max(counted)
    until = free_again_on(cut_on, rule.months)
    return Barred(rule, cut_on, until) if on < until else None
