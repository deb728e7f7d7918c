from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from arrears.choices import Stage
from arrears.management import batch_command
from arrears.services import bulk_assessing
from arrears.services.casework import Judged
from core import batch, clock
from core.actor import Actor


class Command(BaseCommand):
    help = "Only the disconnection notices that are due: on every contact of each account, and by letter where needed."

    def add_arguments(self, parser: CommandParser) -> None:
        batch_command.add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop, batch.refusing():
            job = bulk_assessing.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                region=options["region"],
                account=options["account"],
                only=disconnection_notices,
                stages=BEFORE,
                stop=stop,
                actor=Actor.command("send_disconnection_notices"),
            )
            batch_command.carry_out(self, bulk_assessing.run(job), " blocks", as_json=options["json"])


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
