"""What a dry run says: the counts of what a run would write now, account by account, without writing."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from arrears.choices import Stage
from arrears.models import StageChange
from arrears.services import casework, promises, telling
from arrears.services.casework import Counts, Judged
from notices.models import Message


@dataclass
class Forecast:
    """Of one whole dry run: what a cap leaves on that day is used up from block to block."""

    today: date
    steps: Counter[tuple[int, Stage]] = field(default_factory=Counter)  # by policy and stage reached

    def room(self, policy_id: int, stage: Stage, cap: int) -> bool:
        """Whether one more account may come into that stage on that day; then it has come."""
        key = policy_id, stage
        if key not in self.steps:
            done = StageChange.objects.filter(on=self.today, policy_id=policy_id, to_stage=stage)
            self.steps[key] = done.count()
        self.steps[key] += 1
        return self.steps[key] <= cap

    def of(self, judged: Sequence[Judged], held: Sequence[Judged], late: Collection[int]) -> Counts:
        """What `assessing.write` would count of these; `late`: accounts of which only lines go off."""
        counts = Counts()
        for each in judged:
            counts.closed += each.decision.close is not None
            is_step = each.moves and each.decision.stage != Stage.NONE
            is_new = each.subject.case_id is None or each.decision.close is not None
            counts.opened += is_step and is_new
            counts.moved += is_step and not is_new
            counts.told += sum(len(notice.refs) for notice in each.decision.notices)
        self._switch(judged, late, counts)
        counts.told += _untold(held) + self._broken(judged)
        return counts

    def _switch(self, judged: Sequence[Judged], late: Collection[int], counts: Counts) -> None:
        changed = [each for each in judged if each.is_change]
        off = [*casework.going_off(changed), *late]
        counts.suspended = len(casework.lines_on(off, self.today)) if off else 0
        coming = {each.subject.account_id: each for each in casework.coming_back(changed)}
        if coming:
            lines = casework.lines_off(list(coming))
            counts.restored = len(lines)
            told = [coming[pk].subject for pk in {pk for pk, _number in lines}]
            counts.told += sum(len(telling.everywhere(each)) + len(telling.family(each)) for each in told)

    def _broken(self, judged: Sequence[Judged]) -> int:
        """Who breaks his promise on that day is told on every contact."""
        broken = [each.subject for each in judged if promises.breaks(each.subject, self.today)]
        return sum(len(telling.everywhere(each)) for each in broken)


def _untold(held: Sequence[Judged]) -> int:
    keys = telling.held_keys(held)
    return len(keys) - Message.objects.filter(dedupe_key__in=keys).count() if keys else 0
