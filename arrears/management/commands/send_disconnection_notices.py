from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from arrears.choices import Stage
from arrears.management.batch_command import BatchCommand
from arrears.services import bulk_assessing
from arrears.services.casework import Judged
from arrears.services.runs import Counted
from core.actor import Actor


class Command(BatchCommand):
    help = "Only the disconnection notices that are due: on every contact of each account, and by letter where needed."
    job = bulk_assessing.JOB

    def steps(self, asked: dict[str, Any], options: dict[str, Any]) -> Iterator[Counted]:
        actor = Actor.command("send_disconnection_notices")
        return bulk_assessing.run(
            bulk_assessing.Job(**asked, actor=actor, only=disconnection_notices, stages=BEFORE)
        )


BEFORE = frozenset(
    {Stage.SUSPENDED, Stage.DISCONNECT_WARNED}
)  # one step at a time: nobody else can be warned


def disconnection_notices(each: Judged) -> Judged | None:
    """What this command does of a decision: tell who is warned of disconnection, and who is to be from today."""
    if each.decision.stage != Stage.DISCONNECT_WARNED or each.decision.close:
        return None
    notices = tuple(
        notice for notice in each.decision.notices if notice.rule.stage == Stage.DISCONNECT_WARNED
    )
    return replace(each, decision=replace(each.decision, notices=notices)) if notices else None
