"""Which policy holds for whom on a day: that of the nearest region, and there that of the kind of customer first."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Prefetch, Q

from accounts.models import Region
from arrears.choices import Proof, Stage
from arrears.models import Policy, PolicyNotice, PolicyStage
from arrears.rules import NoticeRule, PolicyFacts, StageRule
from notices import kinds
from notices.models import Channel


@dataclass(frozen=True)
class Book:
    """All policies of a day, read once; `find` asks no database."""

    by_place: dict[tuple[int | None, str], PolicyFacts]
    parents: dict[int, int | None]
    promises: dict[int, tuple[int, int]]  # by policy: days, times a month

    def find(self, region_id: int | None, customer_kind: str) -> PolicyFacts | None:
        """The policy for accounts there of that kind of customer; None where nobody has written one."""
        while True:
            for kind in (customer_kind, ""):
                if found := self.by_place.get((region_id, kind)):
                    return found
            if region_id is None:
                return None
            region_id = self.parents.get(region_id)

    @property
    def days_ahead(self) -> int:
        """How many days before its due date a bill may matter."""
        firsts = [rule.days for each in self.by_place.values() for rule in each.stages.values()]
        return max(0, -min(firsts, default=0))


def book(on: date) -> Book:
    """The policies that hold on that day. Four queries."""
    held = Policy.objects.filter(active_from__lte=on).filter(Q(active_to=None) | Q(active_to__gt=on))
    rows = held.prefetch_related(
        Prefetch("stages", PolicyStage.objects.order_by("days")),
        Prefetch("notices", PolicyNotice.objects.order_by("days", "pk")),
    )
    policies = list(rows)
    return Book(
        by_place={(row.region_id, row.customer_kind): facts_of(row) for row in policies},
        parents=dict(Region.objects.values_list("id", "parent_id")),
        promises={row.pk: (row.promise_days, row.promises_a_month) for row in policies},
    )


def facts_of(policy: Policy) -> PolicyFacts:
    """The policy as the rules read it."""
    return PolicyFacts(
        id=policy.pk,
        minimum_cents=policy.minimum_cents,
        stages={
            Stage(row.stage): StageRule(Stage(row.stage), row.days, row.minimum_stay_days, row.cap_per_run)
            for row in policy.stages.all()
        },
        notices=tuple(_notice(row) for row in policy.notices.all()),
    )


def _notice(row: PolicyNotice) -> NoticeRule:
    kind = kinds.find(row.template_code)
    return NoticeRule(
        id=row.pk,
        stage=Stage(row.stage),
        days=row.days,
        code=row.template_code,
        needed_for=Stage(row.needed_for) if row.needed_for else None,
        proof=Proof(row.needed_proof),
        needed_days=row.needed_days,
        has_letter=kind is not None and Channel.LETTER in kind.channels,
    )
