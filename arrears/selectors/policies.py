"""Which policy holds for whom on a day: that of the nearest region, and there that of the kind of customer first."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import Region
from arrears.choices import PartPayment, Proof, Stage
from arrears.models import Policy
from arrears.rule_facts import NoticeRule, PolicyFacts, StageRule
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


_BOOK = """
    SELECT id, region_id, customer_kind, minimum_cents, promise_days, promises_a_month,
           held_from, in_flight_days, part_payment, tells_when_held,
           (SELECT jsonb_agg(jsonb_build_array(stage, days, minimum_stay_days, cap_per_run) ORDER BY days)
              FROM arrears_policystage WHERE policy_id = policy.id),
           (SELECT jsonb_agg(jsonb_build_array(id, stage, days, template_code, needed_for, needed_proof, needed_days)
                             ORDER BY days, id) FROM arrears_policynotice WHERE policy_id = policy.id)
      FROM arrears_policy policy WHERE active_from <= %(on)s AND (active_to IS NULL OR active_to > %(on)s)"""


def book(on: date) -> Book:
    """The policies that hold on that day. One query, and one more where a policy is of a region."""
    with connection.cursor() as cursor:
        cursor.execute(_BOOK, {"on": on})
        rows = cursor.fetchall()
    by_place, promised = {}, {}
    for policy_id, region_id, kind, minimum_cents, days, times, *holding, stages, notices in rows:
        by_place[region_id, kind] = PolicyFacts(
            id=policy_id,
            minimum_cents=minimum_cents,
            stages={Stage(each[0]): _stage(*each) for each in _list(stages)},
            notices=tuple(_notice(*each) for each in _list(notices)),
            **_holding(*holding),
        )
        promised[policy_id] = days, times
    has_places = any(region_id is not None for region_id, _kind in by_place)
    regions = Region.objects.values_list("id", "parent_id") if has_places else ()
    return Book(by_place, dict(regions), promised)


def _list(found: str | None) -> list[list[Any]]:
    return list(json.loads(found)) if found else []


def facts_of(policy: Policy) -> PolicyFacts:
    """The policy as the rules read it."""
    stages = policy.stages.order_by("days").values_list("stage", "days", "minimum_stay_days", "cap_per_run")
    notices = policy.notices.order_by("days", "pk").values_list(
        "pk", "stage", "days", "template_code", "needed_for", "needed_proof", "needed_days"
    )
    return PolicyFacts(
        id=policy.pk,
        minimum_cents=policy.minimum_cents,
        stages={Stage(each[0]): _stage(*each) for each in stages},
        notices=tuple(_notice(*each) for each in notices),
        **_holding(policy.held_from, policy.in_flight_days, policy.part_payment, policy.tells_when_held),
    )


def _holding(held_from: str, in_flight_days: int, part_payment: str, tells_when_held: bool) -> dict[str, Any]:
    return {
        "held_from": Stage(held_from),
        "in_flight_days": in_flight_days,
        "part_payment": PartPayment(part_payment),
        "tells_when_held": tells_when_held,
    }


def _stage(stage: str, days: int, stay_days: int, cap: int | None) -> StageRule:
    return StageRule(Stage(stage), days, stay_days, cap)


def _notice(
    rule_id: int, stage: str, days: int, code: str, needed_for: str, proof: str, needed_days: int
) -> NoticeRule:
    kind = kinds.find(code)
    return NoticeRule(
        id=rule_id,
        stage=Stage(stage),
        days=days,
        code=code,
        needed_for=Stage(needed_for) if needed_for else None,
        proof=Proof(proof),
        needed_days=needed_days,
        has_letter=kind is not None and Channel.LETTER in kind.channels,
    )
