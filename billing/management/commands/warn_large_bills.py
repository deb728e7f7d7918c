import json
import sys
from collections import deque
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from billing.services.bills import large_bills
from core import batch, clock


class Command(BaseCommand):
    help = "Warns of new bills (巨额账单) of more than five times the mean of the three months before, once each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument(
            "--dry-run", action="store_true", help="count what would be warned of, change nothing"
        )
        parser.add_argument(
            "--limit", type=batch.positive, metavar="N", help="stop after looking at so many bills"
        )
        parser.add_argument(
            "--all", action="store_true", help="look at what earlier runs have looked at, too"
        )
        batch.add_region(parser)
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop, batch.refusing():
            job = large_bills.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                from_start=options["all"],
                region=options["region"],
                stop=stop,
            )
            steps = tqdm(large_bills.run(job), unit=" chunks", disable=not sys.stderr.isatty())
            last = deque(steps, maxlen=1)
        total = last[0] if last else large_bills.Counts()
        counts = total.as_json()
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else told)
        if total.failed:
            sys.exit(1)
