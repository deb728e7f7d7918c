from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from arrears.management import batch_command
from arrears.services import bulk_assessing
from core import batch, clock
from core.actor import Actor


class Command(BaseCommand):
    help = "The daily pass over all accounts in arrears: stages, notices, suspensions, restoring. Safe to run again."

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
                stop=stop,
                actor=Actor.command("assess_arrears"),
            )
            batch_command.carry_out(self, bulk_assessing.run(job), " blocks", as_json=options["json"])
