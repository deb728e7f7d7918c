from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from arrears.management import batch_command
from arrears.services import evidence
from core import batch, clock


class Command(BaseCommand):
    help = "Seals each account's new evidence into its chain, and the night into its root; once a night."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what would be sealed")
        parser.add_argument(
            "--limit", type=batch.positive, metavar="N", help="so many accounts, without a root"
        )
        parser.add_argument(
            "--everything",
            action="store_true",
            help="look at all rows, not only at those written since the last root",
        )
        parser.add_argument(
            "--chunk",
            type=batch.positive,
            default=evidence.CHUNK,
            metavar="N",
            help="accounts in a transaction",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop:
            job = evidence.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                everything=options["everything"],
                chunk=options["chunk"],
                stop=stop,
            )
            batch_command.carry_out(self, evidence.run(job), " chunks", as_json=options["json"])
