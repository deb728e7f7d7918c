from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from arrears.management import batch_command
from arrears.services import restoring
from core import batch, clock
from core.actor import Actor


class Command(BaseCommand):
    help = "Lines that are off for arrears although nothing is owed any more are switched on again."

    def add_arguments(self, parser: CommandParser) -> None:
        batch_command.add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop, batch.refusing():
            job = restoring.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                region=options["region"],
                account=options["account"],
                stop=stop,
                actor=Actor.command("restore_services"),
            )
            batch_command.carry_out(self, restoring.run(job), " blocks", as_json=options["json"])
