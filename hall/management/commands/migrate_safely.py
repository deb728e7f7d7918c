"""`migrate` for a hall that is open: short waits for locks, several tries, one migration at a time."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import batch
from hall.upkeep import migrating
from hall.upkeep.tools import UpkeepError


class Command(BaseCommand):
    help = (
        "Brings the tables up to date, as their owner, while customers are served: a migration that gets no lock in "
        "HALL_MIGRATION_LOCK_SECONDS is undone and tried again. Ends with 1 when one could not be done."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--tries", type=batch.positive, help="of each migration, instead of HALL_MIGRATION_TRIES"
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell what is pending")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            for app, name in migrating.pending():
                self.stdout.write(f"{app}.{name}")
            return
        known = migrating.Limits.of_settings()
        limits = migrating.Limits(
            known.lock_seconds, known.statement_seconds, options["tries"] or known.tries
        )
        try:
            done = migrating.run(limits=limits, say=self.stdout.write)
        except UpkeepError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{done} migrations")
