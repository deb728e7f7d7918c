"""What late bills have cost so far. Penalties accrue by themselves: nothing is stored until a bill is paid off."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, models
from django.db.models.expressions import RawSQL

from billing import penalty_rules
from billing.models import PenaltyPolicy
from billing.penalty_rules import Change, Computed, Policy
from core.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Accrued:
    """The penalty on one bill as of a day."""

    bill_id: int
    computed: Computed
    waived_cents: int  # given up by staff
    billed_cents: int  # billed before: the bill was paid off and opened again

    @property
    def cents(self) -> int:
        """Fen to be billed when the bill is paid off on that day."""
        return max(0, self.computed.cents - self.waived_cents - self.billed_cents)


_FACTS = """
    SELECT b.id, b.total_cents - b.adjusted_cents, b.due_on, a.region_id,
           (SELECT coalesce(json_agg(json_build_array(x.effective_on, x.amount_cents)), '[]')
              FROM billing_allocation x WHERE x.bill_id = b.id),
           (SELECT coalesce(sum(w.amount_cents), 0) FROM billing_penaltywaiver w WHERE w.bill_id = b.id),
           (SELECT coalesce(sum(p.total_cents), 0) FROM billing_bill p WHERE p.penalty_of_id = b.id)
      FROM billing_bill b JOIN accounts_billingaccount a ON a.id = b.account_id
     WHERE b.id = ANY(%s) AND b.kind <> 'PENALTY' AND (b.due_on < %s OR b.paid_cents > 0)"""


def accrued(bill_ids: Collection[int], *, on: date) -> dict[int, Accrued]:
    """What paying each bill off on the day brings as penalty; two queries, none without bills.

    The bills that are not late on the day are left out, except where part of one was paid: that may have come too late.
    """
    if not bill_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [list(bill_ids), on])
        rows = cursor.fetchall()
    policies = _Policies.read() if rows else None
    return {row[0]: _accrued(row, policies, on) for row in rows} if policies else {}


def _accrued(row: tuple[Any, ...], policies: "_Policies", on: date) -> Accrued:
    bill_id, principal, due_on, region_id, allocations, waived, billed = row
    computed = penalty_rules.paid_off(
        principal_cents=principal,
        due_on=due_on,
        changes=[Change(date.fromisoformat(day), -cents) for day, cents in allocations],
        policies=policies.of(region_id),
        on=on,
    )
    return Accrued(bill_id, computed, int(waived), int(billed))


# The tree goes along where a policy asks for it: once, whatever the number of policies.
_PARENTS = """(SELECT coalesce(jsonb_object_agg(id, parent_id), '{}') FROM accounts_region
                WHERE EXISTS (SELECT FROM billing_penaltypolicy WHERE region_id IS NOT NULL))"""
_POLICIES = Prepared(
    lambda: PenaltyPolicy.objects.annotate(
        parents=RawSQL(_PARENTS, [], output_field=models.JSONField())
    ).order_by("-active_from", "-id")
)


class _Policies:
    """All policies, sorted for a region: its own first, then those of the regions above it, then the general ones."""

    def __init__(self, rows: Sequence[PenaltyPolicy], parents: dict[int, int | None]) -> None:
        self._rows, self._parents = rows, parents

    @classmethod
    def read(cls) -> "_Policies":
        rows = _POLICIES.rows()
        parents: dict[str, int | None] = rows[0].parents if rows else {}  # type: ignore[attr-defined]  # annotated
        return cls(rows, {int(pk): parent for pk, parent in parents.items()})

    def of(self, region_id: int | None) -> list[Policy]:
        found: list[Policy] = []
        while region_id is not None:
            found += [_policy(row) for row in self._rows if row.region_id == region_id]
            region_id = self._parents.get(region_id)
        return found + [_policy(row) for row in self._rows if row.region_id is None]


def _policy(row: PenaltyPolicy) -> Policy:
    return Policy(row.daily_rate_ppm, row.grace_days, row.cap_percent, row.active_from, row.active_to)
